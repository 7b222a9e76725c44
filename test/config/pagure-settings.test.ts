import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { loadSettings, parseSettings } from "../../src/config-load.ts";
import { secretsOf } from "../../src/config-values.ts";

const least = "kind: pagure, user: lisbot, email: lisbot@example.org, token: {env: REPORTS}";
const textOf = (forge: string) =>
  [
    `forge: {${forge}}`,
    "manifests: {repository: releng/manifests}",
    "registries: {candidate: {endpoint: c.example.org}, production: {endpoint: p.example.org}}",
    `signing: {gnupgHome: gpg, keys: {candidate: {openpgp: [{fingerprint: ${"A".repeat(40)}}]}, production: {openpgp: [{fingerprint: ${"B".repeat(40)}}]}}}`,
    "",
  ].join("\n");
const settings = (forge: string) => parseSettings(textOf(forge), "flibs.yaml");
const directory = mkdtempSync(join(tmpdir(), "flibs-config-pagure-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("the settings of a Pagure", () => {
  test("have defaults: Fedora's dist-git, pushes over HTTPS, keys read there, SHA-256 alone", () => {
    expect(settings(least).forge).toMatchObject({
      ...{ url: "https://src.fedoraproject.org", push: { kind: "https" }, hookKeys: {}, readHookKeys: true, acceptSha1: false },
    });
  });

  test("name files relative to the settings file", () => {
    const ssh = "push: {kind: ssh, url: 'ssh://git@pagure.io', key: id, knownHosts: known}";
    const keys = "promotionToken: {file: p.token}, hookKeys: {container/hello: [{file: hello.key}]}";
    const file = join(directory, "flibs.yaml");
    writeFileSync(file, textOf(`${least}, ${ssh}, ${keys}`));
    expect(loadSettings(file, {}).forge).toMatchObject({
      push: { key: join(directory, "id"), knownHosts: join(directory, "known") },
      promotionToken: { file: join(directory, "p.token") },
      hookKeys: { "container/hello": [{ file: join(directory, "hello.key") }] },
    });
  });

  test("hold secrets that are masked wherever they are said", () => {
    const all = `${least}, promotionToken: {env: PROMOTIONS}, hookKeys: {container/hello: [{env: NEW}, {env: OLD}]}`;
    const environment = { REPORTS: "r", PROMOTIONS: "p", NEW: "n", OLD: "o" };
    expect(secretsOf(settings(all), environment)).toEqual(expect.arrayContaining(["r", "p", "n", "o"]));
  });

  test.each([
    ["a user with a space", least.replace("user: lisbot", "user: 'the bot'"), /write the login name/],
    ["an address that is none", least.replace("lisbot@example.org", "lisbot"), /write an e-mail address/],
    ["a day that is none", `${least}, tokenExpires: soon`, /tokenExpires/],
    ["a project without a namespace", `${least}, hookKeys: {hello: [{env: K}]}`, /write namespace\/name|hookKeys/],
    ["an address for pushes that is no SSH", `${least}, push: {kind: ssh, url: 'https://x', key: k, knownHosts: h}`, /write ssh:/],
    ["a word that is none", `${least}, hookSecrets: []`, /hookSecrets/],
  ])("are refused with %s", (_name, forge, message) => {
    expect(() => settings(forge)).toThrow(message);
  });
});
