import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { busyboxTree } from "../../support/busybox-tree.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";

// The engine is slow when other tests use both cores.
jest.setTimeout(60_000);

const never = new AbortController().signal;
const limits = { timeoutMs: 50_000, memoryBytes: 64 * 2 ** 20, processes: 50, diskBytes: 20_000_000 };
const platform = "linux/amd64" as const;
let scratch: ScratchDirectory;
let engine: ReturnType<typeof dockerEngine>;

beforeAll(async () => {
  [scratch] = await Promise.all([scratchDirectory(), requireDocker()]);
  await busyboxTree(join(scratch.path, "tree"));
  const installation = `disk-${randomBytes(4).toString("hex")}`;
  const stateDirectory = join(scratch.path, "state");
  engine = dockerEngine({ host: `unix://${dockerSocket}`, installation, stateDirectory, slots: 2, builder: "classic" });
});
afterAll(async () => {
  await engine.cleanUp(() => false);
  await engine.close();
  await scratch.remove();
});

const build = (key: string, lines: string, diskBytes: number | undefined = limits.diskBytes) =>
  engine.build(
    key,
    {
      ...{ platform, context: join(scratch.path, "tree"), parents: [], buildArguments: {} },
      dockerfile: `FROM scratch\nCOPY bin /bin\n${lines}\n`,
      limits: { ...limits, diskBytes },
    },
    () => true,
    never,
  );

/** Written, then left alone for longer than a look takes. */
const write = (file: string, bytes: number) => `/bin/busybox head -c ${bytes} /dev/zero > /${file} && /bin/busybox sleep 4`;

test("a build that fills the disk is stopped, and so is one that does in several steps", async () => {
  expect(await build("one", `RUN ${write("a", 50_000_000)} && /bin/busybox sleep 40`)).toEqual({ outcome: "disk-limit", step: 3 });
  const steps = ["a", "b"].map((name) => `RUN ${write(name, 15_000_000)}`);
  expect(await build("several", [...steps, "RUN /bin/busybox sleep 40"].join("\n"))).toEqual({ outcome: "disk-limit", step: 4 });
  const volume = `VOLUME /v\nRUN ${write("v/a", 50_000_000)} && /bin/busybox sleep 40`;
  expect(await build("volume", volume)).toEqual({ outcome: "disk-limit", step: 4 });
  expect(await build("less", `RUN ${write("a", 15_000_000)}`)).toMatchObject({ outcome: "built" });
});

test("so is a build of many short steps, of many stages, and one that hides what it writes below a path that is too long", async () => {
  const quick = (bytes: number) => `RUN /bin/busybox head -c ${bytes} /dev/zero > /$RANDOM`;
  expect(await build("short", Array(5).fill(quick(6_000_000)).join("\n"))).toMatchObject({ outcome: "disk-limit" });
  const stages = Array(5).fill(`FROM scratch\nCOPY bin /bin\n${quick(6_000_000)}`);
  expect(await build("stages", stages.join("\n"))).toMatchObject({ outcome: "disk-limit" });
  const deep = `i=0; n=$(/bin/busybox printf %0200d 0); while [ $i -lt 30 ]; do /bin/busybox mkdir $n; cd $n; i=$((i+1)); done`;
  expect(await build("deep", `RUN ${deep}; /bin/busybox head -c 50000000 /dev/zero > a; sleep 40`)).toMatchObject({
    outcome: "disk-limit",
  });
});

test("so is a test, and an opened container's", async () => {
  const built = await build("image", "RUN true");
  if (built.outcome !== "built") throw new Error(JSON.stringify(built));
  const request = { platform, image: built.imageId, env: {}, limits };
  const inShell = (script: string) => ["/bin/busybox", "sh", "-c", script];
  const command = inShell(`${write("a", 50_000_000)}; sleep 40`);
  expect(await engine.run("test", { ...request, command }, () => true, never)).toEqual({ outcome: "disk-limit" });
  // What commands before it have written counts as well.
  const short = Array(5).fill(inShell("/bin/busybox head -c 6000000 /dev/zero > /$RANDOM"));
  expect(await engine.run("short", { ...request, command: inShell("true"), before: short }, () => true, never)).toEqual({
    outcome: "disk-limit",
  });
  const before = ["b", "c"].map((name) => inShell(write(name, 15_000_000)));
  expect(await engine.run("before", { ...request, command: inShell("sleep 40"), before }, () => true, never)).toEqual({
    outcome: "disk-limit",
  });
  const opened = await engine.open("opened", request, () => true, never);
  if (opened.outcome !== "open") throw new Error(JSON.stringify(opened));
  const sinks = { stdout: () => true, stderr: () => true };
  expect(opened.container.ended()).toBeUndefined();
  expect(await opened.container.exec({ command }, sinks, never)).toEqual({ outcome: "disk-limit" });
  expect(opened.container.ended()).toBe("disk-limit");
  await opened.container.close();
});
