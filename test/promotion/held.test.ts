import { expect, test } from "@jest/globals";
import { appError } from "../../src/domain/errors.ts";
import { promoteFlow } from "../../src/promotion/promote-flow.ts";
import { promoteHeld } from "../../src/promotion/promote-held.ts";
import type { PromotionPorts } from "../../src/promotion/promotion-ports.ts";
import { formatPromoted } from "../../src/promotion/proposal-words.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { flowRunner } from "./flow-runner.ts";
import { world } from "./world.ts";

/** A rebuild of everything does not bury the people who review, and nothing of it is lost. */

function flooded(promotions: PromotionPorts["settings"]["promotions"]) {
  const at = world();
  let now = Date.parse("2026-11-23T12:00:00Z");
  const runner = flowRunner(() => [promoteFlow(ports)] as never);
  const ports: PromotionPorts = { ...at.ports, settings: { ...at.ports.settings, promotions }, runs: runner.runs };
  // The places ask the world's own clock.
  at.ports.now = () => new Date(now);
  const sweep = async () => {
    const started = await promoteHeld(ports);
    await runner.drain();
    return started;
  };
  const propose = async (id: string, repository: string, release = "1.fc40") => {
    await at.build({ id, release, repository });
    return await proposePromotion(ports, id);
  };
  const later = (minutes: number) => {
    now += minutes * 60_000;
  };
  const held = async () => (await ports.places.listHeld()).map((one) => one.build);
  return { at, ports, runner, sweep, propose, later, held };
}

test("what has no place is held back, told, and proposed by the sweep once there is room, oldest first", async () => {
  const { at, sweep, propose, later, held } = flooded({ openPerNamespace: 2, newPerHour: 100 });
  await propose("a", "f40/a");
  await propose("b", "f40/b");
  const third = await propose("c", "f40/c");
  await propose("d", "f40/d");
  expect(third).toMatchObject({ outcome: "held", why: "namespace-full" });
  expect(formatPromoted(third)).toBe(
    "`cockpit-323-1.fc40` is held back: its namespace has as many open promotions as the settings allow. It is proposed by itself when there is room.",
  );
  expect((await propose("e", "f41/e")).outcome).toBe("opened");
  expect(await held()).toEqual(["c", "d"]);
  expect(await sweep()).toBe(0);
  at.git.merge(1);
  later(6);
  expect(await sweep()).toBe(1);
  expect(await held()).toEqual(["d"]);
  expect(at.git.pulls.at(-1)).toMatchObject({ headBranch: "promote/f40/c", state: "open" });
  expect(at.builds.get("c")?.promotion).toMatchObject({ number: at.git.pulls.length });
  expect(at.git.statuses.get(`${at.builds.get("c")?.commit} flibs / promotion`)).toMatchObject({
    title: "Proposed in releng/manifests #4",
  });
  expect(await sweep()).toBe(0);
});

test("within an hour no more are opened than allowed, whatever is merged meanwhile", async () => {
  const { at, sweep, propose, later, held } = flooded({ openPerNamespace: 100, newPerHour: 2 });
  for (const name of ["a", "b", "c"]) await propose(name, `n/${name}`);
  at.git.merge(1);
  at.git.merge(2);
  later(30);
  // Each run asks forge and registries a lot: none is started as long as there cannot be room.
  expect(await sweep()).toBe(0);
  expect(await held()).toEqual(["c"]);
  later(31);
  expect(await sweep()).toBe(1);
  expect(await held()).toEqual([]);
});

test("a newer build takes an open pull request over without a place; held back, it takes the older one's turn", async () => {
  const { at, sweep, propose, later, held } = flooded({ openPerNamespace: 1, newPerHour: 100 });
  await propose("a1", "f40/a");
  await propose("b1", "f40/b");
  expect((await propose("a2", "f40/a", "2.fc40")).outcome).toBe("updated");
  expect((await propose("b2", "f40/b", "2.fc40")).outcome).toBe("held");
  expect(await held()).toEqual(["b2"]);
  at.git.merge(1);
  later(6);
  await sweep();
  expect(await held()).toEqual([]);
  expect(at.git.pulls.at(-1)?.title).toContain("323-2.fc40");
});

test("who asks for one is never held back, and what was kept of it is forgotten", async () => {
  const { ports, propose, held } = flooded({ openPerNamespace: 1, newPerHour: 1 });
  await propose("a", "f40/a");
  await propose("b", "f40/b");
  expect(await held()).toEqual(["b"]);
  expect((await proposePromotion(ports, "b", "alice")).outcome).toBe("opened");
  expect(await held()).toEqual([]);
});

test("one that somebody cancels when its turn comes gives its turn to others, and the build's commit tells it", async () => {
  const { at, ports, sweep, propose, later, held } = flooded({ openPerNamespace: 1, newPerHour: 100 });
  for (const name of ["a", "b", "c"]) await propose(name, `f40/${name}`);
  at.git.merge(1);
  later(6);
  const step = Object.assign((_name: string, _schema: unknown, work: () => Promise<unknown>) => work(), { run: "r" });
  await promoteFlow(ports).finish(step as never, { build: "b" }, { status: "cancelled", reason: "cancelled by alice" });
  expect(at.git.statuses.get(`${at.builds.get("b")?.commit} flibs / promotion`)).toMatchObject({
    state: "cancelled",
    summary: expect.stringContaining("cancelled by alice"),
  });
  expect(await sweep()).toBe(1);
  expect(at.git.pulls.at(-1)?.headBranch).toBe("promote/f40/c");
  expect(await held()).toEqual([]);
});

test("one that fails when its turn comes is kept when it may go well later, else told on the build's commit", async () => {
  const { at, ports, runner, sweep, propose, later, held } = flooded({ openPerNamespace: 1, newPerHour: 100 });
  await propose("a", "f40/a");
  await propose("b", "f40/b");
  at.git.merge(1);
  later(6);
  const { readManifest } = at.candidate.registry;
  at.candidate.registry.readManifest = async () => {
    throw appError("registry.unreachable", "no answer");
  };
  await sweep();
  expect(await ports.places.listHeld()).toMatchObject([{ build: "b", why: "unreachable", attempt: 2 }]);
  at.candidate.registry.readManifest = readManifest;
  const build = at.builds.get("b");
  if (build) at.builds.set("b", { ...build, state: "failed" });
  expect(await sweep()).toBe(1);
  await runner.drain();
  expect(await held()).toEqual([]);
  expect(at.git.statuses.get(`${build?.commit} flibs / promotion`)).toMatchObject({
    state: "error",
    summary: expect.stringContaining("it is failed"),
  });
});
