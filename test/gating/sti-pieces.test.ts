import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ExecRequest, TestContainer } from "../../src/engines/engine.ts";
import { ansibleEnvironment } from "../../src/gating/sti/ansible-call.ts";
import { closedCommand } from "../../src/gating/sti/closed-command.ts";
import { serveSubject, subjectLimits } from "../../src/gating/sti/subject-server.ts";
import { layOutWorkspace, staysInside } from "../../src/gating/sti/workspace.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";

const call = { workspace: "/srv/flibs/work/a", program: "/usr/bin/ansible-playbook", args: ["tests.yml"] };

test("flibs as an ordinary user starts one bubblewrap that shares no namespace", () => {
  const command = closedCommand({ ...call, isRoot: false });
  expect(command.filter((word) => word === "/usr/bin/bwrap")).toHaveLength(1);
  expect(command).toEqual(
    expect.arrayContaining([
      "--unshare-user",
      "--unshare-net",
      "--unshare-pid",
      "--unshare-ipc",
      "--disable-userns",
      "--new-session",
      "--die-with-parent",
    ]),
  );
  expect(command.join(" ")).toContain("--bind /srv/flibs/work/a /workspace --remount-ro /");
  expect(command.join(" ")).toContain(" -- /usr/bin/nice -n 19 -- /usr/bin/prlimit ");
  expect(command.slice(-3)).toEqual(["--", "/usr/bin/ansible-playbook", "tests.yml"]);
});

test("flibs as root becomes nobody before the namespaces are made, and the rest is the same", () => {
  const ordinary = closedCommand({ ...call, workspace: "/mnt", isRoot: false });
  const root = closedCommand({ ...call, isRoot: true });
  expect(root.slice(-ordinary.length)).toEqual(ordinary);
  expect(root.slice(0, -ordinary.length).join(" ")).toBe(
    "/usr/bin/bwrap --die-with-parent --dev-bind / / --bind /srv/flibs/work/a /mnt -- " +
      "/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups --",
  );
});

test("TR18: PATH and HOME are there, and nothing of flibs' own environment", () => {
  const names = Object.keys(ansibleEnvironment("registry.example/x@sha256:0")).filter((name) => !name.startsWith("ANSIBLE_"));
  expect(names.sort()).toEqual(["HOME", "LANG", "PATH", "TEST_ARTIFACTS", "TEST_SUBJECTS"]);
});

test("a link of tests/ stays inside or is left out", () => {
  expect(["a", "./b", "c/../d"].map((target) => staysInside("x", target))).toEqual([true, true, true]);
  expect(staysInside("in/x", "../y")).toBe(true);
  expect(["..", "../y", "/etc/passwd", "in/../../y"].map((target) => staysInside("x", target))).toEqual([false, false, false, false]);
});

test("a workspace has a copy of tests/, no link out of it, and the branch as a plain text", async () => {
  await using scratch = await scratchDirectory();
  const [tree, workspace] = [join(scratch.path, "tree"), join(scratch.path, "workspace")];
  await mkdir(join(tree, "tests/roles"), { recursive: true });
  await mkdir(workspace);
  await writeFile(join(tree, "tests/tests.yml"), "- hosts: subjects\n");
  await symlink("../tests.yml", join(tree, "tests/roles/same"));
  await symlink("../../../etc/passwd", join(tree, "tests/roles/other"));
  const left = await layOutWorkspace(workspace, { tree, subject: "docker:x", branch: 'f42"{{x}}' });
  expect(left).toEqual(["tests/roles/other is a link that leads out of tests/"]);
  expect(await readFile(join(workspace, "tests/roles/same"), "utf8")).toBe("- hosts: subjects\n");
  expect(await readFile(join(workspace, "variables.yml"), "utf8")).toContain('git_branch: !unsafe "f42\\"{{x}}"\n');
});

describe("the server of the one container", () => {
  async function served(work: (ask: (bytes: Uint8Array) => Promise<string>, asked: ExecRequest[]) => Promise<void>): Promise<void> {
    await using scratch = await scratchDirectory();
    const asked: ExecRequest[] = [];
    const container: TestContainer = {
      ended: () => undefined,
      exec: async (request, sinks) => {
        const given: Uint8Array[] = [];
        for await (const part of request.stdin ?? []) given.push(part);
        asked.push(request);
        if (request.command[0] === "flood") while (sinks.stdout(Buffer.alloc(2 ** 20)));
        if (request.command[0] === "flood") return { outcome: "log-limit" };
        if (request.command[0] === "absent") return { outcome: "not-started", message: "absent: not found" };
        sinks.stdout(Buffer.concat(given));
        return { outcome: "exited", exitCode: 3, outOfMemory: false };
      },
      readFile: async (path) => (path === "/there" ? Buffer.from("text") : undefined),
      close: async () => {},
    };
    const server = await serveSubject(scratch.path, container, new AbortController().signal);
    const ask = (bytes: Uint8Array) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(join(scratch.path, "subject.sock"));
        let text = "";
        socket.on("data", (part) => {
          text = (text + part.toString("latin1")).slice(-1000);
        });
        socket.on("close", () => resolve(text));
        socket.on("error", reject);
        socket.end(bytes);
      });
    try {
      await work(ask, asked);
    } finally {
      await server.close();
    }
  }
  const framed = (request: unknown, input = "") => {
    const text = Buffer.from(JSON.stringify(request));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return Buffer.concat([length, text, Buffer.from(input)]);
  };

  test("commands get their input, and output and exit code come back", async () => {
    await served(async (ask, asked) => {
      const answer = await ask(framed({ do: "exec", command: ["cat"], user: "0", stdin: 5 }, "given"));
      expect(answer).toBe('\x01\0\0\0\x05given\x03\0\0\0\x0e{"exitCode":3}');
      expect(asked).toMatchObject([{ command: ["cat"], user: "0" }]);
      expect(await ask(framed({ do: "exec", command: ["absent"], stdin: 0 }))).toContain('{"exitCode":127}');
    });
  });

  test("files come back, absent ones are told", async () => {
    await served(async (ask) => {
      expect(await ask(framed({ do: "read", path: "/there", stdin: 0 }))).toBe('\x01\0\0\0\x04text\x03\0\0\0\x0e{"exitCode":0}');
      expect(await ask(framed({ do: "read", path: "/absent", stdin: 0 }))).toContain("there is no file /absent");
    });
  });

  test("a command that prints without end is told, and so is too much input", async () => {
    await served(async (ask) => {
      expect(await ask(framed({ do: "exec", command: ["flood"], stdin: 0 }))).toContain("printed more than 8388608 bytes");
      expect(await ask(framed({ do: "exec", command: ["cat"], stdin: subjectLimits.inputBytes + 1 }))).toContain(
        "more input than flibs takes",
      );
    });
  });

  test("what nobody takes is not kept for all connections together", async () => {
    await using scratch = await scratchDirectory();
    let alive = 0;
    let begun = 0;
    const container: TestContainer = {
      ended: () => undefined,
      exec: async (_, sinks, signal) => {
        begun += 1;
        alive += 1;
        sinks.stdout(Buffer.alloc(subjectLimits.outputBytes));
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        alive -= 1;
        return { outcome: "cancelled" };
      },
      readFile: async () => undefined,
      close: async () => {},
    };
    const server = await serveSubject(scratch.path, container, new AbortController().signal);
    const sockets = Array.from({ length: 8 }, () => connect(join(scratch.path, "subject.sock")).pause());
    for (const socket of sockets) socket.on("error", () => {}).write(framed({ do: "exec", command: ["x"], stdin: 0 }));
    try {
      for (let turns = 0; turns < 100 && (begun < 8 || alive > 4); turns++) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(begun).toBe(8);
      expect(alive).toBeLessThanOrEqual(4);
      expect(alive).toBeGreaterThan(0);
    } finally {
      for (const socket of sockets) socket.destroy();
      await server.close();
    }
  });

  test("a request that is too long is none", async () => {
    await served(async (ask, asked) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(128 * 1024 + 1);
      expect(await ask(length)).toMatch(/not a request$/);
      expect(asked).toEqual([]);
    });
  });

  test("whatever else comes in is no request, and the next one is answered", async () => {
    await served(async (ask, asked) => {
      const junk = fc.oneof(
        fc.uint8Array({ maxLength: 50 }),
        fc.json().map((text) => framed(JSON.parse(text))),
        fc
          .record({ do: fc.constantFrom("exec", "read", "open", "push"), stdin: fc.integer(), path: fc.array(fc.string()) })
          .map((one) => framed(one)),
      );
      await fc.assert(
        fc.asyncProperty(junk, async (bytes) => {
          const answer = await ask(bytes);
          expect(answer.charCodeAt(0)).toBe(4);
          expect(answer).toMatch(/(?:not a request|the request ends too early)$/);
        }),
        { numRuns: 50 },
      );
      expect(asked).toEqual([]);
      expect(await ask(framed({ do: "exec", command: ["cat"], stdin: 0 }))).toContain('{"exitCode":3}');
    });
  });
});
