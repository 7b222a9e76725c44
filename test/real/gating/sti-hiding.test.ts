import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { removeTree } from "../../../src/builds/workspace/remove-tree.ts";
import { type ClosedEnd, runClosed } from "../../../src/gating/sti/closed-process.ts";
import { layOutWorkspace } from "../../../src/gating/sti/workspace.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

jest.setTimeout(60_000);

/** On a machine that is busy with other things the look itself is what takes too long. */
const orTooMuch = (problem: string) => ({
  kind: "stopped",
  problem: expect.stringMatching(new RegExp(`^(?:${problem}|it had more than can be looked at in a second)$`)),
});

/** Runs Python in a closed workspace, as Ansible runs there. */
async function python(script: string): Promise<{ readonly end: ClosedEnd; readonly said: string }> {
  await using scratch = await scratchDirectory();
  const workspace = join(scratch.path, "workspace");
  await mkdir(workspace);
  await layOutWorkspace(workspace, { tree: join(scratch.path, "nothing"), subject: "docker:none", branch: undefined });
  let said = "";
  const take = (bytes: Uint8Array) => {
    said += Buffer.from(bytes).toString();
  };
  const run = { workspace, program: "/usr/bin/python3", args: ["-c", script], env: { PATH: "/usr/bin" }, take };
  try {
    return { end: await runClosed(run, AbortSignal.timeout(25_000)), said };
  } finally {
    await removeTree(workspace);
  }
}

test("System V's shared memory, memory files and shared anonymous memory are not to be had", async () => {
  const { end, said } = await python(`
import ctypes, errno, mmap, os
libc = ctypes.CDLL(None, use_errno=True)
for name, arguments in (("shmget", (0, 4096, 0o1600)), ("msgget", (0, 0o1600)), ("semget", (0, 1, 0o1600))):
  print(name, getattr(libc, name)(*arguments), errno.errorcode[ctypes.get_errno()])
for call in (lambda: os.memfd_create("x"), lambda: mmap.mmap(-1, 4096)):
  try: print("had", call())
  except OSError as e: print(errno.errorcode[e.errno])
print(len(mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)))
`);
  expect(end).toEqual({ kind: "exited", exitCode: 0 });
  expect(said).toBe("shmget -1 ENOSYS\nmsgget -1 ENOSYS\nsemget -1 ENOSYS\nENOSYS\nEPERM\n4096\n");
});

test("memory that is shared by way of /dev/zero ends it", async () => {
  const { end } = await python(`
import mmap, os, time
m = mmap.mmap(os.open("/dev/zero", os.O_RDWR), 1 << 24)
time.sleep(20)
`);
  expect(end).toEqual({ kind: "stopped", problem: "it shared memory that cannot be counted" });
});

test("more open files than anybody looks at end it", async () => {
  const { end } = await python(`
import os, time
for i in range(25):
  if os.fork() == 0:
    for j in range(1000): os.open("/usr", os.O_RDONLY)
    time.sleep(20)
time.sleep(20)
`);
  expect(end).toEqual(orTooMuch("it had more than 20000 files open"));
});

test("more sockets than anybody needs end it, each may hold memory", async () => {
  const { end } = await python(`
import os, socket, time
for i in range(3):
  if os.fork() == 0:
    kept = [socket.socketpair() for j in range(300)]
    time.sleep(20)
time.sleep(20)
`);
  expect(end).toEqual(orTooMuch("it had more than 1000 sockets"));
});

const sixteenTimes = (then: string) => `
import array, mmap, os, socket, time
kept = []
for i in range(16):
  f = open("/workspace/artifacts/x", "w+b")
  os.unlink("/workspace/artifacts/x")
  f.write(bytes(1 << 25)); f.flush()
  ${then}
  f.close()
time.sleep(20)
`;

test("deleted files that are mapped and closed count as what they take", async () => {
  const { end } = await python(sixteenTimes("kept.append(mmap.mmap(f.fileno(), 4096))"));
  expect(end).toEqual({ kind: "stopped", problem: "it wrote more than 256.0 MiB" });
});

test("deleted files on their way between two sockets count as the largest that they can be", async () => {
  const { end } = await python(
    sixteenTimes(
      'a, b = socket.socketpair(); kept += [a, b]; a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [f.fileno()]))])',
    ),
  );
  expect(end).toEqual({ kind: "stopped", problem: "it wrote more than 256.0 MiB" });
});
