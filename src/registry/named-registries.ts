import { appError } from "../domain/errors.ts";
import type { TransferRegistry } from "./blob-transfers.ts";

/** The settings' registry names to their clients; an unknown name throws `registry.unknown`. */
export function namedRegistries<T extends TransferRegistry>(clients: Readonly<Record<string, T>>): { named(name: string): T } {
  return {
    named(name) {
      const client = Object.hasOwn(clients, name) ? clients[name] : undefined;
      if (client !== undefined) return client;
      throw appError("registry.unknown", `there is no registry "${name.slice(0, 100)}"`, {
        hint: `Use one of ${Object.keys(clients).join(", ")}`,
      });
    },
  };
}
