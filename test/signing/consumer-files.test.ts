import { expect, test } from "@jest/globals";
import { parse } from "yaml";
import { consumerFiles } from "../../src/signing/consumer-files.ts";

const stage = (name: string, publicName = `${name}.example.test`) => ({
  stage: name,
  publicName,
  lookaside: `https://flibs.example.test/lookaside/${name}/`,
  keyring: new TextEncoder().encode(`key of ${name}`) as Uint8Array | undefined,
  cosignKeys: [] as readonly string[],
});
const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

test("the policy rejects what is not signed by the stage's own key", () => {
  const files = consumerFiles([stage("candidate"), stage("production")]);
  expect(Object.keys(files)).toEqual(["policy.json", "registries.d/flibs.yaml", "flibs-candidate.gpg", "flibs-production.gpg"]);
  const policy = JSON.parse(text(files["policy.json"]));
  expect(policy.default).toEqual([{ type: "reject" }]);
  const [requirement] = policy.transports.docker["production.example.test"];
  expect(requirement).toMatchObject({ type: "signedBy", keyType: "GPGKeys" });
  expect(atob(requirement.keyData)).toBe("key of production");
});

test("old and new clients find the lookaside", () => {
  const files = consumerFiles([stage("production", "registry.example.test:5000")]);
  const url = "https://flibs.example.test/lookaside/production";
  expect(parse(text(files["registries.d/flibs.yaml"]))).toEqual({
    docker: { "registry.example.test:5000": { lookaside: url, sigstore: url } },
  });
});

test("two stages with one public name are refused: a candidate's key would open production", () => {
  expect(() => consumerFiles([stage("candidate", "r.test"), stage("production", "r.test")])).toThrow(
    expect.objectContaining({ code: "signing.stages-collide" }),
  );
});

const policyOf = (files: ReturnType<typeof consumerFiles>, name = "policy.json") => JSON.parse(text(files[name])).transports.docker;
const base64 = (pem: string) => Buffer.from(pem).toString("base64");

test("with cosign keys, too: clients look for attachments, and a policy of their own demands them", () => {
  const files = consumerFiles([stage("candidate"), { ...stage("production"), cosignKeys: ["PEM"] }]);
  expect(parse(text(files["registries.d/flibs.yaml"])).docker).toMatchObject({
    "production.example.test": { "use-sigstore-attachments": true },
    "candidate.example.test": expect.not.objectContaining({ "use-sigstore-attachments": true }),
  });
  expect(policyOf(files)["production.example.test"]).toEqual([expect.objectContaining({ type: "signedBy" })]);
  const cosign = policyOf(files, "policy-cosign.json");
  expect(cosign["production.example.test"]).toEqual([
    { type: "sigstoreSigned", keyData: base64("PEM"), signedIdentity: { type: "matchRepoDigestOrExact" } },
  ]);
  expect(cosign["candidate.example.test"]).toEqual([expect.objectContaining({ type: "signedBy" })]);
  expect(text(files["flibs-production.pub"])).toBe("PEM");
});

test("a registry with cosign keys only has no OpenPGP requirement, which nothing could meet", () => {
  const files = consumerFiles([{ ...stage("production"), keyring: undefined, cosignKeys: ["PEM"] }]);
  expect(policyOf(files)["production.example.test"]).toEqual([expect.objectContaining({ type: "sigstoreSigned" })]);
  expect(Object.keys(files)).not.toContain("flibs-production.gpg");
});

test("while a key is replaced either counts: one requirement with both keys, never two requirements", () => {
  const files = consumerFiles([{ ...stage("production"), cosignKeys: ["OLD", "NEW"] }]);
  expect(policyOf(files, "policy-cosign.json")["production.example.test"]).toEqual([
    expect.objectContaining({ type: "sigstoreSigned", keyDatas: [base64("OLD"), base64("NEW")] }),
  ]);
  expect(Object.keys(files)).toEqual(expect.arrayContaining(["flibs-production.pub", "flibs-production-2.pub"]));
});
