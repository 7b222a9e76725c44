import { type ExecFileException, execFile } from "node:child_process";
import { appError } from "../../domain/errors.ts";

/** Runs a program of the system and returns what it printed. Words are handed over as they are, no shell reads them. */
export type RunProgram = (program: string, words: readonly string[], input?: string) => Promise<string>;

const limitMs = 30_000;

/** Errors: `engine.network-not-permitted` when the system says no, `engine.network-failed` for every other failure. */
export const runProgram: RunProgram = (program, words, input) =>
  new Promise((resolve, reject) => {
    // Administrators' programs are not in every service's PATH; English, since refusals are told apart by their words.
    const env = { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" };
    const child = execFile(program, [...words], { env, timeout: limitMs, maxBuffer: 64 * 2 ** 20 }, (error, out, err) => {
      if (error === null) resolve(out);
      else reject(translate(program, words, error, err));
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(input ?? "");
  });

function translate(program: string, words: readonly string[], error: ExecFileException, err: string) {
  const command = [program, ...words].join(" ");
  if (error.code === "ENOENT") {
    return appError("engine.network-failed", `the program ${program} is not on this machine`, {
      hint: `Install it: on Debian apt-get install iptables iproute2, on Fedora dnf install iptables-nft iproute`,
    });
  }
  if (error.code === "EACCES" || error.code === "EPERM" || /permission denied|operation not permitted|must be root/i.test(err)) {
    return appError("engine.network-not-permitted", `this process may not run ${command}`, {
      hint: "Run it as root, or let the service have CAP_NET_ADMIN; docs/build-network.md tells how",
      cause: error,
    });
  }
  const why = error.killed ? `no end within ${limitMs / 1000} s` : lastLines(err) || error.message;
  return appError("engine.network-failed", `${command}: ${why}`, { cause: error });
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-3).join("; ").slice(0, 500);
}
