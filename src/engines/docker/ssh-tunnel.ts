import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DockerHost } from "./docker-host.ts";

export interface SshTunnel {
  /** A socket on this machine that leads to the engine's on the other one. */
  readonly socketPath: string;
  close(): void;
}

type SshHost = Extract<DockerHost, { kind: "ssh" }>;

/**
 * Each connection becomes one `ssh … docker system dial-stdio`, as Docker's own client does it: OpenSSH with the user's configuration, keys, agent and
 * known hosts (`ControlMaster` there makes it quick), and nothing to open on the other machine. What ssh has to complain about is given to the
 * caller as an answer of the engine that it is not there (503).
 */
export async function sshTunnel(target: SshHost): Promise<SshTunnel> {
  const directory = mkdtempSync(join(tmpdir(), "flibs-ssh-"));
  chmodSync(directory, 0o700);
  const socketPath = join(directory, "docker.sock");
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (connection) => {
    open.add(connection);
    connection.once("close", () => open.delete(connection));
    connect(connection, target);
  });
  const remove = () => rmSync(directory, { recursive: true, force: true });
  await listen(server, socketPath);
  // A command that has nothing more to do must not wait for it.
  server.unref();
  process.once("exit", remove);
  return {
    socketPath,
    close: () => {
      server.close();
      for (const connection of open) connection.destroy();
      process.off("exit", remove);
      remove();
    },
  };
}

function connect(connection: Socket, target: SshHost): void {
  const ssh = spawn("ssh", sshArguments(target), { stdio: ["pipe", "pipe", "pipe"], env: sshEnvironment(process.env) });
  let complaint = "";
  let hasAnswered = false;
  ssh.stderr.on("data", (bytes: Buffer) => {
    complaint = (complaint + bytes.toString()).slice(-1000);
  });
  ssh.stdout.once("data", () => {
    hasAnswered = true;
  });
  ssh.stdout.pipe(connection, { end: false });
  connection.pipe(ssh.stdin);
  // The end of either is told by its close.
  for (const stream of [ssh.stdin, ssh.stdout, ssh.stderr, connection]) stream.on("error", () => {});
  connection.once("close", () => {
    // A program in the place of ssh may outlive a signal (Docker's own command takes several since version 27), but not the end of what it reads.
    ssh.stdin.destroy();
    ssh.kill();
  });
  const ended = (why: string) => {
    if (connection.destroyed) return;
    if (hasAnswered) connection.end();
    else connection.end(notThere(why));
  };
  ssh.once("error", (error) => ended(`ssh could not be started: ${error.message}`));
  ssh.once("close", (code) => ended(complaint.trim() || `ssh ended with ${code}`));
}

/** Options only, then `--`: no part of an address is read as an option. */
export function sshArguments({ user, host, port }: SshHost): readonly string[] {
  return [
    ...["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30"],
    // A machine that vanishes without a word is given up after a minute; without them a push to it would hang for hours.
    ...["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"],
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    ...["--", host, "docker", "system", "dial-stdio"],
  ];
}

/** The secrets of flibs' own environment are no business of a configuration of ssh. */
function sshEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  const names = ["PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "LANG"];
  return Object.fromEntries(names.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])));
}

function notThere(why: string): string {
  const body = JSON.stringify({ message: why.replaceAll(/\p{Cc}+/gu, " ") });
  return `HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
}
