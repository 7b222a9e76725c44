import { expect, test } from "@jest/globals";
import { parse } from "yaml";
import { consumerFiles } from "../../src/signing/consumer-files.ts";

const stage = (name: string, publicName = `${name}.example.test`) => ({
  stage: name,
  publicName,
  lookaside: `https://flibs.example.test/lookaside/${name}/`,
  publicKey: new TextEncoder().encode(`key of ${name}`),
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
