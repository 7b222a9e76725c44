import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { loadSignerSettings } from "../../src/config-signer.ts";

const directory = mkdtempSync(join(tmpdir(), "flibs-config-"));
afterAll(() => rmSync(directory, { recursive: true }));
const file = join(directory, "signer.yaml");
const load = (text: string) => {
  writeFileSync(file, text);
  return loadSignerSettings(file);
};
/** The one that the docs show. */
const shown = /`\/etc\/flibs\/signer\.yaml`[\s\S]*?```yaml\n([\s\S]*?)```/.exec(readFileSync("docs/signer.md", "utf8"))?.[1] ?? "";

describe("settings of flibs signer", () => {
  test("the docs' example is right, and its paths are relative to the file", () => {
    const settings = load(shown);
    expect(settings).toMatchObject({
      socket: "/run/flibs-signer/socket",
      timeout: "5m",
      manifests: { branch: "main", password: { file: join(directory, "forge-token") } },
      registries: { production: { password: { file: join(directory, "registry-token") } } },
      signing: { lookaside: "/srv/flibs-lookaside", keys: { production: { openpgp: [{ use: "sign" }] } } },
    });
  });
  test.each([
    [
      "keys of candidate",
      (text: string) => text.replace("    production: {openpgp", "    candidate: {openpgp"),
      /needs no keys of candidate/,
    ],
    ["a registry without keys", (text: string) => text.replace("    production: {openpgp", "    other: {openpgp"), /no keys "production"/],
    [
      "candidate's keys for production",
      (text: string) => text.replace("username: signer,", "signingKey: candidate, username: signer,"),
      /must not sign here/,
    ],
    ["no candidate", (text: string) => text.replace("  candidate: {endpoint: candidate.example.test}\n", ""), /needs candidate/],
    ["a password in the address", (text: string) => text.replace("https://", "https://me:secret@"), /address without a name/],
    ["another protocol", (text: string) => text.replace("https://forge", "ext::sh -c evil"), /https address/],
    ["a signer of a signer", (text: string) => text.replace("  lookaside:", "  signer: {socket: /x}\n  lookaside:"), /signer/],
    ["an unknown key", (text: string) => `${text}forge: {}\n`, /forge/],
    ["no YAML", () => "a: [", /is not YAML/],
    ["a time that no timer takes", (text: string) => `${text}timeout: 25d\n`, /at most 24 days/],
    ["nothing", () => "", /is not valid/],
  ])("%s is refused", (_name, edit, why) => {
    expect(() => load(edit(shown))).toThrow(why);
  });
  test("a missing file says where one is shown", () => {
    expect(() => loadSignerSettings(join(directory, "none"))).toThrow(
      expect.objectContaining({ code: "config.unreadable", hint: "docs/signer.md shows one" }),
    );
  });
});
