import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "@jest/globals";
import { isAlive } from "../../src/programs/is-alive.ts";
import { dockerSocket, requireDocker } from "../support/docker.ts";
import { processesMarked } from "../support/marked-processes.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";

const program = join(import.meta.dirname, "../../demo/demo.ts");

export const summaryKeys = ["nvr", "digest", "candidate", "production", "policy", "registriesD", "publicKey", "web", "build", "baseImage"];

/** Demos of a test file, each in a scratch directory of its own, ended with their test. */
export function demoWorld() {
  let scratch: ScratchDirectory;
  let started: ChildProcess | undefined;
  let mark: string;

  beforeEach(async () => {
    scratch = await scratchDirectory("flibs-demo-");
    mark = `FLIBS_DEMO_MARK=${randomUUID()}`;
  });
  afterEach(async () => {
    if (started?.exitCode === null && started.signalCode === null) {
      const ended = once(started, "exit");
      started.kill("SIGTERM");
      await ended;
    }
    await scratch.remove();
  }, 120_000);

  function startDemo(directory: string, ...more: string[]) {
    const [name = "", value] = mark.split("=");
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, "--directory", directory, ...more], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, [name]: value },
    });
    started = child;
    const told = { text: "" };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (told.text += text));
    return { child, told, ended: once(child, "close") as Promise<[number | null]> };
  }

  /** No process of the demo's, no process on its directory, no database, no container of the builds that it told of. */
  async function expectNothingLeft(directory: string, text: string): Promise<void> {
    // Compared by itself, so that a failure shows it and not the beginning of the whole text.
    expect(/^while stopping.*/ms.exec(text)?.[0]).toBeUndefined();
    expect(await processesMarked(mark, directory)).toEqual([]);
    // Another user's, with an environment of its own, and its data may lie elsewhere.
    const database = JSON.parse(await readFile(join(directory, "flibs/state/postgres/connection.json"), "utf8"));
    expect(database.pid).toBeGreaterThan(0);
    expect(isAlive(database.pid)).toBe(false);
    const builds = [...text.matchAll(/\/builds\/([0-9a-z-]+)/g)].map(([, id]) => id ?? "");
    expect(builds.length).toBeGreaterThan(0);
    const docker = await requireDocker(process.env.FLIBS_DOCKER_SOCKET ?? dockerSocket);
    const ofBuilds = (key: string) => builds.some((id) => key.startsWith(`${id}/`));
    const containers = await docker.listContainers({ all: true, filters: { label: ["io.flibs.key"] } });
    expect(containers.filter(({ Labels }) => ofBuilds(Labels["io.flibs.key"] ?? "")).map(({ Names }) => Names)).toEqual([]);
  }
  return { startDemo, expectNothingLeft, scratch: () => scratch.path };
}

export function expectInOrder(text: string, lines: readonly (string | RegExp)[]): void {
  let rest = text;
  for (const line of lines) {
    const at = typeof line === "string" ? rest.indexOf(line) : rest.search(line);
    expect({ line, found: at >= 0 }).toEqual({ line, found: true });
    rest = rest.slice(at);
  }
}
