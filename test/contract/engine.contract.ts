import { chmod, copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Digest } from "../../src/domain/digest.ts";
import type { DockerfileFeature } from "../../src/domain/dockerfile-dialect.ts";
import type {
  BuildPlace,
  BuildRequest,
  Engine,
  ExecRequest,
  ImageReader,
  PushDestination,
  RunRequest,
  TestContainer,
} from "../../src/engines/engine.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";

export interface EngineSubject {
  readonly engine: Engine;
  /** A registry that takes pushes, and reads what it has under a tag. */
  readonly registry: string;
  digestOfTag(repository: string, tag: string): Promise<Digest | undefined>;
  /** Names of everything the engine still holds for this installation. */
  leftovers(): Promise<readonly string[]>;
  /** The shell's program file, put into the images: they start from nothing. */
  readonly busybox: string;
  close(): Promise<void>;
}

/** What every engine promises; call inside a `describe`. One engine for the whole suite, keys keep the tests apart. */
export function engineContract(create: () => Promise<EngineSubject>): void {
  const never = new AbortController().signal;
  const limits = { timeoutMs: 60_000, memoryBytes: 64 * 2 ** 20, processes: 64 };
  let subject: EngineSubject;
  let context: string;
  let number = 0;

  beforeAll(async () => {
    subject = await create();
    context = await makeContext(subject.busybox);
  });
  afterAll(async () => {
    await subject.engine.cleanUp(() => false);
    await rm(context, { recursive: true, force: true });
    await subject.close();
  });

  const newKey = () => `run-${++number}/build linux/amd64`;
  async function request(lines: string, change: Partial<BuildRequest> = {}): Promise<BuildRequest> {
    const [platform = "linux/amd64" as const] = await subject.engine.platforms();
    return { platform, context, dockerfile: `FROM scratch\nCOPY bin /bin\n${lines}\n`, parents: [], buildArguments: {}, limits, ...change };
  }
  async function build(lines: string, change: Partial<BuildRequest> = {}, key = newKey(), signal = never) {
    let log = "";
    const sink = (text: string) => {
      log += text;
      return log.length < 100_000;
    };
    const outcome = await subject.engine.build(key, await request(lines, change), sink, signal);
    return { outcome, log, key };
  }
  /** The third instruction of what `request` makes, as the builder counts. */
  async function third(keyword: string): Promise<BuildPlace> {
    const { builder } = await subject.engine.capabilities();
    return builder === "classic" ? { step: 3 } : { layer: { number: 2, keyword } };
  }
  async function built(lines: string): Promise<Digest> {
    const { outcome, log } = await build(lines);
    if (outcome.outcome !== "built") throw new Error(`${JSON.stringify(outcome)}\n${log}`);
    return outcome.imageId;
  }
  async function run(image: string, command: string[], change: Partial<RunRequest> = {}, signal = never) {
    let log = "";
    const sink = (text: string) => {
      log += text;
      return log.length < 100_000;
    };
    const [platform = "linux/amd64" as const] = await subject.engine.platforms();
    const asked = { platform, image, command, env: {}, limits, ...change };
    const outcome = await subject.engine.run(`run-${++number}/test smoke`, asked, sink, signal);
    return { outcome, log };
  }

  test("a build gives an image whose configuration, layers and files can be read", async () => {
    const imageId = await built('LABEL name="cockpit"\nENV A=1\nCOPY data /data\nCMD ["/bin/sh"]');
    const image = await subject.engine.inspect("inspect", imageId, ["/data/hello.txt", "/nothing", "/data"]);
    expect(image).toMatchObject({ imageId, config: { labels: { name: "cockpit" }, cmd: ["/bin/sh"] } });
    expect(image.config.env).toContain("A=1");
    expect(image.diffIds).toHaveLength(2);
    expect(Object.keys(image.files).toSorted()).toEqual(["/data/deep/other.txt", "/data/hello.txt"]);
    expect(Buffer.from(image.files["/data/hello.txt"] ?? []).toString()).toBe("hello\n");
  });

  test("what a step prints is in the log, with the steps' names", async () => {
    const { log } = await build("RUN echo good morning");
    expect(log).toContain("RUN echo good morning");
    expect(log).toMatch(/^good morning$/m);
  });

  test("a second build with one key gives the first one's image", async () => {
    const first = await build("RUN echo once");
    const second = await build("RUN echo once", {}, first.key);
    expect(second.outcome).toEqual(first.outcome);
    expect(second.log).not.toContain("Step");
  });

  test("two builds with one key at the same time give one image", async () => {
    const key = newKey();
    const [one, two] = await Promise.all([build("RUN echo twice", {}, key), build("RUN echo twice", {}, key)]);
    expect(one.outcome.outcome).toBe("built");
    expect(two.outcome).toEqual(one.outcome);
  });

  test("files beside the tree are part of the context", async () => {
    const extraFiles = {
      ".extra/root/buildinfo/content_manifests/a.json": Buffer.from("{}"),
      ".extra/help.1": Buffer.from(""),
      "source.txt": { path: join(context, "data/hello.txt") },
    };
    const { outcome, log } = await build("COPY .extra/root/ /root/\nCOPY .extra/help.1 /help.1\nCOPY source.txt /from/", { extraFiles });
    if (outcome.outcome !== "built") throw new Error(log);
    const { files } = await subject.engine.inspect("inspect", outcome.imageId, ["/root", "/help.1", "/from"]);
    const texts = Object.entries(files).map(([path, bytes]) => [path, Buffer.from(bytes).toString()]);
    expect(Object.fromEntries(texts)).toEqual({
      "/root/buildinfo/content_manifests/a.json": "{}",
      "/help.1": "",
      "/from/source.txt": "hello\n",
    });
  });

  test("an archive beside the tree is unpacked, and what it does not name stays as it is", async () => {
    const archive = { "root/a/": Buffer.from(""), "root/a/b.json": Buffer.from("{}"), "help.1": Buffer.from("help") };
    const { outcome, log } = await build("COPY data/hello.txt /root/\nADD .extra/files.tar /", {
      extraFiles: { ".extra/files.tar": { archive } },
    });
    if (outcome.outcome !== "built") throw new Error(log);
    const { files } = await subject.engine.inspect("inspect", outcome.imageId, ["/root", "/help.1"]);
    const texts = Object.entries(files).map(([path, bytes]) => [path, Buffer.from(bytes).toString()]);
    expect(Object.fromEntries(texts)).toEqual({ "/root/hello.txt": "hello\n", "/root/a/b.json": "{}", "/help.1": "help" });
  });

  test("a failing step is named with its exit code", async () => {
    const { outcome } = await build("RUN exit 3");
    expect(outcome).toMatchObject({
      outcome: "failed",
      message: "RUN exit 3 returned 3",
      instruction: "RUN exit 3",
      ...(await third("RUN")),
    });
  });

  test("a file that is not there fails the build with its name", async () => {
    const { outcome } = await build("COPY absent.txt /");
    expect(outcome).toMatchObject({
      outcome: "failed",
      ...(await third("COPY")),
      instruction: "COPY absent.txt /",
      message: expect.stringContaining("absent.txt"),
    });
  });

  test("a build that never ends is stopped", async () => {
    const { outcome } = await build("RUN sleep 1000", { limits: { ...limits, timeoutMs: 4000 } });
    expect(outcome).toEqual({ outcome: "timed-out", ...(await third("RUN")) });
  });

  test("a build that prints without end is stopped at the log limit", async () => {
    const { outcome, log } = await build("RUN yes");
    expect(outcome).toEqual({ outcome: "log-limit", ...(await third("RUN")) });
    expect(log.length).toBeLessThan(1_000_000);
  });

  test("a cancelled build ends at once, one cancelled before it began does not begin", async () => {
    const controller = new AbortController();
    const sink = (text: string) => {
      if (text.includes("sleep 1000")) controller.abort();
      return true;
    };
    expect(await subject.engine.build(newKey(), await request("RUN sleep 1000"), sink, controller.signal)).toEqual({
      outcome: "cancelled",
      ...(await third("RUN")),
    });
    expect((await build("RUN echo no", {}, newKey(), AbortSignal.abort())).outcome).toEqual({ outcome: "cancelled" });
  });

  test("each platform it serves is built for: files need no program of that platform", async () => {
    for (const platform of await subject.engine.platforms()) {
      const { outcome, log } = await build("COPY data /data", { platform });
      if (outcome.outcome !== "built") throw new Error(`${JSON.stringify(outcome)}\n${log}`);
      expect(await subject.engine.inspect(newKey(), outcome.imageId, [])).toMatchObject({ platform, imageId: outcome.imageId });
    }
  });

  test.each(Object.entries(exampleOf))(
    "%s is built when the engine says that it knows it, and fails the build when not",
    async (feature, lines) => {
      const { features } = await subject.engine.capabilities();
      const { outcome, log } = await build(lines);
      expect([outcome.outcome, log]).toEqual([features.includes(feature as DockerfileFeature) ? "built" : "failed", expect.any(String)]);
    },
  );

  test("a platform it does not serve is refused", async () => {
    await expect(build("RUN true", { platform: "linux/z80" })).rejects.toMatchObject({ code: "engine.platform-unsupported" });
  });

  test("a pushed image is in the registry with the digest that is returned, also when pushed twice", async () => {
    const imageId = await built('LABEL name="pushed"');
    const to: PushDestination = { registry: subject.registry, repository: "f40/pushed", tag: "1-1" };
    const first = await subject.engine.push("push", imageId, to, () => true, never);
    expect(await subject.engine.push("push", imageId, to, () => true, never)).toEqual(first);
    expect(await subject.digestOfTag("f40/pushed", "1-1")).toBe(first.digest);
    expect(first.size).toBeGreaterThan(0);
  });

  test("a registry that does not answer is a reason to try again later", async () => {
    const imageId = await built('LABEL name="unpushed"');
    const to = { registry: "127.0.0.1:1", repository: "f40/pushed", tag: "1-1" };
    await expect(subject.engine.push("push", imageId, to, () => true, never)).rejects.toMatchObject({
      code: "engine.push-failed",
      kind: "transient",
    });
  });

  test("a command runs in an image: output, exit code, environment, files", async () => {
    const image = await built('ENTRYPOINT ["/bin/false"]');
    const files = { directory: join(context, "data"), target: "/flibs-tests" };
    const { outcome, log } = await run(image, ["/bin/sh", "-c", "echo $WORD; cat /flibs-tests/hello.txt; exit 4"], {
      files,
      env: { WORD: "spoken" },
    });
    expect(outcome).toEqual({ outcome: "exited", exitCode: 4, outOfMemory: false });
    expect(log).toBe("spoken\nhello\n");
  });

  test("an image is run by the digest it was pushed with", async () => {
    const imageId = await built('LABEL name="by-digest"');
    const to = { registry: subject.registry, repository: "f40/by-digest", tag: "1-1" };
    const { digest } = await subject.engine.push("push", imageId, to, () => true, never);
    const { outcome } = await run(`${subject.registry}/f40/by-digest@${digest}`, ["/bin/sh", "-c", "exit 0"]);
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 0 });
  });

  test("a command that is not in the image is not started", async () => {
    const image = await built("RUN true");
    const { outcome } = await run(image, ["/bin/absent", "--help"]);
    expect(outcome).toEqual({ outcome: "not-started", message: expect.stringContaining("/bin/absent") });
  });

  test("a command that hangs, prints without end or is cancelled is stopped", async () => {
    const image = await built("RUN true");
    const short = { limits: { ...limits, timeoutMs: 1500 } };
    expect((await run(image, ["/bin/sh", "-c", "sleep 1000"], short)).outcome).toEqual({ outcome: "timed-out" });
    expect((await run(image, ["/bin/sh", "-c", "yes"])).outcome).toEqual({ outcome: "log-limit" });
    expect((await run(image, ["/bin/sh", "-c", "sleep 1000"], {}, AbortSignal.abort())).outcome).toEqual({ outcome: "cancelled" });
  });

  test("what commands before have left is there, the command's output comes apart, and nothing of it stays", async () => {
    const image = await built("RUN true");
    const heard = { stdout: "", stderr: "" };
    const output = (stream: "stdout" | "stderr", bytes: Uint8Array) => {
      heard[stream] += Buffer.from(bytes).toString();
    };
    const before = [
      ["/bin/sh", "-c", "echo one > /left"],
      ["/bin/sh", "-c", "echo unheard; cat /left; exit 3"],
    ];
    const { outcome, log } = await run(image, ["/bin/sh", "-c", "cat /left; cat /absent"], { before, output });
    expect(outcome).toEqual({ outcome: "exited", exitCode: 1, outOfMemory: false });
    expect(heard).toEqual({ stdout: "one\n", stderr: expect.stringContaining("/absent") });
    expect(log).toContain("unheard\n");
    expect((await run(image, ["/bin/sh", "-c", "cat /left"])).outcome).toMatchObject({ exitCode: 1 });
    expect((await subject.leftovers()).filter((name) => name.includes("flibs-run/"))).toEqual([]);
  });

  test("several directories are copied, and what the command has left can be looked at before it goes", async () => {
    const image = await built("RUN true");
    const directory = join(context, "data");
    let left: unknown;
    const { outcome } = await run(image, ["/bin/sh", "-c", "echo written > /one/new"], {
      files: [
        { directory, target: "/one" },
        { directory, target: "/two" },
      ],
      left: async ({ find, read, directories }) => {
        left = [await read("/one/new", 100), (await find("/two/hello.txt"))?.kind, await directories("/one"), await find("/one/absent")];
      },
    });
    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(left).toEqual([{ kind: "content", bytes: Buffer.from("written\n") }, "file", ["deep"], undefined]);
    const reason = new Error("no");
    await expect(run(image, ["/bin/true"], { left: () => Promise.reject(reason) })).rejects.toBe(reason);
  });

  test("commands before that can't be started, hang or print without end are why the test does not begin", async () => {
    const image = await built("RUN true");
    const then = ["/bin/sh", "-c", "exit 0"];
    expect((await run(image, then, { before: [["/bin/true"], ["/bin/absent"]] })).outcome).toEqual({
      outcome: "not-started",
      message: expect.stringMatching(/^command 2 before it: .*absent/),
    });
    const short = { limits: { ...limits, timeoutMs: 2500 } };
    expect((await run(image, then, { before: [["/bin/sh", "-c", "sleep 1000"]], ...short })).outcome).toEqual({ outcome: "timed-out" });
    expect((await run(image, then, { before: [["/bin/sh", "-c", "yes"]] })).outcome).toEqual({ outcome: "log-limit" });
  });

  test("an image is looked into without starting anything of it", async () => {
    const image = await built('ENV A=1\nCOPY data /data\nENTRYPOINT ["/bin/false"]');
    const [platform = "linux/amd64" as const] = await subject.engine.platforms();
    const looked = await subject.engine.examine(
      "run-x/test look",
      { platform, image },
      async ({ config, find, read, directories }) => ({
        config,
        file: await find("/data/hello.txt"),
        around: await find("data/../../data/deep/"),
        nothing: [await find("/nothing"), await find("/data/hello.txt/x"), await find("/nothing/x")],
        content: await read("/data/hello.txt", 6),
        refused: [(await read("/data/hello.txt", 5)).kind, (await read("/data", 100)).kind, (await read("/nothing", 100)).kind],
        directories: await directories("/data"),
        none: [await directories("/data/hello.txt"), await directories("/nothing")],
      }),
      () => true,
      never,
    );
    expect(looked).toMatchObject({ config: { env: expect.arrayContaining(["A=1"]), entrypoint: ["/bin/false"] } });
    expect(looked.file).toEqual({ kind: "file", mode: 0o644, uid: 0, gid: 0, size: 6 });
    expect(looked.around).toMatchObject({ kind: "directory", mode: 0o755 });
    expect(looked.nothing).toEqual([undefined, undefined, undefined]);
    expect(looked.content).toEqual({ kind: "content", bytes: Buffer.from("hello\n") });
    expect(looked.refused).toEqual(["too-large", "directory", "absent"]);
    expect([looked.directories, looked.none]).toEqual([["deep"], [undefined, undefined]]);
    expect((await subject.leftovers()).filter((name) => name.includes("inspect"))).toEqual([]);
  });

  test("looking ends when the caller wants it, and what the caller throws comes out", async () => {
    const image = await built("RUN true");
    const [platform = "linux/amd64" as const] = await subject.engine.platforms();
    const look = (use: (image: ImageReader) => Promise<unknown>, signal: AbortSignal) =>
      subject.engine.examine(`run-${++number}/test look`, { platform, image }, use, () => true, signal);
    const reason = new Error("enough");
    await expect(look(async () => 1, AbortSignal.abort(reason))).rejects.toBe(reason);
    await expect(look(() => Promise.reject(reason), never)).rejects.toBe(reason);
  });

  async function withContainer(image: string, work: (container: TestContainer) => Promise<void>, change = {}, signal = never) {
    const [platform = "linux/amd64" as const] = await subject.engine.platforms();
    const opened = await subject.engine.open(`run-${++number}/open`, { platform, image, limits, ...change }, () => true, signal);
    if (opened.outcome !== "open") throw new Error(JSON.stringify(opened));
    try {
      await work(opened.container);
    } finally {
      await opened.container.close();
    }
  }
  async function exec(container: TestContainer, request: ExecRequest, signal = never, most = 100_000) {
    const said = { stdout: "", stderr: "" };
    const into = (name: keyof typeof said) => (bytes: Uint8Array) => {
      said[name] += Buffer.from(bytes).toString();
      return said[name].length < most;
    };
    const outcome = await container.exec(request, { stdout: into("stdout"), stderr: into("stderr") }, signal);
    return { outcome, ...said };
  }

  test("commands run in an open container: output, exit code, environment, standard input; its files are read", async () => {
    const image = await built('COPY data /data\nENTRYPOINT ["/bin/false"]');
    await withContainer(image, async (container) => {
      const spoken = await exec(container, { command: ["/bin/sh", "-c", "echo $WORD; exit 4"], env: { WORD: "spoken" } });
      expect(spoken).toMatchObject({ outcome: { outcome: "exited", exitCode: 4, outOfMemory: false }, stdout: "spoken\n" });
      const stdin = (async function* () {
        yield Buffer.from("given");
      })();
      expect(await exec(container, { command: ["/bin/sh", "-c", "cat"], stdin })).toMatchObject({
        outcome: { outcome: "exited", exitCode: 0 },
        stdout: "given",
      });
      expect(Buffer.from((await container.readFile("/data/hello.txt", 100)) ?? "").toString()).toBe("hello\n");
      expect(await container.readFile("/data/hello.txt", 5)).toBeUndefined();
      expect(await container.readFile("/data", 100)).toBeUndefined();
      expect(await container.readFile("/absent", 100)).toBeUndefined();
    });
  });

  test("an image without a single program opens, and says which command it has not", async () => {
    const image = await built("COPY data /data");
    await withContainer(image, async (container) => {
      const { outcome } = await exec(container, { command: ["/bin/absent"] });
      expect(outcome).toEqual({ outcome: "not-started", message: expect.stringContaining("/bin/absent") });
    });
  });

  test("a command in an open container that prints without end or is cancelled is let go, and the next one runs", async () => {
    const image = await built("RUN true");
    await withContainer(image, async (container) => {
      expect((await exec(container, { command: ["/bin/sh", "-c", "yes"] })).outcome).toEqual({ outcome: "log-limit" });
      expect((await exec(container, { command: ["/bin/sh", "-c", "sleep 1000"] }, AbortSignal.timeout(500))).outcome).toEqual({
        outcome: "cancelled",
      });
      expect((await exec(container, { command: ["/bin/sh", "-c", "echo next"] })).stdout).toBe("next\n");
    });
  });

  test("an open container ends with its time, and with its signal", async () => {
    const image = await built("RUN true");
    const hang: ExecRequest = { command: ["/bin/sh", "-c", "sleep 1000"] };
    const short = { limits: { ...limits, timeoutMs: 4000 } };
    await withContainer(image, async (container) => expect((await exec(container, hang)).outcome).toEqual({ outcome: "timed-out" }), short);
    const controller = new AbortController();
    const stopped = async (container: TestContainer) => {
      setTimeout(() => controller.abort(), 300);
      expect((await exec(container, hang)).outcome).toEqual({ outcome: "cancelled" });
    };
    await withContainer(image, stopped, {}, controller.signal);
    const [platform = "linux/amd64" as const] = await subject.engine.platforms();
    const unopened = await subject.engine.open("run-0/open", { platform, image, limits }, () => true, AbortSignal.abort());
    expect(unopened).toEqual({ outcome: "cancelled" });
  });

  test("clean-up removes what is not kept and nothing else, and then there is nothing more to remove", async () => {
    const kept = await build("RUN echo kept");
    await build("RUN echo gone");
    expect((await subject.engine.cleanUp((key) => key === kept.key)).length).toBeGreaterThan(0);
    expect(await subject.engine.cleanUp((key) => key === kept.key)).toEqual([]);
    expect((await build("RUN echo kept", {}, kept.key)).outcome).toEqual(kept.outcome);
    expect(await subject.leftovers()).toHaveLength(1);
    await subject.engine.cleanUp(() => false);
    expect(await subject.leftovers()).toEqual([]);
  });
}

const exampleOf: Readonly<Record<DockerfileFeature, string>> = {
  "run-mount": "RUN --mount=type=cache,target=/cache echo mounted",
  "run-network": "RUN --network=none echo alone",
  "copy-chmod": "COPY --chmod=755 data /data",
  "copy-link": "COPY --link data /data",
  heredoc: "RUN <<EOF\necho written here\nEOF",
};

async function makeContext(busybox: string): Promise<string> {
  const { path } = await scratchDirectory();
  await mkdir(join(path, "data/deep"), { recursive: true });
  await mkdir(join(path, "bin"));
  await writeFile(join(path, "data/hello.txt"), "hello\n");
  await writeFile(join(path, "data/deep/other.txt"), "other\n");
  await installBusybox(busybox, join(path, "bin"));
  return path;
}

async function installBusybox(busybox: string, directory: string): Promise<void> {
  await copyFile(busybox, join(directory, "busybox"));
  await chmod(join(directory, "busybox"), 0o755);
  for (const name of ["sh", "true", "false", "sleep", "yes", "cat", "echo"]) await symlink("busybox", join(directory, name));
}
