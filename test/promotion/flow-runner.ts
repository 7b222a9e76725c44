import { reportError } from "../../src/domain/errors.ts";
import type { Ending, Flow, Run, RunRequest } from "../../src/workflow/run.ts";
import type { Step, Transaction } from "../../src/workflow/step.ts";

/** What a run left behind: how it ended, and the names of its steps in order. */
export interface EndedRun {
  readonly id: string;
  readonly subject: string;
  readonly ending: Ending;
  readonly steps: readonly string[];
}

interface Kept {
  readonly id: string;
  readonly request: RunRequest;
  readonly journal: Map<string, unknown>;
  ended: boolean;
}

/**
 * A worker in memory: keys, journals and endings as the real one keeps them, no concurrency and no retries. What is not an error of a run
 * (`isKill`) is thrown through and leaves the run where it is, so that `drain` takes it up again with its journal, as after a crash.
 */
export function flowRunner(flows: () => readonly Flow<never>[], isKill: (error: unknown) => boolean = () => false) {
  const kept: Kept[] = [];

  async function carryOut(run: Kept): Promise<EndedRun> {
    const flow = flows().find((one) => one.name === run.request.flow) as Flow<unknown> | undefined;
    if (!flow) throw new Error(`there is no flow ${run.request.flow}`);
    const steps: string[] = [];
    const once = async (name: string, effect: () => Promise<unknown>) => {
      if (steps.includes(name)) throw new Error(`step ${name} twice`);
      steps.push(name);
      if (!run.journal.has(name)) run.journal.set(name, JSON.parse(JSON.stringify((await effect()) ?? null)));
      return run.journal.get(name);
    };
    const signal = new AbortController().signal;
    const step = Object.assign(
      (async (name, schema, effect) => schema.parse(await once(name, () => effect(`${run.id}/${name}`, signal)))) as Step,
      {
        run: run.id,
        write: (async (name, schema, change) => schema.parse(await once(name, () => change({} as Transaction)))) as Step["write"],
      },
    );
    const intent = flow.intent.parse(run.request.intent);
    let ending: Ending = { status: "done" };
    try {
      await flow.run(step, intent);
    } catch (error) {
      if (isKill(error)) throw error;
      ending = { status: "failed", error: reportError(error) };
    }
    await flow.finish(step, intent, ending);
    run.ended = true;
    return { id: run.id, subject: run.request.subject, ending, steps };
  }

  async function start(request: RunRequest): Promise<string> {
    const known = kept.find((one) => one.request.key === request.key);
    if (known) return known.id;
    const id = `run-${kept.length + 1}`;
    kept.push({ id, request, journal: new Map(), ended: false });
    return id;
  }

  return {
    runs: { start, list: async (): Promise<readonly Run[]> => [] },
    /** Carries out everything that waits, also what that starts; returns what ended. */
    async drain(): Promise<readonly EndedRun[]> {
      const ended: EndedRun[] = [];
      for (let run = kept.find((one) => !one.ended); run; run = kept.find((one) => !one.ended)) ended.push(await carryOut(run));
      return ended;
    },
  };
}
