// Docker Engine: does it answer, and how to start one where no service manager does it. Node 20.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** "yes", "no" (nothing listens), or "denied" (it listens but not to this person). Needs no docker command. */
export function engineAnswers(socketPath) {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: "/_ping", timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? "yes" : "no");
    });
    ping.on("timeout", () => ping.destroy());
    ping.on("error", (error) => resolve(error.code === "EACCES" ? "denied" : "no"));
    ping.end();
  });
}

/** systemd is process 1 here, so that services are its business. */
export function hasServiceManager() {
  return existsSync("/run/systemd/system");
}

/**
 * Starts a daemon that outlives us, as `sudo` (a word list, may be empty) allows, and waits until it answers.
 * Log and process id stand in `directory`. Returns undefined, or the reason why it does not answer.
 */
export async function startDockerd({ dockerd, sudo, socketPath, directory, timeoutMs = 60_000 }) {
  mkdirSync(directory, { recursive: true });
  const [pidFile, logFile] = [join(directory, "dockerd.pid"), join(directory, "dockerd.log")];
  // For each layer and each container it starts itself anew, for a moment, as another program: collecting garbage is a third of that, and worth no memory.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not ours
  const script = 'umask 022; echo $$ >"$1"; GOGC="${GOGC:-400}" exec "$3" -H "unix://$4" >"$2" 2>&1 </dev/null';
  const command = [...sudo, "sh", "-c", script, "sh", pidFile, logFile, dockerd, socketPath];
  mountControlGroups(sudo);
  const daemon = spawn(command[0], command.slice(1), { detached: true, stdio: "ignore", cwd: "/" });
  let ended = false;
  daemon.on("exit", () => {
    ended = true;
  });
  daemon.on("error", () => {
    ended = true;
  });
  daemon.unref();
  const log = () => (existsSync(logFile) ? readFileSync(logFile, "utf8").trimEnd() : "");
  // A package's start script may be starting a daemon of its own just now: ours then ends at once, and theirs answers soon.
  const anotherStarts = () => /pid file found|is still running/.test(log());
  for (const until = Date.now() + timeoutMs; Date.now() < until; await delay(100)) {
    if ((await engineAnswers(socketPath)) !== "no") return undefined;
    if (ended && !anotherStarts()) break;
  }
  const lines = log()
    .split("\n")
    .filter((line) => !/ level=(info|debug) /.test(line))
    .slice(-8)
    .join("\n  ");
  return `${ended ? "it ended at once" : `no answer within ${timeoutMs / 1000} s`}; last lines of ${logFile}:\n  ${lines}`;
}

/** A machine without service manager may not have its control groups mounted; dockerd then refuses to start. */
function mountControlGroups(sudo) {
  if (/^\S+ \S+ cgroup2? /m.test(readFileSync("/proc/mounts", "utf8"))) return;
  const mount = [...sudo, "mount", "-t", "cgroup2", "none", "/sys/fs/cgroup"];
  spawnSync(mount[0], mount.slice(1), { stdio: "ignore" });
}
