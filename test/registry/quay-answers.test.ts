import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type RegistryClient, registryClient } from "../../src/registry/registry-client.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";

// What a registry of Quay's kind answers where docker-registry would not: repositories are made by people, tags may expire.
let fake: FakeRegistry;
let client: RegistryClient;
const waits: number[] = [];

beforeEach(async () => {
  fake = await startFakeRegistry();
  waits.length = 0;
  client = registryClient({ endpoint: fake.endpoint, plainHttp: true, retry: { delay: async (ms) => void waits.push(ms) } });
});
afterEach(async () => {
  client.close();
  await fake[Symbol.asyncDispose]();
});

const answer = (match: RegExp, status: number, code: string, message: string) =>
  fake.flaws.answers.push({
    match,
    times: 99,
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ errors: [{ code, message }] }),
  });

test("RG11: a repository that nobody has made is a refusal in the registry's words, not tried again", async () => {
  answer(/POST/, 404, "NAME_UNKNOWN", "repository name not known to registry");
  await expect(client.putBlob("f40/new", Buffer.from("layer"))).rejects.toMatchObject({
    code: "registry.refused",
    message: expect.stringContaining("NAME_UNKNOWN repository name not known to registry"),
  });
  expect(waits).toEqual([]);
});

test("RG11: a tag that has expired is absent, and its repository has no tags", async () => {
  answer(/manifests|tags/, 404, "TAG_EXPIRED", "Tag old was deleted or has expired");
  expect(await client.findManifest("f40/app", "old")).toBeUndefined();
  await expect(client.readManifest("f40/app", "old")).rejects.toMatchObject({ code: "registry.manifest-unknown" });
  expect(await client.listTags("f40/app")).toEqual([]);
});

test("RG11: a mount that the account may not make is answered by an upload, and is no success", async () => {
  fake.flaws.mounts = "refused";
  const digest = await client.putBlob("f40/base", Buffer.from("layer"));
  expect(await client.mountBlob("f40/app", digest, "f40/base")).toBe(false);
  expect(fake.openUploads()).toBe(0);
});
