import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { closedCommand } from "../../../src/gating/sti/closed-command.ts";
import { seccompFilter } from "../../../src/gating/sti/seccomp-filter.ts";
import { layOutWorkspace } from "../../../src/gating/sti/workspace.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";
import { besideContainer, playbook, stiWorld } from "./sti-world.ts";

jest.setTimeout(120_000);

let world: Awaited<ReturnType<typeof stiWorld>>;
beforeAll(async () => {
  world = await stiWorld();
});
afterAll(() => world.close());

/** Runs a script on flibs' side and gives what it printed. */
async function seen(script: string): Promise<string> {
  const text = `    - shell: ${JSON.stringify(`(${script}) > $TEST_ARTIFACTS/seen 2>&1; echo ended >> $TEST_ARTIFACTS/seen`)}\n`;
  const { artifacts, result, log } = await world.run(besideContainer(text));
  if (result.outcome !== "pass") throw new Error(log);
  return artifacts.seen ?? "";
}

describe("what a playbook cannot reach", () => {
  test("the network: neither the world nor this machine's own loopback", async () => {
    const server = createServer((_, response) => response.end("reached"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("reached");
      const ask = `import socket\\nfor a in (('127.0.0.1',${port}),('1.1.1.1',53)):\\n try:\\n  socket.create_connection(a,2); print('reached')\\n except OSError as e: print('no', e.strerror)`;
      const text = await seen(`printf ${JSON.stringify(ask)} > /tmp/x.py; python3 /tmp/x.py; cat /proc/net/dev`);
      expect(text).not.toContain("reached");
      expect(text).toContain("no Connection refused\nno Network is unreachable\n");
      expect(text.match(/^ *\w+: /gm)).toEqual(["    lo: "]);
    } finally {
      server.close();
    }
  });

  test("the Docker socket", async () => {
    const text = await seen("ls -d /var /run /var/run /var/run/docker.sock; find / -xdev -name docker.sock 2>/dev/null; echo searched");
    expect(text).toContain("cannot access '/var/run/docker.sock'");
    expect(text).toContain("\nsearched\n");
    expect(text).not.toMatch(/^\/.*docker\.sock$/m);
  });

  test("files of this machine, flibs' own, and those of another test", async () => {
    const secret = join(world.scratch, "another-test-secret");
    await writeFile(secret, "secret");
    const paths = [
      "/root",
      "/home",
      "/etc/shadow",
      "/etc/ssl",
      "/var",
      "/srv",
      "/opt",
      "/boot",
      "/sys",
      "/mnt",
      world.scratch,
      secret,
      import.meta.dirname,
    ];
    const text = await seen(`for p in ${paths.join(" ")}; do test -e $p && echo there $p; done; ls -A / /etc /workspace/.. /tmp`);
    expect(text).not.toContain("there");
    expect(text).not.toContain("another-test-secret");
    expect(text).toMatch(/^\/etc:\nalternatives\ngroup\nld\.so\.cache\npasswd\n$/m);
  });

  test("other processes, and flibs' environment", async () => {
    process.env.FLIBS_TEST_SECRET = "do-not-tell";
    try {
      const text = await seen("cat /proc/*/cmdline /proc/*/environ | tr '\\0' '\\n'; ls /proc | grep -c '^[0-9]'; env");
      expect(text).not.toContain("do-not-tell");
      expect(text).not.toMatch(/jest|dockerd|FLIBS_|NODE_/);
      expect(text).toContain("ansible-playbook");
    } finally {
      delete process.env.FLIBS_TEST_SECRET;
    }
  });

  test("TR18: what it has of an environment is the convention's, with PATH and HOME, and files of variables are gone with the workspace", async () => {
    const names = (await seen("tr '\\0' '\\n' < /proc/1/environ; tr '\\0' '\\n' < /proc/2/environ")).match(/^[A-Z_]+(?==)/gm);
    const wanted = ["HOME", "LANG", "PATH", "TEST_ARTIFACTS", "TEST_SUBJECTS"];
    expect([...new Set(names)].filter((name) => !name.startsWith("ANSIBLE_") && name !== "PWD").sort()).toEqual(wanted);
    const { kept } = await world.run(playbook("    - raw: exit 0\n"), { branch: "f42" });
    expect(kept).toEqual(["ansible.log"]);
  });

  test("this machine's files, by a link in the place of the artifacts folder", async () => {
    const victim = join(world.scratch, "victim");
    await mkdir(victim);
    await writeFile(join(victim, "results.yml"), "results: [{test: stolen, result: pass}]");
    const take = `cd / && mv $TEST_ARTIFACTS /workspace/gone && ln -s ${victim} $TEST_ARTIFACTS`;
    const text = `    - shell: ${JSON.stringify(take)}\n`;
    const { result, kept } = await world.run(besideContainer(text));
    expect(result).toMatchObject({ outcome: "error", message: expect.stringContaining("artifacts folder") });
    expect(kept).toEqual(["ansible.log"]);
    expect(await readFile(join(victim, "results.yml"), "utf8")).toContain("stolen");
  });

  test("rights: it is root of a namespace without capabilities, cannot make another one, and writes nowhere but in its workspace", async () => {
    const text = await seen(
      "id -u; grep CapEff /proc/self/status; unshare -U true; unshare -m true; touch /usr/x /etc/x /x /dev/x /usr/local/x; touch /workspace/x /tmp/x && echo written; mount -t tmpfs none /tmp",
    );
    expect(text).toContain("0\nCapEff:\t0000000000000000\n");
    expect(text.match(/Read-only file system/g)?.length).toBeGreaterThanOrEqual(4);
    expect(text.match(/unshare failed/g)).toHaveLength(2);
    expect(text).toContain("\nwritten\n");
    expect(text).toMatch(/mount: .*(permission denied|must be superuser|not implemented)/i);
  });

  test("anything but its own container: the socket takes no other request", async () => {
    const ask =
      "import socket,struct,json\\ndef ask(b):\\n s=socket.socket(socket.AF_UNIX); s.connect('/workspace/subject.sock'); s.sendall(b)\\n d=b''\\n while True:\\n  p=s.recv(4096)\\n  if not p: return print(d)\\n  d+=p\\n" +
      "for r in ({'do':'exec','command':['/bin/sh','-c','echo other']  ,'stdin':0,'container':'abc','image':'x','privileged':True},{'do':'open','stdin':0},{'do':'exec','command':[],'stdin':0},{'do':'read','path':'../../../../etc/shadow','stdin':0}):\\n h=json.dumps(r).encode(); ask(struct.pack('>I',len(h))+h)\\n" +
      "ask(struct.pack('>I',4000000000))\\nask(b'\\\\xff'*8)";
    const text = await seen(`printf '%b' ${JSON.stringify(ask)} > /tmp/x.py; python3 /tmp/x.py`);
    expect(text).toContain("other\\n");
    expect(text.match(/not a request/g)).toHaveLength(4);
    expect(text).toContain("there is no file ../../../../etc/shadow");
  });
});

test("the container is as closed as every test's: no network, no capabilities, no new privileges", async () => {
  const tasks =
    "    - raw: cat /proc/net/dev; busybox grep -E 'CapEff|NoNewPrivs' /proc/self/status; busybox ls -d /var/run/docker.sock\n      become: true\n      register: said\n    - fail: {msg: \"{{ said.stdout }}\"}\n";
  const { log } = await world.run(
    playbook(tasks.replace("busybox ls", "busybox ls").replace("\n      become", "\n      ignore_errors: true\n      become")),
  );
  expect(log).toMatch(/CapEff:\\t0000000000000000/);
  expect(log).toMatch(/NoNewPrivs:\\t1/);
  expect(log).not.toMatch(/eth0/);
});

// The rest of this file runs as who runs the tests, in most places root.
test("flibs as an ordinary user makes the same closed workspace", async () => {
  const isRoot = process.getuid?.() === 0;
  await using workspace = await scratchDirectory();
  await layOutWorkspace(workspace.path, { tree: "/nothing", subject: "docker:x", branch: undefined });
  const script = "id -u; grep CapEff /proc/self/status; ls /; unshare -U true; touch /workspace/written && echo written";
  const closed = closedCommand({ workspace: workspace.path, program: "/bin/sh", args: ["-c", script], isRoot: false });
  const [program = "", ...args] = isRoot
    ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", ...closed]
    : closed;
  // Descriptor 3 is bubblewrap's, and from 4 it reads the filter.
  await using filter = await scratchDirectory();
  await writeFile(join(filter.path, "filter"), seccompFilter(process.arch) ?? "");
  const shell = ["-c", `exec 3>/dev/null 4<'${join(filter.path, "filter")}'; exec "$@" 2>&1`, "sh", program, ...args];
  const { stdout } = await promisify(execFile)("/bin/sh", shell, { env: { PATH: "/usr/bin" } });
  expect(stdout).toMatch(/^0\nCapEff:\t0000000000000000\nbin\ndev\netc\nlib\nlib64\nproc\nsbin\ntmp\nusr\nworkspace\n/);
  expect(stdout).toContain("unshare failed");
  expect(stdout).toMatch(/written\n$/);
});
