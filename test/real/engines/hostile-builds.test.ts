import { randomBytes } from "node:crypto";
import { chmod, copyFile, mkdir, readdir, symlink } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import type { BuildOutcome } from "../../../src/engines/engine.ts";
import { commandRunner } from "../../../src/gating/command/command-runner.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";

// The engine is slow when other tests use both cores.
jest.setTimeout(60_000);

const installation = `hostile-${randomBytes(4).toString("hex")}`;
const limits = { timeoutMs: 60_000, memoryBytes: 48 * 2 ** 20, processes: 20 };
const never = new AbortController().signal;
let scratch: ScratchDirectory;
const engineOn = (socket: string) =>
  dockerEngine({ host: `unix://${socket}`, installation, stateDirectory: join(scratch.path, "state"), slots: 2 });

beforeAll(async () => {
  scratch = await scratchDirectory();
  const bin = join(scratch.path, "tree/bin");
  await mkdir(bin, { recursive: true });
  await copyFile("/bin/busybox", join(bin, "busybox"));
  await chmod(join(bin, "busybox"), 0o755);
  for (const name of ["sh", "tail", "printf", "sleep", "ls", "ln", "mkdir", "cp", "id"]) await symlink("busybox", join(bin, name));
});
afterAll(async () => {
  await engineOn(dockerSocket).cleanUp(() => false);
  await scratch.remove();
});

async function build(
  key: string,
  lines: string,
  each: (text: string) => Promise<void> | void = () => {},
  memoryBytes = limits.memoryBytes,
): Promise<{ outcome: BuildOutcome; log: string }> {
  let log = "";
  const waiting: (Promise<void> | void)[] = [];
  const request = {
    platform: "linux/amd64",
    context: join(scratch.path, "tree"),
    dockerfile: `FROM scratch\nCOPY bin /bin\n${lines}\n`,
    parents: [],
    buildArguments: {},
    limits: { ...limits, memoryBytes },
  } as const;
  const sink = (text: string) => {
    log += text;
    waiting.push(each(text));
    return true;
  };
  const outcome = await engineOn(dockerSocket).build(key, request, sink, never);
  await Promise.all(waiting);
  return { outcome, log };
}
async function imageOf(key: string, lines: string) {
  const { outcome, log } = await build(key, lines);
  if (outcome.outcome !== "built") throw new Error(`${JSON.stringify(outcome)}\n${log}`);
  return outcome.imageId;
}

describe("hostile builds", () => {
  test("a fork bomb is stopped by the process limit", async () => {
    // Memory enough that on a busy machine, where the limit comes a moment late, it is not the memory that runs out first.
    const { log } = await build("bomb", "RUN f() { f | f & }; f; sleep 1", () => {}, 512 * 2 ** 20);
    expect(log).toContain("can't fork");
  });

  test("a step that eats memory is killed and says so", async () => {
    const { outcome } = await build("eat", "RUN exec tail /dev/zero");
    expect(outcome).toMatchObject({ outcome: "failed", message: expect.stringMatching(/returned 137 \(it was killed.*memory/) });
  });

  test("a step that prints the daemon's words cannot have another container removed", async () => {
    const docker = await requireDocker();
    const image = await imageOf("victim", "RUN true || :");
    const victim = await docker.createContainer({ Image: image, Cmd: ["/bin/sleep", "60"], HostConfig: { NetworkMode: "none" } });
    try {
      await victim.start();
      const { outcome } = await build("liar", `RUN printf ' ---> Running in ${victim.id.slice(0, 12)}\\n'`);
      expect(outcome.outcome).toBe("built");
      const after = await victim.inspect();
      expect(after.State.Running).toBe(true);
      expect(after.HostConfig.PidsLimit ?? 0).toBe(0);
    } finally {
      await victim.remove({ force: true });
    }
  });

  test("a step that prints the name of another build's container cannot have it removed", async () => {
    const victim = Promise.withResolvers<string>();
    const building = build("other", "RUN sleep 4; printf unharmed", (text) => {
      const id = / ---> Running in ([0-9a-f]{12})/.exec(text)?.[1];
      if (id !== undefined) victim.resolve(id);
    });
    const { outcome } = await build("forger", `RUN printf ' ---> Running in ${await victim.promise}\\n'`);
    expect(outcome.outcome).toBe("built");
    const other = await building;
    expect(other).toMatchObject({ outcome: { outcome: "built" }, log: expect.stringMatching(/^unharmed/m) });
  });

  test("our Dockerfile does not get into the image, and no terminal sequence into the log", async () => {
    const { log } = await build("clean", "COPY . /all\nRUN ls -A /all; printf '\\033]0;owned\\007\\033[31mred\\n'");
    expect(log).toMatch(/^bin\nred$/m);
    expect(log).not.toContain("\u001b");
  });

  test("a linked directory is read, a link out of the image stays inside it", async () => {
    const id = await imageOf(
      "links",
      "RUN mkdir -p /usr/lib/sysimage/rpm /var/lib && cp /bin/id /usr/lib/sysimage/rpm/db; ln -s ../../usr/lib/sysimage/rpm /var/lib/rpm; ln -s ../../../../../../etc/hostname /out",
    );
    const { files } = await engineOn(dockerSocket).inspect("links", id, ["/var/lib/rpm", "/out"]);
    expect(Object.keys(files).filter((name) => name.startsWith("/var"))).toEqual(["/var/lib/rpm/db"]);
    expect(Buffer.from(files["/out"] ?? []).length).toBe(0);
  });

  test("a directory with two names is read once", async () => {
    const id = await imageOf(
      "twice",
      "RUN mkdir -p /real/deep /var && cp /bin/id /real/deep/db && cp /bin/id /real/db; ln -s ../real /var/link",
    );
    const size = (await engineOn(dockerSocket).inspect("twice", id, ["/real/db"])).files["/real/db"]?.length ?? 0;
    // Room for the two files and the headers of two files and two directories.
    const maxFileBytes = 2 * size + 4 * 512;
    const engine = dockerEngine({ host: `unix://${dockerSocket}`, installation, stateDirectory: scratch.path, slots: 1, maxFileBytes });
    const { files } = await engine.inspect("twice", id, ["/real", "/var/link"]);
    expect(Object.keys(files).toSorted()).toEqual(["/real/db", "/real/deep/db", "/var/link/db", "/var/link/deep/db"]);
    expect(files["/var/link/deep/db"]).toEqual(files["/real/deep/db"]);
  });

  test("a file that is too large to read is refused", async () => {
    const id = await imageOf("large", "LABEL a=b");
    const engine = dockerEngine({
      host: `unix://${dockerSocket}`,
      installation,
      stateDirectory: scratch.path,
      slots: 1,
      maxFileBytes: 1000,
    });
    await expect(engine.inspect("large", id, ["/bin"])).rejects.toMatchObject({ code: "engine.file-too-large" });
  });

  test("files without content are not read without end either", async () => {
    const id = await imageOf(
      "many",
      "RUN mkdir /many && cd /many && for i in 0 1 2 3 4 5 6 7 8 9; do for j in 0 1 2 3 4 5 6 7 8 9; do : >$i$j; done; done",
    );
    const reader = (maxFileBytes: number) =>
      dockerEngine({ host: `unix://${dockerSocket}`, installation, stateDirectory: scratch.path, slots: 1, maxFileBytes });
    await expect(reader(100 * 512).inspect("many", id, ["/many"])).rejects.toMatchObject({ code: "engine.file-too-large" });
    const { files } = await reader(101 * 512).inspect("many", id, ["/many"]);
    expect(Object.keys(files)).toHaveLength(100);
  });

  test("a failed build, and the earlier stages of a good one, leave no image without a name", async () => {
    const docker = await requireDocker();
    const mark = `mark-${installation}`;
    // Counted by a label, since others build on this engine too.
    const nameless = async () => {
      const images = await docker.listImages({ filters: JSON.stringify({ dangling: ["true"], label: [mark] }) });
      return images.map((image) => image.Id);
    };
    await build("left-1", `LABEL ${mark}=1\nCOPY bin /again\nRUN exit 3`);
    await build("left-2", `LABEL ${mark}=2\nRUN sleep 0.3\nCOPY absent /`);
    await imageOf("left-3", `LABEL ${mark}=3\nRUN sleep 0.3; printf x > /made\nFROM scratch\nCOPY --from=0 /made /made`);
    expect(await nameless()).toEqual([]);
    const kept = await imageOf("left-4", `LABEL ${mark}=4\nRUN sleep 0.3`);
    expect((await docker.getImage(kept).inspect()).Config.Labels).toEqual({ [mark]: "4" });
  });

  test("a stage of nothing but COPY leaves no image either", async () => {
    const docker = await requireDocker();
    const { outcome, log } = await build("copies", "FROM scratch\nCOPY --from=0 /bin /bin\nRUN id");
    expect(outcome.outcome).toBe("built");
    const [, stage = "", last = ""] = /^ ---> ([0-9a-f]{12})$.*^ ---> ([0-9a-f]{12})$/ms.exec(log) ?? [];
    await expect(docker.getImage(last).inspect()).resolves.toBeDefined();
    await expect(docker.getImage(stage).inspect()).rejects.toMatchObject({ statusCode: 404 });
  });

  test("no step's container and no note of one is left", async () => {
    expect(await readdir(join(scratch.path, "state/build-steps"))).toEqual([]);
  });

  test("a test command has no network, no capability and its memory limit", async () => {
    const image = await imageOf("run", "LABEL c=d");
    const commands = [
      { name: "network", run: ["/bin/ls", "/sys/class/net"], expect: { output: "^lo\\s*$" } },
      { name: "capabilities", run: ["/bin/busybox", "grep", "CapBnd", "/proc/self/status"], expect: { output: "0000000000000000" } },
      { name: "memory", run: ["/bin/tail", "/dev/zero"] },
    ];
    const suite = { name: "smoke", kind: "command", definition: { commands }, required: true };
    const request = { suite, image, platform: "linux/amd64", tree: scratch.path, artifacts: "", limits } as const;
    const result = await commandRunner({ engine: engineOn(dockerSocket) }).run("gate", request, () => true, never);
    expect(result.cases.map(({ outcome, message }) => [outcome, message])).toEqual([
      ["pass", ""],
      ["pass", ""],
      ["error", "was stopped for using too much memory"],
    ]);
  });
});

describe("an engine in trouble", () => {
  test("no socket is a reason to wait, with what to do", async () => {
    await expect(engineOn(join(scratch.path, "none.sock")).platforms()).rejects.toMatchObject({
      code: "engine.unreachable",
      kind: "transient",
    });
  });

  test("an engine that goes away in the middle of a build is no failed build", async () => {
    const socket = join(scratch.path, "d.sock");
    const answers: Record<string, unknown> = {
      "/version": { ApiVersion: "1.41", Os: "linux", Arch: "amd64" },
    };
    const server = createServer((request, response) => {
      const path = (request.url ?? "").split("?")[0] ?? "";
      request.resume();
      if (path === "/build") request.on("end", () => response.write('{"stream":"Step 1/1 : FROM scratch"}\n', () => response.destroy()));
      else
        response
          .writeHead(path in answers ? 200 : 404, { "content-type": "application/json" })
          .end(JSON.stringify(answers[path] ?? { message: "no such" }));
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    try {
      const request = {
        platform: "linux/amd64",
        context: join(scratch.path, "tree"),
        dockerfile: "FROM scratch",
        parents: [],
        buildArguments: {},
        limits,
      } as const;
      await expect(engineOn(socket).build("gone", request, () => true, never)).rejects.toMatchObject({ code: "engine.unreachable" });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
