import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { appError } from "../../domain/errors.ts";
import { dockerApi } from "./docker-api.ts";
import type { RunProgram } from "./programs.ts";

export interface DaemonOptions {
  readonly bridge: string;
  readonly gateway: string;
  /** Images, daemon.json and the log stand here. */
  readonly directory: string;
  /** Who may use the socket besides root. */
  readonly group?: string;
  /** Cgroup below which it puts RUN lines, for limits that BuildKit does not keep by itself. */
  readonly cgroupParent?: string;
  readonly run: RunProgram;
}

/** A Docker Engine that builds and does nothing else, on a bridge of its own; it outlives the process that starts it. */
export interface BuildDaemon {
  readonly socket: string;
  /** Errors: `engine.network-not-permitted`, `engine.network-failed` with the last words of its log, `engine.unreachable` when it hangs. */
  ensure(): Promise<void>;
  isRunning(): boolean;
  /** It ended without tidying up: containers of its may still run, until it is started again. */
  hasDied(): boolean;
  /** With every container in it; returns whether it ran. Errors: `engine.network-failed` when it does not end. */
  stop(): Promise<boolean>;
}

const startMs = 60_000;
const answerMs = 10_000;
/** It gives its containers fifteen seconds, then containerd fifteen more, and on a busy machine takes its time besides. */
const stopMs = 60_000;
const longestLogBytes = 10 * 2 ** 20;

/** Short, since the path of a socket has at most 107 bytes, and gone after a reboot as the daemon itself. */
function runDirectory(bridge: string): string {
  return `/run/flibs-${bridge}`;
}

/** Where the engine for builds on this bridge listens. */
export function buildDaemonSocket(bridge: string): string {
  return join(runDirectory(bridge), "docker.sock");
}

/**
 * No BuildKit build may ask for the host's network, which would go round the bridge (moby, "builder.entitlements"). Written once; a site adds its own, such
 * as registry mirrors.
 */
const daemonFile = { builder: { Entitlements: { "network-host": false, "security-insecure": false } } };

export function buildDaemon(options: DaemonOptions): BuildDaemon {
  const { bridge, gateway, directory, group, cgroupParent, run } = options;
  const at = runDirectory(bridge);
  const socket = buildDaemonSocket(bridge);
  const pidFile = join(at, "docker.pid");
  const containerdPidFile = join(at, "containerd", "containerd.pid");
  const logFile = join(directory, "dockerd.log");
  const configFile = join(directory, "daemon.json");
  const running = () => findProcess(pidFile, `unix://${socket}`);

  async function start(): Promise<void> {
    if (process.geteuid?.() !== 0) {
      throw appError("engine.network-not-permitted", "only root may start the Docker Engine for builds", {
        hint: "Run flibs network ensure as root; docs/build-network.md tells how",
      });
    }
    await mkdir(at, { recursive: true, mode: 0o711 });
    await mkdir(join(directory, "data"), { recursive: true, mode: 0o710 });
    if (!existsSync(configFile)) await writeFile(configFile, `${JSON.stringify(daemonFile, null, 2)}\n`, { mode: 0o644 });
    // Of a daemon that was killed; dockerd would wait for it, even for a zombie or for a stranger that has its number now.
    if (findProcess(containerdPidFile, join(at, "containerd")) === undefined) rmSync(containerdPidFile, { force: true });
    rotate(logFile);
    const log = openSync(logFile, "a", 0o600);
    const from = statSync(logFile).size;
    const words = [
      ...["--config-file", configFile, "--host", `unix://${socket}`, "--data-root", join(directory, "data")],
      ...["--exec-root", at, "--pidfile", pidFile, "--bridge", bridge],
      // The rules are ours alone: made before the daemon, checked before each build.
      ...["--iptables=false", "--ip-forward=false", "--ip-masq=false", "--ipv6=false", "--userland-proxy=false"],
      // The site's search domains are nobody's business, and would be asked for with every name.
      ...["--dns", gateway, "--dns-search", "."],
      ...(group === undefined ? [] : ["--group", group]),
      ...(cgroupParent === undefined ? [] : ["--cgroup-parent", cgroupParent]),
    ];
    const child = spawn("dockerd", words, { detached: true, stdio: ["ignore", log, log], cwd: "/", env: environment() });
    let ended: string | undefined;
    child.on("error", (error) => {
      ended = error.message;
    });
    child.on("exit", (code, signal) => {
      ended = `it ended with ${code ?? signal}`;
    });
    child.unref();
    closeSync(log);
    const api = dockerApi(socket, 2000);
    for (const until = Date.now() + startMs; Date.now() < until && ended === undefined; await delay(50)) if (await api.ping()) return;
    throw appError(
      "engine.network-failed",
      `the Docker Engine for builds does not start: ${ended ?? `no answer within ${startMs / 1000} s`}`,
      {
        hint: lastWords(logFile, from),
      },
    );
  }

  /** Another process may have started it just now. Throws `engine.unreachable`. */
  async function untilAnswers(): Promise<void> {
    for (const until = Date.now() + answerMs; ; await delay(50)) {
      try {
        await dockerApi(socket).call("GET", "/_ping");
        return;
      } catch (error) {
        const denied = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === "EACCES";
        if (denied || Date.now() > until) throw error;
      }
    }
  }

  return {
    socket,
    isRunning: () => running() !== undefined,
    hasDied: () => running() === undefined && existsSync(containerdPidFile),
    async ensure() {
      if (running() === undefined) await start();
      else await untilAnswers();
    },
    async stop() {
      const pid = running();
      if (pid === undefined) return false;
      process.kill(pid, "SIGTERM");
      for (const until = Date.now() + stopMs; Date.now() < until; await delay(50)) {
        if (running() !== undefined) continue;
        for (const place of mountsBelow(directory, at)) await run("umount", [place]);
        rmSync(at, { recursive: true, force: true });
        return true;
      }
      throw appError("engine.network-failed", `the Docker Engine for builds, process ${pid}, does not end`, {
        hint: `Look into ${logFile}; the rules stay until it has ended`,
      });
    },
  };
}

/** What a daemon that was killed has left, the innermost first: the one after it leaves that alone. */
function mountsBelow(...directories: readonly string[]): readonly string[] {
  const places = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => (line.split(" ")[1] ?? "").replaceAll(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))));
  return places.filter((place) => directories.some((directory) => place.startsWith(`${directory}/`))).reverse();
}

/** The process in the file, if it is still the one that was started with this word: a number may be another's by now. */
function findProcess(pidFile: string, word: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, "utf8"));
    if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** No secret of the service that stands in a variable gets into the daemon. */
function environment(): Record<string, string> {
  const path = { PATH: `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`, HOME: "/root" };
  const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...path, ...Object.fromEntries(proxies) };
}

function rotate(file: string): void {
  if (existsSync(file) && statSync(file).size > longestLogBytes) renameSync(file, `${file}.1`);
}

function lastWords(file: string, from: number): string {
  const lines = readFileSync(file)
    .subarray(from)
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "" && !/ level=(?:info|debug|warning) /.test(line));
  return `Its last words in ${file}: ${lines.slice(-3).join("; ").slice(0, 600) || "none"}`;
}
