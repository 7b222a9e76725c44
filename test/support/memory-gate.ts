import { buildGate, type GatePorts } from "../../src/builds/gate.ts";
import type { NewWaiver, Waiver } from "../../src/gating/waivers.ts";
import type { Transaction } from "../../src/workflow/step.ts";
import { fakeWaiverStore } from "../fakes/waiver-store.ts";

/** The product's own gate over waivers in memory; `changes` may be set at any time. */
export function memoryGate(changes: Partial<GatePorts> = {}) {
  const now = () => state.ports.now();
  const waivers = fakeWaiverStore(now);
  const ports: GatePorts = {
    waivers,
    policies: [],
    readGates: async () => [],
    now: () => new Date("2026-11-23T12:00:00Z"),
    settings: {
      context: "flibs_promote",
      productVersions: [
        { branch: "f*", productVersion: "fedora-*" },
        { branch: "main", productVersion: "fedora-rawhide" },
      ],
    },
    ...changes,
  };
  const state = { ports };
  let count = 0;
  return {
    state,
    waivers,
    gate: { ask: (...asked: Parameters<ReturnType<typeof buildGate>["ask"]>) => buildGate(state.ports).ask(...asked) },
    /** As a command writes it down. */
    give: (waiver: Partial<NewWaiver> & Pick<Waiver, "subject" | "testcase">) => {
      count += 1;
      const given = { key: `key ${count}`, username: "alice", productVersion: "fedora-40", waived: true, comment: "a known bug" };
      return waivers.add({ ...given, ...waiver }, {} as Transaction);
    },
  };
}
