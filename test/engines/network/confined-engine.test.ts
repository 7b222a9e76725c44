import { expect, test } from "@jest/globals";
import { appError } from "../../../src/domain/errors.ts";
import { type BuildNetwork, type NetworkFinding, reportOf } from "../../../src/engines/build-network.ts";
import { confinedEngine } from "../../../src/engines/confined-engine.ts";
import type { BuildOutcome, BuildRequest, Engine } from "../../../src/engines/engine.ts";
import { unmanagedNetwork } from "../../../src/engines/network/unmanaged-network.ts";

const open: NetworkFinding = { name: "rules", state: "bad", code: "engine.network-open", message: "no rules", hint: "Mend it" };
const away: NetworkFinding = { name: "engine", state: "bad", code: "engine.unreachable", message: "no answer" };
const built: BuildOutcome = { outcome: "built", imageId: `sha256:${"a".repeat(64)}` };

/** An engine that builds until its build is let go, and a network that can be opened meanwhile. */
function world() {
  const state = { findings: [] as NetworkFinding[], begun: 0, mendedAfter: Number.POSITIVE_INFINITY, log: "" };
  const looked = () => {
    const found = state.findings;
    if (found.length > 0 && --state.mendedAfter === 0) state.findings = [];
    return found;
  };
  const sink = (text: string) => {
    state.log += text;
    return true;
  };
  const { promise: letGo, resolve: end } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const engine = {
    name: "fake",
    capabilities: { buildLimits: true },
    build: async (_key: string, _request: BuildRequest, _sink: unknown, signal: AbortSignal): Promise<BuildOutcome> => {
      state.begun += 1;
      const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      begin();
      await Promise.race([letGo, stopped]);
      return signal.aborted ? { outcome: "cancelled" } : built;
    },
  } as unknown as Engine;
  const network: BuildNetwork = {
    ...unmanagedNetwork("none"),
    check: async () => reportOf(looked()),
    demandClosed: async () => {
      const [bad] = looked();
      if (bad?.code) throw appError(bad.code, bad.message);
    },
  };
  const confined = confinedEngine(engine, network, { everyMs: 1, againMs: 1 });
  return { state, begun, end, build: (signal = new AbortController().signal) => confined.build("k", {} as BuildRequest, sink, signal) };
}

test("on a closed network a build runs as ever, and its log says so", async () => {
  const { build, end, state } = world();
  end();
  expect(await build()).toEqual(built);
  expect(state.log).toBe("RUN instructions reach only the hosts that the settings' network.allow names\n");
});

test("on an open network nothing is begun", async () => {
  const { build, state } = world();
  state.findings = [open];
  await expect(build()).rejects.toMatchObject({ code: "engine.network-open" });
  expect([state.begun, state.log]).toEqual([0, ""]);
});

test("a build is ended when the network opens, and its outcome is the reason", async () => {
  const { build, state, begun } = world();
  const running = build();
  await begun;
  state.findings = [open];
  await expect(running).rejects.toMatchObject({
    code: "engine.network-open",
    message: "the build network did not stay closed, so the build is not used: no rules",
    hint: "Mend it",
  });
  expect(state.begun).toBe(1);
});

test("a build that ends on an open network is not believed", async () => {
  const { build, state, begun, end } = world();
  const running = build();
  await begun;
  state.findings = [open];
  end();
  await expect(running).rejects.toMatchObject({ code: "engine.network-open" });
});

test("a person who cancels gets a cancelled build, and an engine that goes away is no open network", async () => {
  const { build, state, begun } = world();
  const person = new AbortController();
  const running = build(person.signal);
  await begun;
  state.findings = [away];
  person.abort();
  expect(await running).toEqual({ outcome: "cancelled" });
});

test.each(["before", "during", "after"])("rules that are just being renewed, as seen %s a build, are looked at once more", async (when) => {
  const { build, state, begun, end } = world();
  if (when === "before") Object.assign(state, { findings: [open], mendedAfter: 1 });
  const running = build();
  await begun;
  if (when !== "before") Object.assign(state, { findings: [open], mendedAfter: 1 });
  if (when === "during") while (state.findings.length > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  end();
  expect(await running).toEqual(built);
  expect(state.findings).toEqual([]);
});

test("a network that is open for more than one look is believed to be", async () => {
  const { build, state, begun } = world();
  const running = build();
  await begun;
  Object.assign(state, { findings: [open], mendedAfter: 2 });
  await expect(running).rejects.toMatchObject({ code: "engine.network-open" });
});

test("anything else than rules is never being renewed: one look is enough", async () => {
  const { build, state, begun } = world();
  const running = build();
  await begun;
  Object.assign(state, { findings: [open, { ...open, name: "bridge", message: "no bridge" }], mendedAfter: 1 });
  await expect(running).rejects.toMatchObject({ code: "engine.network-open" });
});
