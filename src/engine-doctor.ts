import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appError } from "./domain/errors.ts";
import type { Platform } from "./domain/platform.ts";
import type { Engine } from "./engines/engine.ts";
import { testProgram } from "./engines/test-program.ts";

/**
 * Asks an engine what it can do, and has it run a program of each platform that it is said to serve: whether emulation is set up is nothing that an
 * engine tells. Throws `engine.platform-unsupported` for a platform whose programs do not run.
 */
export async function lookAtEngine(engine: Engine): Promise<string> {
  const platforms = await engine.platforms();
  const tried: string[] = [];
  for (const platform of platforms) {
    const program = testProgram(platform);
    if (program !== undefined) await tryPlatform(engine, platform, program);
    tried.push(program === undefined ? `${platform} (not tried)` : platform);
  }
  const { builder, features, buildLimits } = await engine.capabilities();
  const known = features.length === 0 ? "" : ` with ${features.join(", ")}`;
  return `runs ${tried.join(", ")}; ${builder === "buildkit" ? "BuildKit" : "classic builder"}${known}, limits for ${limitWords[buildLimits]}`;
}

const limitWords = { each: "each build", together: "all builds together", none: "no build" } as const;

async function tryPlatform(engine: Engine, platform: Platform, program: Uint8Array): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "flibs-doctor-"));
  const key = `doctor-${randomUUID()}/${platform}`;
  let log = "";
  try {
    await writeFile(join(directory, "try"), program);
    await chmod(join(directory, "try"), 0o755);
    const outcome = await engine.build(
      key,
      {
        platform,
        context: directory,
        dockerfile: 'FROM scratch\nCOPY try /try\nRUN ["/try"]\n',
        parents: [],
        buildArguments: {},
        limits: { timeoutMs: 120_000, memoryBytes: 256 * 2 ** 20, processes: 32 },
      },
      (text) => {
        log += text;
        return log.length < 10_000;
      },
      new AbortController().signal,
    );
    if (outcome.outcome === "built") return;
    const why = outcome.outcome === "failed" ? (lineAbout(log, /\bexec\b/) ?? outcome.message) : outcome.outcome;
    throw appError("engine.platform-unsupported", `${engine.name} does not run programs of ${platform}: ${why}`, {
      hint: "Set up qemu-user there (Debian: qemu-user-static), or take the platform out of the engine's platforms",
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
    await engine.cleanUp((one) => one !== key);
  }
}

/** The kernel's own words are in the log alone. */
function lineAbout(log: string, words: RegExp): string | undefined {
  return log
    .split("\n")
    .findLast((line) => words.test(line))
    ?.slice(0, 300);
}
