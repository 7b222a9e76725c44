import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { formatIndex } from "../../../src/registry/image-manifest.ts";
import { fallbackTag, keepTag } from "../../../src/registry/referrer-index.ts";
import { type RegistryClient, registryClient } from "../../../src/registry/registry-client.ts";
import { attachText } from "../../support/attach-text.ts";
import { type RunningRegistry, startDockerRegistry } from "../../support/docker-registry.ts";
import { describeManifest, manifestOf, putImage } from "../../support/registry-image.ts";

const run = promisify(execFile);
const oci = "application/vnd.oci.image.manifest.v1+json";
const repository = "f40/app";

let registry: RunningRegistry;
let client: RegistryClient;
beforeEach(async () => {
  registry = await startDockerRegistry();
  client = registryClient({ endpoint: registry.endpoint, plainHttp: true });
});
afterEach(async () => {
  client.close();
  await registry.stop();
});

/** The registry's own garbage collection over its directory. */
async function collect(): Promise<void> {
  const file = join(registry.storage, "..", "collect.yml");
  await writeFile(file, `version: 0.1\nstorage: { filesystem: { rootdirectory: ${JSON.stringify(registry.storage)} } }\n`);
  await run("docker-registry", ["garbage-collect", "-m", file], { maxBuffer: 64 * 1024 * 1024 });
}

test("RG13: what is attached survives garbage-collect -m, in the list and whole; without its own tag it would not", async () => {
  const image = await putImage(client, repository, oci);
  await client.putManifest(repository, "1-1-amd64", image);
  const index = formatIndex([{ descriptor: describeManifest(image), platform: { os: "linux", architecture: "amd64" } }]);
  await client.putManifest(repository, "1-1", index);
  const kept = await attachText(client, repository, describeManifest(index), "kept", "text/plain");
  const below = await attachText(client, repository, describeManifest(image), "below", "text/plain");
  // As every other client attaches: by digest, and an entry in the list.
  const lost = await putImage(client, repository, oci);
  await client.putManifest(repository, lost.digest, lost);

  await collect();

  expect((await client.listReferrers(repository, index.digest)).map((one) => one.digest)).toEqual([kept.digest]);
  expect((await client.listReferrers(repository, image.digest)).map((one) => one.digest)).toEqual([below.digest]);
  for (const { digest } of [kept, below]) {
    const artifact = JSON.parse(Buffer.from((await client.readManifest(repository, digest)).bytes).toString("utf8"));
    expect(Buffer.from(await client.readBlob(repository, artifact.layers[0].digest, 100)).toString()).toBe(
      digest === kept.digest ? "kept" : "below",
    );
  }
  expect(await client.findManifest(repository, lost.digest)).toBeUndefined();
});

test("RG9, RG13: a list that lost an entry to garbage collection takes another one all the same", async () => {
  const image = await putImage(client, repository, oci);
  await client.putManifest(repository, "1-1", image);
  const theirs = await putImage(client, repository, oci);
  await client.putManifest(repository, theirs.digest, theirs);
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const list = manifestOf({ schemaVersion: 2, mediaType, manifests: [describeManifest(theirs)] });
  await client.putManifest(repository, fallbackTag(image.digest), list);

  await collect();

  expect(await client.findManifest(repository, theirs.digest)).toBeUndefined();
  const own = await attachText(client, repository, describeManifest(image), "ours", "text/plain");
  expect((await client.listReferrers(repository, image.digest)).map((one) => one.digest)).toEqual([own.digest]);
  expect(await client.listTags(repository)).toContain(keepTag(own.digest));
});
