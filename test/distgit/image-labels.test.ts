import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseDockerfile } from "../../src/distgit/dockerfile.ts";
import { addedLabels, noSiteLabels, type SiteLabels } from "../../src/distgit/image-labels.ts";
import { baseImageOf, findLabel, labelAliases, resolveLabels } from "../../src/distgit/labels.ts";
import { lintTree } from "../../src/distgit/lint.ts";
import { rewriteDockerfile } from "../../src/distgit/rewrite-dockerfile.ts";
import { memoryTree } from "../../src/distgit/tree.ts";

const none = { own: {}, inherited: {}, site: noSiteLabels, automatic: {} };

describe("aliases are filled both ways", () => {
  test.each(Object.values(labelAliases))("%s and %s", (name = "", old = "") => {
    expect(addedLabels({ ...none, own: { [name]: "x" } })).toEqual({ [old]: "x" });
    expect(addedLabels({ ...none, own: { [old]: "x" } })).toEqual({ [name]: "x" });
    expect(addedLabels({ ...none, own: { [name]: "x", [old]: "y" } })).toEqual({});
  });

  test("what the build says counts under both names", () => {
    expect(addedLabels({ ...none, own: { Release: "3" }, automatic: { release: "4" } })).toEqual({ release: "4", Release: "4" });
    const site = { ...noSiteLabels, values: { vendor: "Site" } };
    expect(addedLabels({ ...none, own: { Vendor: "Own" }, site })).toEqual({ vendor: "Site", Vendor: "Site" });
  });
});

describe("the site's labels", () => {
  const site: SiteLabels = {
    values: { vendor: "Site", "distribution-scope": "private", "com.redhat.license_terms": "https://site.test" },
    equal: [
      ["description", "io.k8s.description"],
      ["summary", "io.k8s.display-name", "title"],
    ],
    infoUrlFormat: "https://i.test/{name}/{version}-{release}",
  };
  const automatic = { release: "5" };
  const own = { name: "f42/a", version: "1" };

  test("come over the Dockerfile's, but for scope and licence", () => {
    const theirs = { ...own, vendor: "Own", "distribution-scope": "public", "com.redhat.license_terms": "own" };
    expect(addedLabels({ ...none, own: theirs, site, automatic })).toMatchObject({ vendor: "Site" });
    expect(addedLabels({ ...none, own: theirs, site, automatic })).not.toHaveProperty("distribution-scope");
    expect(addedLabels({ ...none, own: theirs, site, automatic })).not.toHaveProperty(["com.redhat.license_terms"]);
    expect(addedLabels({ ...none, own, site, automatic })).toMatchObject({ "distribution-scope": "private" });
  });

  test("are not repeated where the Dockerfile says the same, and count all the same", () => {
    const both: SiteLabels = { ...noSiteLabels, values: { vendor: "Site", Vendor: "Other" } };
    expect(addedLabels({ ...none, own: { vendor: "Site" }, site: both })).toEqual({ Vendor: "Other" });
  });

  test("url is made of labels, old names too", () => {
    expect(addedLabels({ ...none, own, site, automatic }).url).toBe("https://i.test/f42/a/1-5");
    expect(addedLabels({ ...none, own: { Name: "b", Version: "2" }, site, automatic }).url).toBe("https://i.test/b/2-5");
  });

  test.each([
    {
      name: "the first that is set fills the others",
      own: { title: "t" },
      inherited: {},
      added: { summary: "t", "io.k8s.display-name": "t" },
    },
    { name: "the first counts when two are set", own: { summary: "s", title: "t" }, inherited: {}, added: { "io.k8s.display-name": "s" } },
    {
      name: "the Dockerfile's counts over the base image's, also where that has one",
      own: { "io.k8s.description": "own" },
      inherited: { description: "base" },
      added: { description: "own" },
    },
    {
      name: "the base image's fills what it lacks itself",
      own: {},
      inherited: { description: "base" },
      added: { "io.k8s.description": "base" },
    },
    { name: "nothing is set", own: {}, inherited: {}, added: {} },
  ])("equal labels: $name", ({ own, inherited, added }) => {
    expect(addedLabels({ ...none, own, inherited, site: { values: {}, equal: site.equal } })).toEqual(added);
  });
});

describe("what lint says of them", () => {
  const dockerfile = (labels: string) =>
    `FROM r.example.test/f:1 AS base\nFROM base\nLABEL com.redhat.component=a-container name=f42/a version=1\nLABEL ${labels}\n`;
  async function said(labels: string, site: Partial<SiteLabels>, inherited?: Record<string, string>) {
    const context = { labels: { ...noSiteLabels, ...site }, parentLabels: () => inherited };
    const { findings, identity } = await lintTree(memoryTree({ Dockerfile: dockerfile(labels) }), () => ({}), context);
    expect(identity === undefined).toBe(findings.some((one) => one.severity === "error"));
    return findings.map(({ line, severity, message, fix }) => `${line} ${severity}: ${message} | ${fix}`);
  }

  test("two names of one label that differ", async () => {
    expect(await said("Name=f42/b", {})).toEqual([
      '4 warning: labels "name" and "Name" mean the same and differ; "name" counts | Remove Name: it is added with the value of name',
    ]);
    expect(await said("Name=f42/a", {})).toEqual([]);
  });

  test("a value that the site overrules", async () => {
    expect(await said("vendor=Own", { values: { vendor: "Site" } })).toEqual([
      '4 warning: label "vendor" becomes "Site" in the image, as the site\'s settings want it | Remove the label: the site gives it',
    ]);
    expect(await said("distribution-scope=public", { values: { "distribution-scope": "private" } })).toEqual([]);
  });

  test("a label that the site's url needs", async () => {
    expect(await said("a=b", { infoUrlFormat: "https://i.test/{name}/{release}/{usage}" })).toEqual([
      '2 error: label "usage" is missing; the site makes the image\'s label "url" of it | Add: LABEL usage="<value>"',
    ]);
    expect(await said("usage=b", { infoUrlFormat: "https://i.test/{Name}/{usage}/{vendor}", values: { Vendor: "x" } })).toEqual([]);
  });

  const scopes = ["private", "authoritative-source-only", "restricted", "public"];
  const pairs = scopes.flatMap((mine, own) => scopes.map((theirs, base) => ({ mine, theirs, refused: own > base })));
  test.each(pairs)("scope $mine on a base image that is $theirs: refused is $refused", async ({ mine, theirs, refused }) => {
    const refusal = `4 error: label "distribution-scope" is "${mine}", but the base image's is "${theirs}"; an image must not be open to more people than what it is made of | Write LABEL distribution-scope="${theirs}", or use another base image`;
    expect(await said(`distribution-scope=${mine}`, {}, { "distribution-scope": theirs })).toEqual(refused ? [refusal] : []);
  });

  test.each([
    ["absent here", "a=b", { "distribution-scope": "private" }],
    ["unknown here", "distribution-scope=everybody", { "distribution-scope": "private" }],
    ["absent there", "distribution-scope=public", {}],
    ["unknown there", "distribution-scope=public", { "distribution-scope": "nobody" }],
    ["not known yet", "distribution-scope=public", undefined],
  ])("no check where a scope is %s", async (_, labels, inherited) => {
    expect(await said(labels, {}, inherited)).toEqual([]);
  });

  test("the site's scope counts where the Dockerfile has none", async () => {
    const [finding] = await said("a=b", { values: { "distribution-scope": "public" } }, { "distribution-scope": "private" });
    expect(finding).toMatch(/^2 error: label "distribution-scope" is "public", but/);
  });
});

const word = fc.string({ unit: fc.constantFrom(..."aB1 \"'$\\{}=".split("")), maxLength: 8 });
const names = fc.constantFrom(
  ...Object.values(labelAliases).flat(),
  "summary",
  "description",
  "io.k8s.description",
  "url",
  "__proto__",
  "constructor",
);
const record = fc.dictionary(names, word, { maxKeys: 8 });
const sources = fc.record({
  own: record,
  inherited: fc.dictionary(fc.constantFrom("summary", "description", "io.k8s.description", "url"), word),
  automatic: fc.record({ release: fc.constantFrom("1", "2.fc42") }),
  site: fc.record({
    values: fc.dictionary(fc.constantFrom("vendor", "Vendor", "summary", "distribution-scope"), word),
    equal: fc.constantFrom([], [["description", "io.k8s.description", "summary"]]),
  }),
});

describe("whatever stands in the labels", () => {
  test("the image that comes out has one value under all names of a label, and nothing of it is left to add", () => {
    fc.assert(
      fc.property(sources, (given) => {
        const added = addedLabels(given);
        const image: Record<string, string> = Object.assign(Object.create(null), given.own, added);
        for (const [name = "", old = ""] of Object.values(labelAliases)) {
          expect(name in image).toBe(old in image);
          const isContradicted = name in given.site.values && old in given.site.values;
          if (name in added && !isContradicted) expect(image[old]).toBe(old in added ? added[old] : added[name]);
        }
        expect(image.release).toBe(given.automatic.release);
        // Of what is there now nothing is missing, so asking again adds nothing but the same.
        const whole: Record<string, string> = Object.assign(Object.create(null), given.inherited, image);
        const again = addedLabels({ ...given, own: { ...whole }, inherited: {} });
        for (const [name, value] of Object.entries(again)) expect(whole[name]).toBe(value);
      }),
      { numRuns: 500 },
    );
  });

  test("Docker's reading of the rewritten file gives exactly what was meant", () => {
    fc.assert(
      fc.property(sources, (given) => {
        const { dockerfile } = parseDockerfile("FROM r.x/f:1\nLABEL a=b\nCMD a\n");
        if (dockerfile === undefined) throw new Error("no stage");
        const added = addedLabels(given);
        const after = parseDockerfile(rewriteDockerfile(dockerfile, { pinned: () => undefined, labels: added }).text).dockerfile;
        if (after === undefined) throw new Error("no stage");
        const { labels } = resolveLabels(after, () => ({}));
        expect(new Map([...labels.values()].map((one) => [one.name, one.value]))).toEqual(new Map([["a", "b"], ...Object.entries(added)]));
      }),
      { numRuns: 300 },
    );
  });

  test("resolving labels follows the stages, the last of a name counts, and the new alias before the old", () => {
    const line = fc.tuple(fc.constantFrom("name", "Name", "a"), fc.constantFrom("1", "$V", '"x $V"', "'$V'"));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), fc.array(line, { maxLength: 5 }), fc.constantFrom("p", ""), (below, above, parent) => {
        const write = (lines: readonly (readonly [string, string])[]) => lines.map(([name, value]) => `LABEL ${name}=${value}\n`).join("");
        const source = `FROM r.x/f:1 AS b\n${write(below)}FROM b\nENV V=2\n${write(above)}`;
        const { dockerfile } = parseDockerfile(source);
        if (dockerfile === undefined) throw new Error("no stage");
        const expected = new Map<string, string>();
        const fill = (value: string, v: string) => (value.startsWith("'") ? "$V" : value.replaceAll('"', "").replace("$V", v));
        for (const [name, value] of below) expected.set(name, fill(value, parent));
        for (const [name, value] of above) expected.set(name, fill(value, "2"));
        const { labels } = resolveLabels(dockerfile, () => ({ V: parent }));
        expect(new Map([...labels].map(([name, label]) => [name, label.value]))).toEqual(expected);
        expect(findLabel(labels, "name")?.value).toBe(expected.get("name") ?? expected.get("Name"));
        expect(baseImageOf(dockerfile)).toBe("r.x/f:1");
      }),
    );
  });
});
