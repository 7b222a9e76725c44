import type { LogStore } from "../builds/log-store.ts";
import { type Platform, rpmArchitecture } from "../domain/platform.ts";

/** A log file as OSBS gives it to Koji, made of logs of ours. */
export interface BuildLog {
  /** `x86_64-build.log`, `osbs-build.log` */
  readonly filename: string;
  /** `noarch` of the one that is of all platforms. */
  readonly architecture: string;
  /** Names of the logs in it; with more than one of them possible, each has a heading. */
  readonly names: readonly string[];
  readonly headings: boolean;
}

const readBytes = 256 * 1024;

/**
 * Which files there are of a build that has these logs: for each platform what the engine printed, and one of everything else until the
 * build was recorded. Tests come later, and their logs are not the build's. Pure.
 */
export function buildLogs(platforms: readonly Platform[], existing: readonly string[]): readonly BuildLog[] {
  const own = platforms
    .filter((platform) => existing.includes(platform))
    .map((platform) => {
      const architecture = rpmArchitecture(platform);
      return { filename: `${architecture}-build.log`, architecture, names: [platform], headings: false };
    });
  const others = ["lint", ...platforms.flatMap((platform) => [`inspect ${platform}`, `push ${platform}`])];
  const names = others.filter((name) => existing.includes(name));
  return names.length === 0 ? own : [...own, { filename: "osbs-build.log", architecture: "noarch", names, headings: true }];
}

/** The file's bytes, in pieces. */
export async function* readBuildLog(logs: Pick<LogStore, "read">, run: string, log: BuildLog): AsyncGenerator<Uint8Array> {
  for (const name of log.names) {
    if (log.headings) yield Buffer.from(`--- ${name}\n`);
    let last = "\n";
    for (let offset = 0; ; ) {
      const { text, next, closed } = await logs.read(run, name, offset, readBytes);
      if (text !== "") {
        yield Buffer.from(text);
        last = text.slice(-1);
      }
      if (closed || next <= offset) break;
      offset = next;
    }
    if (log.headings && last !== "\n") yield Buffer.from("\n");
  }
}
