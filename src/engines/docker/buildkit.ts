import type Docker from "dockerode";
import type { DockerfileDialect, DockerfileFeature } from "../../domain/dockerfile-dialect.ts";
import { answers, ask, dial } from "./docker-client.ts";

/**
 * BuildKit as `auto` only where a cgroup holds its RUN lines: through the Engine API it takes no limits itself, and a build runs code of whoever
 * may open a pull request. Who sets `buildkit` without a cgroup says that the engine is limited in some other way, or that nothing has to be.
 */
export function chooseBuilder(options: {
  readonly builder?: "auto" | "buildkit" | "classic";
  readonly buildCgroup?: string;
  readonly networkMode?: string;
}): "buildkit" | "classic" {
  const { builder = "auto", buildCgroup, networkMode = "default" } = options;
  if (builder !== "auto") return builder;
  // It takes no network by name, see moby's daemon/internal/builder-next/builder.go.
  return buildCgroup !== undefined && ["default", "none"].includes(networkMode) ? "buildkit" : "classic";
}

/** From which version of the Engine API on its own frontend knows a feature; read from the frontends in moby's releases (20.10, 23.0). */
const since: Readonly<Record<DockerfileFeature, readonly [number, number]>> = {
  "run-mount": [1, 41],
  "copy-chmod": [1, 41],
  "run-network": [1, 42],
  "copy-link": [1, 42],
  heredoc: [1, 42],
};

/** `1.41` is Docker Engine 20.10. */
export function buildkitDialect(apiVersion: string): DockerfileDialect {
  const [major = 0, minor = 0] = apiVersion.split(".").map(Number);
  const known = (Object.keys(since) as DockerfileFeature[]).filter((feature) => {
    const [sinceMajor, sinceMinor] = since[feature];
    return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
  });
  return { builder: "buildkit", features: known };
}

/** What builds left beyond `keepBytes`, oldest first; of everybody who builds there. */
export async function pruneBuildCache(docker: Docker, socket: string, keepBytes: number): Promise<void> {
  // The second is the name of the first since API 1.48.
  const options = { all: true, "keep-storage": keepBytes, "reserved-space": keepBytes };
  const pruned = dial(docker, { path: "/build/prune?", method: "POST", options, statusCodes: answers(200) });
  await ask(socket, "remove what is too much in the build cache", pruned);
}
