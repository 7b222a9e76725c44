import { type BuildNetwork, type NetworkFinding, reportOf } from "../build-network.ts";

/** Networks that need no set-up: none at all, or whatever the engine gives. */
export function unmanagedNetwork(mode: "none" | "open"): BuildNetwork {
  const finding: NetworkFinding =
    mode === "none"
      ? { name: "mode", state: "ok", message: "builds have no network" }
      : {
          ...({ name: "mode", state: "warning" } as const),
          message: "open: builds reach whatever the engine reaches, this machine and its neighbours too",
          hint: "Close it: network.mode closed, or none; docs/build-network.md tells how",
        };
  const report = async () => reportOf([finding]);
  return {
    ensure: report,
    check: report,
    open: report,
    probe: async () => [],
    remove: async () => [],
    demandClosed: async () => {},
    close: async () => {},
  };
}
