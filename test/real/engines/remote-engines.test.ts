import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { busyboxTree } from "../../support/busybox-tree.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { processesMarked } from "../../support/marked-processes.ts";
import { until } from "../../support/running-service.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";
import { type CertificateFiles, makeAuthority } from "../../support/tls-files.ts";

// The engine is slow when other tests use both cores.
jest.setTimeout(60_000);

const never = new AbortController().signal;
const limits = { timeoutMs: 60_000, memoryBytes: 64 * 2 ** 20, processes: 50 };
const opened: ReturnType<typeof dockerEngine>[] = [];
let scratch: ScratchDirectory;

beforeAll(async () => {
  await requireDocker();
  scratch = await scratchDirectory();
  await busyboxTree(join(scratch.path, "tree"));
});
afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close();
});
afterAll(() => scratch.remove());

function open(host: string, tls?: CertificateFiles) {
  const installation = `remote-${randomBytes(4).toString("hex")}`;
  const engine = dockerEngine({ host, installation, stateDirectory: join(scratch.path, "state"), slots: 1, ...(tls && { tls }) });
  opened.push(engine);
  return engine;
}

/** What goes over every kind of request: a body that is sent, a stream that is read, a connection that is taken over, a request that is closed. */
async function useEverything(engine: ReturnType<typeof open>): Promise<void> {
  const request = (lines: string) => ({
    platform: "linux/amd64" as const,
    context: join(scratch.path, "tree"),
    dockerfile: `FROM scratch\nCOPY bin /bin\n${lines}\n`,
    parents: [],
    buildArguments: {},
    limits,
  });
  let log = "";
  const sink = (text: string) => {
    log += text;
    return true;
  };
  const outcome = await engine.build("remote/build", request("RUN echo good morning"), sink, never);
  if (outcome.outcome !== "built") throw new Error(log);
  expect(log).toMatch(/^good morning$/m);
  const { files } = await engine.inspect("remote/inspect", outcome.imageId, ["/bin/busybox"]);
  expect(Buffer.from(files["/bin/busybox"] ?? []).equals(await readFile("/bin/busybox"))).toBe(true);
  log = "";
  const asked = {
    platform: "linux/amd64",
    image: outcome.imageId,
    command: ["/bin/sh", "-c", "echo said; exit 4"],
    env: {},
    limits,
  } as const;
  expect(await engine.run("remote/run", asked, sink, never)).toMatchObject({ outcome: "exited", exitCode: 4 });
  expect(log).toBe("said\n");
  const controller = new AbortController();
  const cancel = (text: string) => {
    if (text.includes("begun")) controller.abort();
    return true;
  };
  expect(await engine.build("remote/cancel", request("RUN echo begun; sleep 1000"), cancel, controller.signal)).toMatchObject({
    outcome: "cancelled",
  });
  await engine.cleanUp(() => false);
}

describe("by ssh", () => {
  const path = process.env.PATH;
  afterEach(() => {
    process.env.PATH = path;
  });

  /** A program in the place of ssh; setup does not install an SSH server, which would open the machine. */
  async function stubSsh(script: string): Promise<string> {
    const directory = join(scratch.path, `ssh-${randomBytes(4).toString("hex")}`);
    await mkdir(directory);
    await writeFile(join(directory, "ssh"), `#!/bin/sh\n${script}\n`);
    await chmod(join(directory, "ssh"), 0o755);
    process.env.PATH = `${directory}:${path}`;
    return directory;
  }

  test("everything goes through docker system dial-stdio on the other side, and nothing of it is left", async () => {
    const directory = await stubSsh(
      `echo "$@" >> "$(dirname "$0")/called"; [ -z "$FLIBS_SECRET" ] || exit 3; exec docker --host unix://${dockerSocket} system dial-stdio`,
    );
    process.env.FLIBS_SECRET = "of the service";
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith("flibs-ssh-"));
    const engine = open("ssh://builder@arm.example.test:2222");
    try {
      expect(await engine.platforms()).toEqual(["linux/amd64"]);
      await useEverything(engine);
    } finally {
      delete process.env.FLIBS_SECRET;
    }
    const called = new Set((await readFile(join(directory, "called"), "utf8")).trim().split("\n"));
    expect([...called]).toEqual([
      "-T -o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 -l builder -p 2222 -- arm.example.test docker system dial-stdio",
    ]);
    await engine.close();
    expect((await readdir(tmpdir())).filter((name) => name.startsWith("flibs-ssh-") && !before.includes(name))).toEqual([]);
    // A docker command that does not end by a signal lets a cancelled build go on for as long as it lives.
    await until("no connection to be left", async () => ((await processesMarked(directory)).length === 0 ? true : undefined), 20_000);
  });

  test.each([
    ["ssh is refused", "echo 'builder@arm.example.test: Permission denied (publickey).' >&2; exit 255", "Permission denied (publickey)."],
    ["docker is not there", "echo 'sh: docker: not found' >&2; exit 127", "docker: not found"],
    ["ssh says nothing", "exit 255", "ssh ended with 255"],
  ])("%s: the run waits, and is told why", async (_, script, words) => {
    await stubSsh(script);
    await expect(open("ssh://arm.example.test").platforms()).rejects.toMatchObject({
      code: "engine.unreachable",
      kind: "transient",
      message: expect.stringContaining(words),
    });
  });
});

describe("by TLS", () => {
  let server: Server;
  let host: string;
  let ours: CertificateFiles;
  let foreign: CertificateFiles;

  beforeAll(async () => {
    const [one, other] = await Promise.all([makeAuthority(scratch.path, "one"), makeAuthority(scratch.path, "other")]);
    ours = one.client;
    foreign = other.client;
    const [ca, cert, key] = await Promise.all([one.server.ca, one.server.cert, one.server.key].map((file) => readFile(file)));
    server = createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true }, (socket) => {
      const engine = connect(dockerSocket);
      for (const stream of [socket, engine]) stream.on("error", () => {});
      socket.pipe(engine).pipe(socket);
      socket.on("close", () => engine.destroy());
    });
    server.on("tlsClientError", () => {});
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  test("everything goes with a certificate that the engine's authority signed", async () => {
    await useEverything(open(host, ours));
  });

  test("a certificate of another authority is refused by the engine, and an engine of another one by us", async () => {
    const refused = { code: "engine.unreachable", kind: "transient" };
    await expect(open(host, { ...foreign, ca: ours.ca }).platforms()).rejects.toMatchObject(refused);
    await expect(open(host, { ...ours, ca: foreign.ca }).platforms()).rejects.toMatchObject(refused);
  });

  test("without certificates it is never used, and a file that is not there is named", async () => {
    await expect(open(host).platforms()).rejects.toMatchObject({
      code: "config.invalid",
      message: `${host} needs tls: whoever reaches a Docker Engine is root there`,
    });
    await expect(open(host, { ...ours, key: "/absent/key.pem" }).platforms()).rejects.toMatchObject({
      code: "config.unreadable",
      message: expect.stringContaining("/absent/key.pem cannot be read"),
    });
  });
});
