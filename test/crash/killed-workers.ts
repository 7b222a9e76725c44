import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bundleProgram, shortLived } from "../support/bundle-program.ts";

const mostRestarts = 700;

/** Workers of one installation, each of which dies at the first point of the run's turn (see test/setup/turns.js) that none before it died at. */
export interface KilledWorkers {
  /** Starts a worker again and again until it ends by itself; returns how often it was killed: of a run that takes one turn, at a quarter of the states. */
  workThroughCrashes(): Promise<number>;
  /** All points that were passed, in that order. */
  readPoints(): readonly string[];
}

/**
 * `visited` is a file of their own to remember the points in; `only` leaves the others out, for what another story goes through. `settled` is waited for
 * after each death: what is still on its way to a forge when the next worker looks, nobody can find there.
 */
export function killedWorkers(installation: {
  readonly settingsFile: string;
  readonly databaseUrl: string;
  readonly visited: string;
  readonly only?: RegExp;
  readonly settled?: () => Promise<void>;
}): KilledWorkers {
  const { settingsFile, databaseUrl, visited, only = /./, settled } = installation;
  const readPoints = () => (existsSync(visited) ? readFileSync(visited, "utf8").trim().split("\n") : []);
  const turn = process.env.FLIBS_TEST_TURN ?? "all";
  const bundle = `${visited}-worker.mjs`;
  const program = ["--disable-warning=ExperimentalWarning", ...shortLived, bundle];
  return {
    readPoints,
    async workThroughCrashes() {
      if (!existsSync(bundle)) await bundleProgram(join(import.meta.dirname, "worker.ts"), bundle);
      for (let kills = 0; kills <= mostRestarts; kills += 1) {
        const child = spawn(process.execPath, [...program, settingsFile, databaseUrl, visited, only.source, turn], {
          stdio: ["ignore", "ignore", "pipe"],
          env: { ...process.env, NODE_OPTIONS: "", NODE_COMPILE_CACHE: `${visited}-compiled` },
        });
        let said = "";
        child.stderr.setEncoding("utf8").on("data", (text: string) => {
          said = (said + text).slice(-20_000);
        });
        const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
        if (signal === "SIGKILL") {
          await settled?.();
          continue;
        }
        if (code === 0) return kills;
        throw new Error(`the worker ended with ${code ?? signal}:\n${said}`);
      }
      throw new Error(`the worker was killed more than ${mostRestarts} times; last points:\n${readPoints().slice(-10).join("\n")}`);
    },
  };
}
