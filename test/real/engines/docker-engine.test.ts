import { randomBytes } from "node:crypto";
import { describe, jest } from "@jest/globals";
import { type Digest, isDigest } from "../../../src/domain/digest.ts";
import type { Platform } from "../../../src/domain/platform.ts";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { type EngineSubject, engineContract } from "../../contract/engine.contract.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { startDockerRegistry } from "../../support/docker-registry.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

const goArchitecture: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
const otherPlatform: Platform = process.arch === "arm64" ? "linux/amd64" : "linux/arm64";
/** The second is not run here, only built for: that needs no emulation. */
const platforms: readonly Platform[] = [`linux/${goArchitecture[process.arch] ?? process.arch}`, otherPlatform];
// The engine is slow when other tests use both cores.
jest.setTimeout(60_000);

describe.each(["classic", "buildkit"] as const)("Docker Engine with the %s builder", (builder) => {
  engineContract(async (): Promise<EngineSubject> => {
    const docker = await requireDocker();
    const installation = `test-${randomBytes(4).toString("hex")}`;
    const state = await scratchDirectory();
    const registry = await startDockerRegistry();
    return {
      engine: dockerEngine({ host: `unix://${dockerSocket}`, installation, stateDirectory: state.path, slots: 2, builder, platforms }),
      registry: registry.endpoint,
      digestOfTag: (repository, tag) => digestOfTag(`${registry.url}/v2/${repository}/manifests/${tag}`),
      leftovers: async () => {
        const containers = await docker.listContainers({ all: true });
        const images = await docker.listImages();
        const names = [...containers.flatMap((one) => one.Names), ...images.flatMap((one) => one.RepoTags ?? [])];
        return names.filter((name) => name.includes(installation));
      },
      busybox: "/bin/busybox",
      close: async () => {
        await removePulled(docker, registry.endpoint);
        await registry.stop();
        await state.remove();
      },
    };
  });
});

async function digestOfTag(url: string): Promise<Digest | undefined> {
  const accept = "application/vnd.docker.distribution.manifest.v2+json";
  const digest = (await fetch(url, { headers: { accept } })).headers.get("docker-content-digest") ?? "";
  return isDigest(digest) ? digest : undefined;
}

/** Images pulled by digest from the test's registry stay on the engine, as everybody's parents do. */
async function removePulled(docker: Awaited<ReturnType<typeof requireDocker>>, endpoint: string): Promise<void> {
  for (const image of await docker.listImages({ digests: true })) {
    for (const name of image.RepoDigests ?? [])
      if (name.startsWith(`${endpoint}/`))
        await docker
          .getImage(name)
          .remove()
          .catch(() => {});
  }
}
