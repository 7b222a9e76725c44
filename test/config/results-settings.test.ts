import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { loadSettings, parseSettings } from "../../src/config-load.ts";
import { secretsOf } from "../../src/config-values.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";

const needed = `
forge: {kind: local, directory: git, hookSecrets: [{env: S}]}
manifests: {repository: releng/manifests}
registries: {candidate: {endpoint: "c.test"}, production: {endpoint: "p.test"}}
signing: {gnupgHome: g, keys: {candidate: {openpgp: [{fingerprint: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}]}, production: {openpgp: [{fingerprint: BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB}]}}}
`;
let scratch: ScratchDirectory;
beforeEach(async () => {
  scratch = await scratchDirectory();
});
afterEach(() => scratch.remove());

test("without anything said an error is tried once more, artifacts are bounded, and nobody is told", () => {
  const { gating } = parseSettings(needed, "flibs.yaml");
  expect(gating).toMatchObject({
    ...{ retries: 1, retryPause: "10s" },
    artifacts: { most: 100, each: "5MiB", total: "50MiB" },
  });
  expect(gating.resultsdb).toBeUndefined();
});

test("the token of ResultsDB stands beside the settings file, and is masked wherever secrets are", async () => {
  const file = join(scratch.path, "flibs.yaml");
  await writeFile(file, `${needed}gating: {resultsdb: {url: "https://resultsdb.example.test", token: {file: token}}}\n`);
  await writeFile(join(scratch.path, "token"), "t0ken-secret\n");
  const settings = loadSettings(file, { S: "hook-secret" });
  expect(settings.gating.resultsdb).toEqual({ url: "https://resultsdb.example.test", token: { file: join(scratch.path, "token") } });
  expect(secretsOf(settings, { S: "hook-secret" })).toContain("t0ken-secret");
});

test.each([
  ["retries: -1"],
  ["retries: 11"],
  ["retryPause: soon"],
  ["artifacts: {most: 5000}"],
  ["artifacts: {each: 5MB}"],
  ["resultsdb: {url: resultsdb}"],
  ["resultsdb: {url: 'file:///etc'}"],
  ["resultsdb: {url: 'https://r.example.test', token: secret}"],
])("%s is refused", (line) => {
  expect(() => parseSettings(`${needed}gating: {${line}}\n`, "flibs.yaml")).toThrow(/gating/);
});
