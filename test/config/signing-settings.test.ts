import { describe, expect, test } from "@jest/globals";
import { settingLines } from "../../src/config-explain.ts";
import { parseSettings } from "../../src/config-load.ts";
import { keySetOf, signingKeyName } from "../../src/config-signing.ts";
import { policyRegistries, secretsOf } from "../../src/config-values.ts";

const [a, b, c] = ["A".repeat(40), "B".repeat(40), "C".repeat(40)];
const parse = (keys: string, production = "") =>
  parseSettings(
    `
forge: {kind: local, directory: git, hookSecrets: [{env: HOOK}]}
manifests: {repository: releng/manifests}
registries: {candidate: {endpoint: "127.0.0.1:5001"}, production: {endpoint: "127.0.0.1:5002"${production}}}
signing: {gnupgHome: gpg, keys: {${keys}}}
`,
    "flibs.yaml",
  );
const usual = `candidate: {openpgp: [{fingerprint: ${a}}]}, production: {openpgp: [{fingerprint: ${b}}]}`;

describe("signing.keys", () => {
  test("a registry is signed with the keys of its name, or with those that it names", () => {
    expect(keySetOf(parse(usual), "production").openpgp).toEqual([{ fingerprint: b, use: "sign" }]);
    const named = parse(
      `candidate: {openpgp: [{fingerprint: ${a}}]}, release-2026: {openpgp: [{fingerprint: ${b}}]}`,
      ", signingKey: release-2026",
    );
    expect(signingKeyName(named, "production")).toBe("release-2026");
    expect(keySetOf(named, "production").openpgp).toMatchObject([{ fingerprint: b }]);
    expect(policyRegistries(named).production).toMatchObject({ signingKey: "release-2026" });
  });

  test("several keys of both kinds, an old one that is only accepted still", () => {
    const settings = parse(
      `candidate: {openpgp: [{fingerprint: ${a}}]}, production: {openpgp: [{fingerprint: ${b.toLowerCase()}, use: accept}, {fingerprint: ${c}, passphrase: {env: P}}], cosign: [{privateKey: {env: K}}]}`,
    );
    expect(keySetOf(settings, "production")).toEqual({
      openpgp: [
        { fingerprint: b, use: "accept" },
        { fingerprint: c, use: "sign", passphrase: { env: "P" } },
      ],
      cosign: [{ privateKey: { env: "K" }, use: "sign" }],
    });
  });

  test("passphrases and private keys are masked wherever secrets are", () => {
    const settings = parse(`${usual.replace(`${b}`, `${b}, passphrase: {env: P}`).slice(0, -1)}, cosign: [{privateKey: {env: K}}]}`);
    expect(secretsOf(settings, { HOOK: "hook", P: "open sesame", K: "PEM" })).toEqual(["open sesame", "PEM", "hook"]);
  });

  test.each([
    ["a registry without keys", `candidate: {openpgp: [{fingerprint: ${a}}]}`, "", /no keys "production" for the registry production/],
    ["keys that nobody uses", `${usual}, old: {openpgp: [{fingerprint: ${c}}]}`, "", /no registry is signed with these keys/],
    [
      "a candidate key in another set",
      `candidate: {openpgp: [{fingerprint: ${a}}]}, production: {openpgp: [{fingerprint: ${a.toLowerCase()}}]}`,
      "",
      /is a candidate key too/,
    ],
    [
      "a candidate key that production only accepts",
      `candidate: {openpgp: [{fingerprint: ${a}}]}, production: {openpgp: [{fingerprint: ${b}}, {fingerprint: ${a}, use: accept}]}`,
      "",
      /is a candidate key too/,
    ],
    [
      "production with candidate's set",
      `candidate: {openpgp: [{fingerprint: ${a}}]}`,
      ", signingKey: candidate",
      /must never do for another registry/,
    ],
    [
      "one key twice",
      `candidate: {openpgp: [{fingerprint: ${a}}, {fingerprint: ${a}, use: accept}]}, production: {openpgp: [{fingerprint: ${b}}]}`,
      "",
      /one key twice/,
    ],
    [
      "keys that only accept",
      `candidate: {openpgp: [{fingerprint: ${a}, use: accept}]}, production: {openpgp: [{fingerprint: ${b}}]}`,
      "",
      /at least one key must have use: sign/,
    ],
    ["no key", `candidate: {}, production: {openpgp: [{fingerprint: ${b}}]}`, "", /at least one key must have use: sign/],
    [
      "a short key id",
      `candidate: {openpgp: [{fingerprint: ABCD}]}, production: {openpgp: [{fingerprint: ${b}}]}`,
      "",
      /40 hexadecimal digits/,
    ],
    ["a key as text", `candidate: {openpgp: [{fingerprint: ${a}}]}, production: {cosign: [{privateKey: "-----BEGIN"}]}`, "", /cosign/],
    ["a name that leads elsewhere", `${usual}, "../x": {openpgp: [{fingerprint: ${c}}]}`, "", /\.\.\/x/],
    ["__proto__", `candidate: {openpgp: [{fingerprint: ${a}}]}`, ", signingKey: __proto__", /small letters/],
  ])("%s is refused", (_name, keys, production, why) => {
    expect(() => parse(keys, production)).toThrow(why);
  });

  test("explained with the place of each", () => {
    const lines = settingLines().map((line) => `${line.path.join(".")} ${line.variable ?? "-"}`);
    expect(lines).toContain("signing.keys -");
    expect(lines).toContain("signing.keys.<name>.openpgp.[].fingerprint -");
    expect(lines).toContain("signing.keys.<name>.cosign.[].privateKey -");
    expect(lines).toContain("signing.signer.socket FLIBS_SIGNING_SIGNER_SOCKET");
  });
});
