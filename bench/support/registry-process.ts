import { fork } from "node:child_process";
import { once } from "node:events";
import { startFakeRegistry } from "../../test/fakes/registry.ts";

/** The double of a registry in a process of its own, so that what it keeps is not counted as memory of whoever is measured. */
export async function startRegistryProcess(): Promise<{ readonly endpoint: string; close(): Promise<void> }> {
  const child = fork(import.meta.filename, { execArgv: ["--disable-warning=ExperimentalWarning"] });
  const [endpoint] = (await once(child, "message")) as [string];
  return {
    endpoint,
    async close() {
      const ended = once(child, "exit");
      child.disconnect();
      await ended;
    },
  };
}

if (process.argv[1] === import.meta.filename && process.send !== undefined) {
  const registry = await startFakeRegistry();
  process.once("disconnect", () => process.exit(0));
  process.send(registry.endpoint);
}
