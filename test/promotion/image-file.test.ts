import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { editImageFile, newImageFile, parseImageFile, parsePolicy, sortFloating } from "../../src/promotion/image-file.ts";
import { initialManifestRepository } from "../../src/promotion/initial-manifest-repository.ts";
import { matchesRoute } from "../../src/promotion/registry-manifest.ts";

const path = "images/f40/cockpit.yaml";
const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parseImageFile(path, bytes(text));
const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;
const good = `# owned by the cockpit people
schema: 1
repository: f40/cockpit
releases:
  "323-1.fc40": # first
    digest: ${digest("a")}
    build: "b1"

  # trailing comment
floating:
  "323": "323-1.fc40" # stable
  latest: "323-1.fc40"
`;

describe("strict reading", () => {
  test("a good file with comments is taken", () => {
    expect(parse(good)).toMatchObject({ ok: true, value: { repository: "f40/cockpit" } });
  });

  const bad: { name: string; text: string; line: number; says: RegExp }[] = [
    { name: "number as key", text: good.replace('"323": ', "323: "), line: 11, says: /key 323 is not text/ },
    {
      name: "plain key that other readers misread",
      text: good.replace('"323-1.fc40": #', "323-1.fc40: #"),
      line: 5,
      says: /not in quotes/,
    },
    { name: "the Norway problem", text: good.replace("latest:", "no:"), line: 12, says: /not in quotes/ },
    { name: "duplicate key", text: `${good}  latest: "323-1.fc40"\n`, line: 13, says: /there twice/ },
    {
      // Comparing each key with all before it would take minutes.
      name: "a key that stands there twice, with 25,000 others between",
      text: `${good}${Array.from({ length: 25_000 }, (_, i) => `  a${i}: "1"\n`).join("")}  a0: "1"\n`,
      line: 25_013,
      says: /there twice/,
    },
    { name: "a list of nothing but commas", text: `${good}  more: [${"1,".repeat(400_000)}1]\n`, line: 13, says: /too many parts/ },
    { name: "anchor", text: good.replace("repository: f40", "repository: &x f40"), line: 3, says: /anchor &x/ },
    { name: "alias", text: good.replace('latest: "323-1.fc40"', "latest: *x"), line: 12, says: /alias/i },
    { name: "merge key", text: good.replace("latest:", '"<<":'), line: 12, says: /merge key/ },
    { name: "type tag", text: good.replace("schema: 1", "schema: !!int 1"), line: 2, says: /type tag/ },
    { name: "own type tag", text: good.replace("schema: 1", "schema: !ruby/object 1"), line: 2, says: /tag/ },
    { name: "two documents", text: `${good}---\nschema: 1\n`, line: 13, says: /more than one|mark/ },
    { name: "directive", text: `%YAML 1.1\n---\n${good}`, line: 1, says: /directive|mark/ },
    { name: "block scalar", text: good.replace('build: "b1"', "build: |\n      b1"), line: 7, says: /block/ },
    { name: "tab", text: good.replace("  latest", "\tlatest"), line: 12, says: /U\+0009/ },
    { name: "carriage return", text: good.replace("schema: 1\n", "schema: 1\r\n"), line: 2, says: /U\+000D/ },
    { name: "text direction override", text: good.replace("# first", "# \u202e first"), line: 5, says: /U\+202E/ },
    { name: "explicit key", text: `${good}? x\n: y\n`, line: 13, says: /with \?/ },
    { name: "unknown field", text: good.replace("schema: 1", "schema: 1\ncolour: red"), line: 3, says: /unknown field "colour"/ },
    { name: "wrong path", text: good.replace("f40/cockpit", "f41/cockpit"), line: 3, says: /stands for "f40\/cockpit"/ },
    { name: "latest not at the end", text: `${good}  zz: "323-1.fc40"\n`, line: 12, says: /not in its place/ },
    {
      name: "fields out of order",
      text: good.replace("schema: 1\nrepository: f40/cockpit", "repository: f40/cockpit\nschema: 1"),
      line: 2,
      says: /not in its place/,
    },
    { name: "short digest", text: good.replace(/a{64}/, "a"), line: 6, says: /not a digest/ },
    { name: "braces", text: good.replace(/floating:.*/s, "floating: {}\n"), line: 10, says: /braces/ },
    { name: "prototype", text: good.replace("latest:", '"__proto__":'), line: 12, says: /__proto__/ },
    { name: "a million brackets", text: "[".repeat(500_000), line: 1, says: /nested too deeply/ },
    { name: "deep lists", text: "- ".repeat(100_000), line: 1, says: /nested too deeply/ },
    { name: "empty", text: "", line: 1, says: /expected|empty/i },
  ];
  test.each(bad)("$name is refused in line $line", ({ text, line, says }) => {
    const parsed = parse(text);
    if (parsed.ok) throw new Error("taken");
    const fault = parsed.faults.find((one) => says.test(one.message));
    expect(parsed.faults.map((one) => one.message).join("\n")).toMatch(says);
    expect(fault).toMatchObject({ file: path, line, check: "CK1" });
    expect(fault?.fix).not.toBe("");
  });

  test("a huge file and bytes that are no text are refused", () => {
    expect(parseImageFile(path, new Uint8Array(2 * 1024 * 1024))).toMatchObject({
      ok: false,
      faults: [{ message: expect.stringContaining("at most") }],
    });
    expect(parseImageFile(path, Uint8Array.of(0xff, 0xfe))).toMatchObject({
      ok: false,
      faults: [{ message: expect.stringContaining("UTF-8") }],
    });
  });

  test("whatever the text, reading ends with an answer", () => {
    const piece = fc.constantFrom(
      "a",
      ":",
      " ",
      "\n",
      "- ",
      "{",
      "}",
      "[",
      "&x ",
      "*x",
      "!t ",
      '"',
      "'",
      "schema: 1\n",
      "releases:\n",
      "  ",
      "|",
      "?",
      "#",
      "---\n",
      "%",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => typeof parse(pieces.join("")).ok === "boolean"),
      { numRuns: 500 },
    );
  });
});

describe("editing", () => {
  test("touches only the lines that must differ, comments survive", () => {
    const parsed = parse(good);
    if (!parsed.ok) throw new Error("refused");
    const edited = editImageFile(parsed, {
      tag: "323-2.fc40",
      release: { digest: digest("b"), build: "b2" },
      floating: ["323", "latest", "323.1"],
    });
    expect(edited).toBe(
      good
        .replace('build: "b1"\n', `build: "b1"\n  "323-2.fc40":\n    digest: ${digest("b")}\n    build: "b2"\n`)
        .replace('"323": "323-1.fc40" # stable\n', '"323": "323-2.fc40" # stable\n  "323.1": "323-2.fc40"\n')
        .replace('latest: "323-1.fc40"', 'latest: "323-2.fc40"'),
    );
    expect(parse(edited).ok).toBe(true);
  });

  test("any file, any release: it reads back as meant, and every other line stays", () => {
    const release = fc.integer({ min: 1, max: 99 }).map((n) => `${n}-1.fc40`);
    const tag = fc.constantFrom("latest", "1.10", "323", "testing", "on", "0x1", "stable");
    const comment = fc.constantFrom("", " # kept", "\n  # own line", "\n");
    const property = fc.property(
      fc.uniqueArray(release, { minLength: 1, maxLength: 6 }),
      fc.uniqueArray(tag, { maxLength: 5 }),
      fc.uniqueArray(tag, { maxLength: 5 }),
      comment,
      fc.boolean(),
      (releases, before, moved, extra, newline) => {
        const [first = "", ...others] = releases;
        const lines = [first, ...others].map((one) => `  "${one}":\n    digest: ${digest("a")}\n    build: "b1"${extra}\n`);
        const floating = sortFloating(before).map((one) => `  "${one}": "${first}"${extra}\n`);
        const whole = `schema: 1\nrepository: f40/cockpit\nreleases:\n${lines.join("")}${floating.length > 0 ? `floating:\n${floating.join("")}` : ""}`;
        const text = newline ? whole : whole.replace(/\n+$/, "");
        const parsed = parse(text);
        if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
        const edited = editImageFile(parsed, { tag: "100-1.fc40", release: { digest: digest("b"), build: "b2" }, floating: moved });
        const result = parse(edited);
        if (!result.ok) throw new Error(`${JSON.stringify(result.faults)}\n${edited}`);
        expect(Object.keys(result.value.releases).sort()).toEqual([...releases, "100-1.fc40"].sort());
        for (const one of before) expect(result.value.floating?.[one]).toBe(moved.includes(one) ? "100-1.fc40" : first);
        for (const one of moved) expect(result.value.floating?.[one]).toBe("100-1.fc40");
        // Taking the new release's lines away and the moves back gives the old text.
        const added = new Set([`  "100-1.fc40":`, `    digest: ${digest("b")}`, `    build: "b2"`]);
        const fresh = moved.filter((one) => !before.includes(one));
        const kept = edited
          .split("\n")
          .filter(
            (line) => !added.has(line) && !fresh.some((one) => line === `  ${one}: "100-1.fc40"` || line === `  "${one}": "100-1.fc40"`),
          )
          .filter((line) => before.length > 0 || moved.length === 0 || line !== "floating:")
          .join("\n")
          .replaceAll('"100-1.fc40"', `"${first}"`);
        expect(kept.replace(/\n$/, "")).toBe(text.replace(/\n$/, ""));
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  test("a new file is in canonical form", () => {
    const text = newImageFile("f40/cockpit", {
      tag: "323-1.fc40",
      release: { digest: digest("a"), build: "b1" },
      floating: ["latest", "323"],
    });
    expect(parse(text).ok).toBe(true);
    expect(text).toContain('floating:\n  "323": "323-1.fc40"\n  latest: "323-1.fc40"\n');
  });
});

describe("policy", () => {
  const text = initialManifestRepository(
    {
      candidate: { endpoint: "127.0.0.1:5000", publicName: "candidate.example.test" },
      production: { endpoint: "[::1]:5001", publicName: "registry.example.test" },
    },
    ["linux/amd64"],
  )["policy.yaml"] as string;
  test("the initial policy is taken", () => {
    expect(parsePolicy(bytes(text))).toMatchObject({ ok: true, value: { platforms: { require: ["linux/amd64"] } } });
  });
  test.each(["^(a+)+$", "a", "^[a$", "^a*b*c*d*e*$", "^(?=a).*$", "^a\\1$"])("the pattern %s is refused", (pattern) => {
    expect(parsePolicy(bytes(text.replace("'^latest$'", `'${pattern}'`))).ok).toBe(false);
  });
  test.each([
    ["f*/**", "f40/cockpit", true],
    ["f*/**", "f40/a/b", true],
    ["f*/*", "f40/a/b", false],
    ["f*/**", "epel9/cockpit", false],
    ["**", "anything/at/all", true],
    ["f4?/x", "f40/x", false],
    [`${"*a".repeat(50)}b`, "a".repeat(200), false],
  ])("route %s and %s: %s", (pattern, repository, matches) => {
    expect(matchesRoute(pattern, repository)).toBe(matches);
  });
});
