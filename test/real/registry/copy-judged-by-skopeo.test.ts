import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { imageCopier } from "../../../src/registry/image-copier.ts";
import { formatIndex } from "../../../src/registry/image-manifest.ts";
import { inMemoryMountMemory } from "../../../src/registry/mount-memory.ts";
import { namedRegistries } from "../../../src/registry/named-registries.ts";
import { registryClient } from "../../../src/registry/registry-client.ts";
import { startDockerRegistry } from "../../support/docker-registry.ts";
import { describeManifest, putImage } from "../../support/registry-image.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";
import { skopeo } from "../../support/skopeo.ts";

test("skopeo reads the whole of what was copied, between registries and within one", async () => {
  await using scratch = await scratchDirectory("copy-");
  await using first = await startDockerRegistry();
  await using second = await startDockerRegistry();
  const candidate = registryClient({ endpoint: first.endpoint, plainHttp: true });
  const production = registryClient({ endpoint: second.endpoint, plainHttp: true });
  const registries = namedRegistries({ candidate, production });
  const copier = imageCopier(registries, { transfers: 3, mountMemory: inMemoryMountMemory() });
  const parts = [];
  for (const architecture of ["amd64", "arm64"]) {
    const image = await putImage(candidate, "containers/app", "application/vnd.docker.distribution.manifest.v2+json", [3_000_000, 10]);
    await candidate.putManifest("containers/app", image.digest, image);
    parts.push({ descriptor: describeManifest(image), platform: { os: "linux", architecture } });
  }
  const index = formatIndex(parts);
  await candidate.putManifest("containers/app", index.digest, index);
  const source = { registry: "candidate", repository: "containers/app", digest: index.digest };
  for (const { registry, client, streamed } of [
    { registry: "candidate", client: candidate, streamed: 0 },
    { registry: "production", client: production, streamed: 6 },
  ]) {
    const report = await copier.copy({ source, destination: { registry, repository: "f40/app" } }, new AbortController().signal);
    expect(report).toMatchObject({ blobsStreamed: streamed, blobsMounted: 6 - streamed });
    expect(await client.listTags("f40/app")).toEqual([]);
    const image = `docker://${client.endpoint}/f40/app@${index.digest}`;
    const copied = await skopeo([
      ...["--insecure-policy", "copy", "--all", "--preserve-digests", "--src-tls-verify=false"],
      ...[image, `dir:${join(scratch.path, registry)}`],
    ]);
    expect(copied).toMatchObject({ exitCode: 0 });
  }
  candidate.close();
  production.close();
});
