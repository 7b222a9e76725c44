import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { buildMetadata } from "../../src/koji/build-metadata.ts";
import { checkMetadata, findFault, stockHub } from "../../src/koji/check-metadata.ts";
import { aFinishedBuild } from "../support/finished-build.ts";

const fixtures = join(import.meta.dirname, "../fixtures/koji");
const read = (name: string) => JSON.parse(readFileSync(join(fixtures, name), "utf8"));

interface Operation {
  readonly op: "add" | "remove" | "replace" | "copy";
  readonly path: string;
  readonly value?: unknown;
  readonly from?: string;
}
interface Row {
  readonly case: string;
  readonly call: string;
  readonly patch?: readonly Operation[];
  readonly as?: string | null;
  readonly fault?: { readonly faultCode: number; readonly lastLine: string };
  readonly result?: unknown;
}
const { baseline, rows } = read("validation.json") as { baseline: { metadata: unknown }; rows: readonly Row[] };

/** RFC 6902, as far as the table uses it. */
function patched(document: unknown, operations: readonly Operation[]): unknown {
  const copy = structuredClone(document);
  const at = (path: string) => {
    const keys = path.slice(1).split("/");
    const last = keys.pop() ?? "";
    let holder = copy as Record<string, unknown>;
    for (const key of keys) holder = holder[key] as Record<string, unknown>;
    return { holder, last };
  };
  for (const { op, path, value, from } of operations) {
    const { holder, last } = at(path);
    const source = from === undefined ? undefined : at(from);
    const given = source === undefined ? value : structuredClone(source.holder[source.last]);
    if (op === "remove") delete holder[last];
    else if (Array.isArray(holder) && last === "-") holder.push(given);
    else holder[last] = given;
  }
  return copy;
}

/** What only a hub can know: who asks, what is in its tables, what was uploaded, which builds and tasks it has. */
const beyondMetadata = [
  "user without CG access",
  "unknown content_generator",
  "build.owner unknown",
  "filesize mismatch",
  "file never uploaded",
  "kojifile wrong nvr",
  "token without build_id",
  "task_id unknown",
];

describe("what a real hub said of metadata", () => {
  const imports = rows.filter((row) => row.call === "CGImport");

  test("each row of the table is looked at, or names what is not in the metadata", () => {
    expect(imports.length).toBe(29);
    for (const name of beyondMetadata) expect(imports.map((row) => row.case)).toContain(name);
  });

  test.each(imports.filter((row) => row.fault !== undefined && !beyondMetadata.includes(row.case)))(
    "refused: $case",
    ({ patch = [], fault }) => {
      // The hub names the directory of its own machine.
      const words = fault?.lastLine.replace("/mnt/koji/", "");
      expect(findFault(patched(baseline.metadata, patch))).toEqual({ code: fault?.faultCode, message: words });
      expect(() => checkMetadata(patched(baseline.metadata, patch))).toThrow(`Koji would refuse this metadata: ${words}`);
    },
  );

  test.each(imports.filter((row) => row.fault === undefined || beyondMetadata.includes(row.case)))("taken: $case", ({ patch = [] }) => {
    expect(findFault(patched(baseline.metadata, patch))).toBeUndefined();
  });

  test.each(imports.filter((row) => row.fault === undefined))("our schema takes it too: $case", ({ patch = [] }) => {
    const metadata = patched(baseline.metadata, patch);
    // The table's image ids are too short to be any, which the hub does not mind.
    const whole = JSON.parse(JSON.stringify(metadata).replaceAll("sha256:abc", `sha256:${"a".repeat(64)}`));
    expect(checkMetadata(whole)).toEqual(whole);
  });

  test("metadata of two platforms, logs and a reservation that a hub took is taken", () => {
    const metadata = read("CGImport.metadata.json");
    expect(checkMetadata(metadata)).toEqual(metadata);
  });
});

type Change = (metadata: ReturnType<typeof whole>) => void;
// biome-ignore lint/suspicious/noExplicitAny: what is wrong with it is the point
const whole = (): any => structuredClone(buildMetadata(aFinishedBuild(), []));
const set =
  (path: string, value: unknown): Change =>
  (metadata) => {
    const keys = path.split(".");
    const last = keys.pop() ?? "";
    let holder = metadata;
    for (const key of keys) holder = holder[key];
    if (value === undefined) delete holder[last];
    else holder[last] = value;
  };

describe("each deviation of the handbook's table that metadata shows", () => {
  test.each<[string, Change, number, string]>([
    ["another version", set("metadata_version", 2), 1000, "No such metadata version: 2"],
    ...["metadata_version", "build", "buildroots", "output"].map(
      (key) => [`no ${key}`, set(key, undefined), 1, `KeyError: '${key}'`] as [string, Change, number, string],
    ),
    ...["source", "extra", "start_time", "end_time"].map(
      (key) => [`no build.${key}`, set(`build.${key}`, undefined), 1, `KeyError: '${key}'`] as [string, Change, number, string],
    ),
    ["no arch of an image", set("output.0.extra.image.arch", undefined), 1, "KeyError: 'arch'"],
    ...["name", "version", "release"].map(
      (key) =>
        [`no ${key}`, set(`build.${key}`, undefined), 1000, "did not provide name, version, and release"] as [
          string,
          Change,
          number,
          string,
        ],
    ),
    [
      "two content generators",
      set("buildroots.1.content_generator.name", "atomic-reactor"),
      1000,
      "Koji now support only one content-generator per import",
    ],
    ["no buildroots", set("buildroots", []), 1019, "Invalid name or id value: None"],
    ["a buildroot id twice", set("buildroots.1.id", "docker-x86_64"), 1000, "Duplicate buildroot id in metadata: 'docker-x86_64'"],
    ["a buildroot that nothing uses", set("buildroots.1.id", 7), 1000, "Buildroot id not used in output: 7"],
    ["an unknown buildroot", set("output.2.buildroot_id", "zz"), 1000, "Missing buildroot metadata for id 'zz'"],
    ["a dash in the version", set("build.version", "3-0"), 1000, 'The "-" character not allowed in version field'],
    ["a dash in the release", set("build.release", "1-1"), 1000, 'The "-" character not allowed in release field'],
    ["a name with a space", set("build.name", "a b"), 1000, "Name a b does not match RegexNameInternal value"],
    ["an empty release", set("build.release", ""), 1000, "Destination directory already exists: packages/cockpit-container/300/"],
    ["no type of the build", set("build.extra", {}), 1000, "Output type image not listed in build types"],
    ["a type twice", set("build.extra.typeinfo", { image: {} }), 1000, "Duplicate typeinfo for 'image'"],
    ["a type that the hub does not know", set("build.extra.typeinfo", { foo: {} }), 1000, "No such entry in table btype: foo"],
    ["an output of no type", set("output.0.extra", { docker: {} }), 1000, `No typeinfo for: ${whole().output[0].filename}`],
    [
      "an output of two types",
      set("output.0.extra.typeinfo", { icm: {} }),
      1000,
      `Output file has multiple types: ${whole().output[0].filename}`,
    ],
    ["subdir of an image", set("output.0.subdir", "x"), 1000, "subdir field not allowed for legacy btypes"],
    [
      "subdir of an rpm",
      (metadata) => Object.assign(metadata.output[0], { type: "rpm", subdir: "x" }),
      1000,
      "subdir field not allowed for rpm outputs",
    ],
    ["an ending that the hub does not know", set("output.0.filename", "a.tar.zst"), 1000, "unsupported file extension: a.tar.zst"],
    ["another checksum", set("output.0.checksum_type", "sha512"), 1000, "Unsupported verify type: sha512"],
    ["an rpm from elsewhere", set("output.0.components.0.location", "http://x"), 1000, "External rpms not allowed"],
    ["a component of another kind", set("output.0.components.0.type", "deb"), 1000, "No such component type: deb"],
    [
      "two tasks",
      (metadata) => Object.assign(metadata.build, { task_id: 1, extra: { ...metadata.build.extra, container_koji_task_id: 2 } }),
      1000,
      "CG provided non-matching task_id 1 and container_koji_task_id 2",
    ],
    ["a draft", set("build.draft", true), 1000, "Draft build not supported"],
  ])("%s", (_, change, code, message) => {
    const metadata = whole();
    expect(findFault(metadata)).toBeUndefined();
    change(metadata);
    expect(findFault(metadata)).toEqual({ code, message });
  });

  test.each<[string, Change]>([
    ["md5, adler32", set("output.0.checksum_type", "adler32")],
    ["a log with subdir", set("output.2.subdir", "x")],
    ["metadata_only", set("output.0.metadata_only", true)],
    ["no source", set("build.source", null)],
    ["an owner", set("build.owner", "maint")],
    ["one task of the two", set("build.task_id", 1)],
  ])("passes: %s", (_, change) => {
    const metadata = whole();
    change(metadata);
    expect(checkMetadata(metadata)).toEqual(metadata);
  });

  test("a hub that was taught fewer types refuses what another takes", () => {
    const metadata = whole();
    metadata.build.extra.typeinfo = { icm: {} };
    expect(findFault(metadata)).toBeUndefined();
    expect(findFault(metadata, { ...stockHub, btypes: ["image"] })).toEqual({ code: 1000, message: "No such entry in table btype: icm" });
  });

  test.each([undefined, null, 7, "x", [], { metadata_version: 0 }, { metadata_version: 0, buildroots: [null] }])(
    "%j is refused, not thrown at",
    (value) => {
      expect(() => checkMetadata(value)).toThrow("Koji would refuse this metadata: ");
    },
  );
});

describe("our own schema is stricter than the hub", () => {
  test.each<[string, Change, string]>([
    ["an unknown member", set("build.extra.image.indx", {}), 'Unrecognized key: "indx"'],
    ["a digest that is none", set("build.extra.image.index.digests.x", "sha256:33"), "not a sha256 digest"],
    [
      "the machine's own configuration",
      set("output.0.extra.docker.config.container_config", {}),
      "container_config tells of the build's machine",
    ],
    ["a file in a directory", set("output.2.filename", "a/b.log"), "a slash in a file name"],
  ])("%s", (_, change, message) => {
    const metadata = whole();
    change(metadata);
    expect(findFault(metadata)).toBeUndefined();
    expect(() => checkMetadata(metadata)).toThrow(message);
  });
});
