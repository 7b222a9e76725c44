import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export interface BuildDaemon extends AsyncDisposable {
  readonly host: string;
  /** The cgroup that it was told to put everything into, or would have been. */
  readonly cgroup: string;
}

/**
 * A Docker Engine of the test's own, without any network. `confined`: it gets a cgroup parent. Needs root, as the engine that tests use does. It stands
 * in a network namespace of its own: an engine that is started with `--bridge none` removes `docker0`, which is another engine's.
 */
export async function startBuildDaemon({ confined }: { readonly confined: boolean }): Promise<BuildDaemon> {
  const directory = await mkdtemp(join(tmpdir(), "flibs-dockerd-"));
  const at = (name: string) => join(directory, name);
  const cgroup = `/flibs-test-${randomBytes(4).toString("hex")}`;
  await writeFile(at("daemon.json"), "{}");
  const child = spawn(
    "unshare",
    [
      ...["--net", "dockerd", "--config-file", at("daemon.json"), "--host", `unix://${at("d.sock")}`, "--pidfile", at("d.pid")],
      ...["--data-root", at("data"), "--exec-root", at("run")],
      ...["--bridge", "none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"],
      ...(confined ? ["--cgroup-parent", cgroup] : []),
    ],
    { stdio: "ignore", env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` } },
  );
  let ended = false;
  const over = once(child, "exit").finally(() => {
    ended = true;
  });
  while (!ended && !(await answers(at("d.sock")))) await delay(50);
  if (ended) throw new Error("dockerd does not start: run it as root, and look whether scripts/setup has installed it");
  return {
    host: `unix://${at("d.sock")}`,
    cgroup,
    async [Symbol.asyncDispose]() {
      child.kill();
      await over;
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
      await removeCgroup(cgroup);
    },
  };
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: "/_ping", timeout: 1000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on("error", () => resolve(false));
    asked.end();
  });
}

/** Directories that are empty of processes; the kernel removes their files itself. */
async function removeCgroup(cgroup: string): Promise<void> {
  const text = await readFile("/proc/self/cgroup", "utf8");
  const controllers = text.split("\n").flatMap((line) => (line.split(":")[1] ?? "").split(","));
  for (const controller of new Set(["", ...controllers.map((one) => one.replace(/^name=/, ""))])) {
    for (const path of [`${cgroup}/buildkit`, cgroup]) await rmdir(join("/sys/fs/cgroup", controller, path)).catch(() => {});
  }
}
