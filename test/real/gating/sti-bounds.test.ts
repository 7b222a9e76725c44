import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { removeTree } from "../../../src/builds/workspace/remove-tree.ts";
import { runClosed } from "../../../src/gating/sti/closed-process.ts";
import { layOutWorkspace } from "../../../src/gating/sti/workspace.ts";
import { processesMarked } from "../../support/marked-processes.ts";
import { besideContainer, playbook, stiWorld } from "./sti-world.ts";

jest.setTimeout(120_000);

let world: Awaited<ReturnType<typeof stiWorld>>;
beforeAll(async () => {
  world = await stiWorld();
});
afterAll(() => world.close());

/** A task on flibs' side. */
const here = (script: string) => besideContainer(`    - shell: ${JSON.stringify(script)}\n`);

async function nothingLeft(): Promise<void> {
  expect(await world.containers()).toEqual([]);
  // The workspace's path is on bubblewrap's command line; inside, everybody has the variable.
  expect(await processesMarked(world.scratch, world.mark)).toEqual([]);
}

describe("a suite that goes on for ever", () => {
  test.each([
    ["in the container", playbook("    - raw: sleep 1000\n")],
    ["beside it", here("sleep 1000 & setsid sleep 1000 & sleep 1000")],
  ])("%s is stopped by its time limit, and nothing of it is left", async (_, text) => {
    const { result, kept } = await world.run(text, { timeoutMs: 8000 });
    expect(result).toMatchObject({ outcome: "error", message: "did not end within 8 s", artifacts: ["ansible.log"] });
    expect(kept).toEqual(["ansible.log"]);
    await nothingLeft();
  });

  test("is stopped when it is cancelled", async () => {
    const { result } = await world.run(playbook("    - raw: sleep 1000\n"), { signal: AbortSignal.timeout(4000) });
    expect(result).toMatchObject({ outcome: "error", message: "cancelled" });
    await nothingLeft();
  });
});

describe("a suite that writes too much", () => {
  test("a gigabyte in one log: the file ends at its limit, and the suite has failed", async () => {
    const { result, log } = await world.run(here("head -c 1073741824 /dev/zero > $TEST_ARTIFACTS/test.log"));
    expect(result).toMatchObject({ outcome: "fail", artifacts: ["test.log", "ansible.log"] });
    expect(result.message).toContain("1 of the artifacts left out or cut");
    expect(log).toContain('artifact "test.log" is cut: a file has at most 64.0 MiB\n');
  });

  test("a gigabyte in many logs: it is stopped", async () => {
    const { result } = await world.run(here("for i in $(seq 64); do head -c 16777216 /dev/zero > $TEST_ARTIFACTS/$i.log; done"));
    expect(result).toMatchObject({ outcome: "error", message: expect.stringContaining("it wrote more than 256.0 MiB") });
    await nothingLeft();
  });

  test("in its last moment: it is seen afterwards", async () => {
    const workspace = join(world.scratch, "last-moment");
    await mkdir(join(workspace, "tests"), { recursive: true });
    await layOutWorkspace(workspace, { tree: workspace, subject: "docker:none", branch: undefined });
    const script = "for i in 1 2 3 4 5; do /usr/bin/fallocate -l 60000000 ../artifacts/$i; done";
    const run = { workspace, program: "/bin/sh", args: ["-c", script], env: {}, take: () => {} };
    const end = await runClosed(run, AbortSignal.timeout(20_000));
    expect(end).toEqual({ kind: "stopped", problem: "it wrote more than 256.0 MiB" });
    await removeTree(workspace);
  });

  test("in files that are deleted and open: it is stopped", async () => {
    const script =
      "import os,time\\nfs=[]\\nfor i in range(64):\\n p=os.environ['TEST_ARTIFACTS']+'/x'\\n f=open(p,'wb')\\n os.unlink(p)\\n f.write(bytes(16777216))\\n f.flush()\\n fs.append(f)\\ntime.sleep(1000)";
    const { result } = await world.run(here(`printf ${JSON.stringify(script)} > /tmp/x.py && exec python3 /tmp/x.py`));
    expect(result).toMatchObject({ outcome: "error", message: expect.stringContaining("it wrote more than 256.0 MiB") });
    await nothingLeft();
  });

  test("more files than anybody looks at, or deeper than a path can be: it is stopped, and all of it is removed", async () => {
    const many = await world.run(here("mkdir $TEST_ARTIFACTS/m && cd $TEST_ARTIFACTS/m && seq 30000 | xargs touch && sleep 1000"));
    expect(many.result).toMatchObject({ outcome: "error", message: expect.stringContaining("it made more than 20000 files") });
    const script =
      "import os,time\\nos.chdir(os.environ['TEST_ARTIFACTS'])\\nfor i in range(300):\\n os.mkdir('d'*200)\\n os.chdir('d'*200)\\ntime.sleep(1000)";
    const deep = await world.run(here(`printf ${JSON.stringify(script)} > /tmp/x.py && exec python3 /tmp/x.py`));
    expect(deep.result).toMatchObject({ outcome: "error", message: expect.stringContaining("it made files that cannot be looked at") });
    expect(deep.kept).toEqual(["ansible.log"]);
    await nothingLeft();
  });

  test("on its output: the live log's limit stops it, and ansible.log has a limit of its own", async () => {
    const text = besideContainer("    - debug: {msg: \"{{ 'x' * 30000000 }}\"}\n");
    const { result, log } = await world.run(text);
    expect(result).toMatchObject({ outcome: "error", message: "printed more than the log limit allows" });
    expect(log.length).toBeLessThan(1_000_000);
    const unlimited = await world.run(text, { logLength: Number.POSITIVE_INFINITY });
    expect(unlimited.result.outcome).toBe("pass");
  });

  test("on the container's disk: it is stopped, also when its playbook goes on without the container", async () => {
    const fill = "    - raw: head -c 50000000 /dev/zero > /tmp/a && sleep 30\n      ignore_errors: true\n      ignore_unreachable: true\n";
    const { result } = await world.run(playbook(fill), { diskBytes: 20_000_000 });
    expect(result).toMatchObject({ outcome: "error", message: "wrote more on the container's disk than is allowed", final: true });
    await nothingLeft();
  });

  test("in memory: it is stopped", async () => {
    const eat =
      "import os,time\\nx=b'x'*400000000\\nfor i in range(3): os.fork()\\nx=bytearray(400000000)\\nfor i in range(0,400000000,4096): x[i]=1\\ntime.sleep(1000)";
    const { result } = await world.run(here(`printf ${JSON.stringify(eat)} > /tmp/x.py && exec python3 /tmp/x.py`));
    expect(result).toMatchObject({ outcome: "error", message: expect.stringContaining("it used more than 1.0 GiB of memory") });
    await nothingLeft();
  });

  test("processes without end: there are no more than the limit, and the time limit ends them", async () => {
    let most = 0;
    const counting = setInterval(async () => {
      most = Math.max(most, (await processesMarked(world.mark)).length);
    }, 1000);
    const { result } = await world.run(here("b() { b | b & }; while :; do b; done"), { timeoutMs: 9000 });
    clearInterval(counting);
    expect(["error", "fail"]).toContain(result.outcome);
    expect(most).toBeLessThanOrEqual(256);
    await nothingLeft();
  });
});

test("unsafe names of artifacts, links and special files stay behind and are told", async () => {
  const script =
    "cd $TEST_ARTIFACTS && printf x > good.txt && mkdir -p in/side && printf y > in/side/too.txt && printf x > \"$(printf 'new\\nline')\" && " +
    "printf x > \"$(printf 'bell\\007')\" && printf x > \"$(printf 'latin\\351')\" && printf x > \"$(printf '\\342\\200\\256txt.exe')\" && printf x > 'back\\slash' && printf x > ansible.log && mkdir .workspace && " +
    "ln -s /etc/passwd link && ln -s in linked && mkfifo pipe && printf x > $(seq -s '' 60) && mkdir locked && printf z > locked/z && chmod 0 locked";
  const { result, kept, log, artifacts } = await world.run(here(script));
  expect(result).toMatchObject({ outcome: "pass", message: expect.stringContaining("of the artifacts left out or cut") });
  expect(result.artifacts).toEqual(["good.txt", "in/side/too.txt", "locked/z", "ansible.log"]);
  expect(artifacts["in/side/too.txt"]).toBe("y");
  expect([...kept].sort()).toEqual(["ansible.log", "good.txt", "in", "in/side", "in/side/too.txt", "locked", "locked/z"]);
  expect(log).toContain("is a symbolic link");
  expect(log).toContain("is no regular file");
  expect(log).toContain("has a name that is not UTF-8");
});
