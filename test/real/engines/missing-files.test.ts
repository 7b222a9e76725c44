import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

// The engine is slow when other tests use both cores.
jest.setTimeout(60_000);

test.each([
  ["classic", "COPY containerd.toml /etc/"],
  ["classic", "COPY daemon.json /etc/docker/"],
  ["classic", 'ADD ["shutting down/context canceled", "/etc/"]'],
  ["classic", "STOPSIGNAL context canceled"],
  ["classic", 'ARG X="80/context canceled"\nEXPOSE "$X"'],
  ["classic", `ENV A="\${B:?context canceled}"`],
  ["classic", 'USER "the daemon is shutting down"\nRUN true'],
  ["classic", 'RUN ["/x: dial unix b: y"]'],
  ["buildkit", "STOPSIGNAL context canceled"],
  ["buildkit", 'ARG X="80/context canceled"\nEXPOSE "$X"'],
  ["buildkit", `ENV A="\${B:?context canceled}"`],
  ["buildkit", 'USER "the daemon is shutting down"\nRUN true'],
  ["buildkit", "COPY containerd.toml /etc/"],
  ["buildkit", "COPY daemon.json /etc/docker/"],
  ["buildkit", 'ADD ["shutting down/context canceled", "/etc/"]'],
] as const)(
  "a wrong word or a forgotten file that sounds like the engine fails the build, which does not wait: %s, %s",
  async (builder, line) => {
    await requireDocker();
    await using scratch = await scratchDirectory();
    await mkdir(join(scratch.path, "tree"));
    await writeFile(join(scratch.path, "tree/other"), "");
    const installation = `missing-${randomBytes(4).toString("hex")}`;
    const stateDirectory = join(scratch.path, "state");
    const engine = dockerEngine({ host: `unix://${dockerSocket}`, installation, stateDirectory, slots: 1, builder });
    try {
      const request = {
        platform: "linux/amd64",
        context: join(scratch.path, "tree"),
        dockerfile: `FROM scratch\nCOPY other /\n${line}\n`,
        parents: [],
        buildArguments: {},
        limits: { timeoutMs: 60_000, memoryBytes: 64 * 2 ** 20, processes: 50 },
      } as const;
      const outcome = await engine.build("missing", request, () => true, new AbortController().signal);
      const [, name] = /(containerd\.toml|daemon\.json|context canceled|shutting down|dial unix)/.exec(line) ?? [];
      expect(outcome).toMatchObject({ outcome: "failed", message: expect.stringContaining(name ?? "?") });
    } finally {
      await engine.cleanUp(() => false);
      await engine.close();
    }
  },
);
