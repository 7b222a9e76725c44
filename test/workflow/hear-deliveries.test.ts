import { expect, test } from "@jest/globals";
import { appError } from "../../src/domain/errors.ts";
import type { StoredDelivery } from "../../src/intake/inbox.ts";
import { silentLog } from "../../src/log.ts";
import { usualBackOff } from "../../src/workflow/back-off.ts";
import { hearDeliveries } from "../../src/workflow/hear-deliveries.ts";
import type { WorkflowStore } from "../../src/workflow/journal-store.ts";
import type { Transaction } from "../../src/workflow/step.ts";

/** A process with four hands, and deliveries in memory; each look waits until it is let go. */
function world(arrived: readonly string[]) {
  const due = [...arrived];
  const state = {
    stopping: false,
    stopAsked: 0,
    away: false,
    begun: [] as string[],
    done: [] as string[],
    jobs: [] as string[],
    beforeAnswer: () => {},
  };
  const held = new Map<string, () => void>();
  const take = async (id: string | undefined) => {
    if (state.away) throw appError("store.unavailable", "the database is away");
    const at = id === undefined ? -1 : due.indexOf(id);
    if (at >= 0) due.splice(at, 1);
    const delivery = { id } as StoredDelivery;
    const answer = at >= 0 ? { delivery, attempt: 1 } : undefined;
    await undefined;
    if (!answer) state.beforeAnswer();
    return answer;
  };
  const store = {
    deliveries: { claim: take, claimNext: () => take(due[0]), postpone: async () => {}, listDue: async () => due },
    inbox: { finish: async (id: string) => void state.done.push(id) },
    jobs: { send: async (_queue: string, id: string) => void state.jobs.push(id) },
    transaction: <T>(change: (transaction: Transaction) => Promise<T>) => change(Object.freeze({}) as Transaction),
  } as unknown as WorkflowStore;
  const job = hearDeliveries({
    store,
    onDelivery: async ({ id }) => {
      state.begun.push(id);
      await new Promise<void>((done) => held.set(id, done));
      return { outcome: "heard" };
    },
    start: async () => "",
    backOff: usualBackOff,
    log: silentLog,
    hands: 4,
    isStopping: () => state.stopping && ++state.stopAsked < 1000,
  });
  /** Lets everything that can go on without a handler's end go on. */
  const settled = () => new Promise((done) => setImmediate(done));
  const letGo = async (...ids: readonly string[]) => {
    for (const id of ids) held.get(id)?.();
    await settled();
  };
  return { ...{ due, state, job, settled, letGo }, arrive: (id: string) => due.push(id) };
}

test("one job sets all hands to work, and they take everything that is due, the oldest first", async () => {
  const { state, job, settled, letGo } = world(["a", "b", "c", "d", "e", "f"]);
  const ended = job("a");
  await settled();
  expect(state.begun).toEqual(["a", "b", "c", "d"]);
  await letGo("b");
  expect(state.begun).toEqual(["a", "b", "c", "d", "e"]);
  await letGo("a", "c");
  await letGo("d", "e", "f");
  await ended;
  expect(state.done.toSorted()).toEqual(["a", "b", "c", "d", "e", "f"]);
});

test("a job that comes while the worker stops begins nothing, and leaves what is due to others", async () => {
  const { state, job, settled } = world(["a", "b"]);
  state.stopping = true;
  const ended = job("a");
  await settled();
  // Of a loop without end these are the first rounds: then it is let go, else nothing could tell of it.
  expect(state.stopAsked).toBeLessThan(10);
  await ended;
  expect(state.begun).toEqual([]);
  expect(state.jobs).toEqual(["a"]);
});

test("many jobs are not more hands", async () => {
  const { state, job, settled } = world(["a", "b", "c", "d", "e", "f"]);
  for (const id of ["a", "b", "c"]) void job(id);
  await settled();
  expect(state.begun).toHaveLength(4);
});

test("a slow delivery holds up none that comes later", async () => {
  const { state, job, settled, letGo, arrive } = world(["slow"]);
  void job("slow");
  await settled();
  arrive("quick");
  const second = job("quick");
  await settled();
  await letGo("quick");
  await second;
  expect(state.done).toEqual(["quick"]);
});

test("what is committed while a hand asks in vain is taken by it", async () => {
  const { state, job, settled, arrive } = world(["a", "b", "c"]);
  let late = Promise.resolve();
  state.beforeAnswer = () => {
    // Three are busy; the job comes between the fourth's question and its answer, when there is no idle hand to set to work.
    state.beforeAnswer = () => {};
    arrive("late");
    late = job("late");
  };
  void job("a");
  await settled();
  await late;
  expect(state.begun).toEqual(["a", "b", "c", "late"]);
});

test("a worker that stops ends what it has begun, and leaves a job for the rest to others", async () => {
  const { state, job, settled, letGo } = world(["a", "b", "c", "d", "e", "f"]);
  const ended = job("a");
  await settled();
  state.stopping = true;
  await letGo("a", "b", "c", "d");
  await ended;
  expect([state.done, state.jobs]).toEqual([["a", "b", "c", "d"], ["e"]]);
});

test("a worker that stops with nothing left sends no job", async () => {
  const { state, job, settled, letGo } = world(["a"]);
  const ended = job("a");
  await settled();
  state.stopping = true;
  await letGo("a");
  await ended;
  expect(state.jobs).toEqual([]);
});

test("after an outage of the database all hands are there again", async () => {
  const { state, job, settled, letGo } = world(["a", "b", "c", "d"]);
  state.away = true;
  await expect(job("a")).rejects.toMatchObject({ code: "store.unavailable" });
  state.away = false;
  const ended = job("b");
  await settled();
  expect(state.begun).toHaveLength(4);
  await letGo("a", "b", "c", "d");
  await ended;
  expect(state.done).toHaveLength(4);
});
