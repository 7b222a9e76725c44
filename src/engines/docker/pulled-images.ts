import type Docker from "dockerode";
import { ask, statusOf } from "./docker-client.ts";
import type { KeyNotes } from "./key-notes.ts";

/**
 * The names `registry/repository@sha256:…` under which images to test were pulled. Each command of each suite needs the same one, so it stays
 * until its build is over; nobody else would ever take it away, and each tested image would stay on the engine for ever.
 */
export interface PulledImages {
  /** Before the pull: what is written down and not there does no harm, what is there and not written down stays. */
  willPull(key: string, image: string): Promise<void>;
  /** Takes the key's names away; what another container still uses is left for the next time. Returns the names that were there. */
  remove(key: string): Promise<readonly string[]>;
  keys(): Promise<readonly string[]>;
}

export function pulledImages(docker: Docker, socket: string, notes: KeyNotes): PulledImages {
  return {
    willPull: (key, image) => notes.add(key, image),
    async remove(key) {
      const removed: string[] = [];
      let isInUse = false;
      for (const image of new Set(await notes.read(key))) {
        // The rest of a torn line; by it nothing was pulled.
        if (!/@sha256:[0-9a-f]{64}$/.test(image)) continue;
        const outcome = await removeName(docker, socket, image);
        if (outcome === "removed") removed.push(image);
        isInUse ||= outcome === "in use";
      }
      if (!isInUse) await notes.forget(key);
      return removed;
    },
    keys: () => notes.keys(),
  };
}

function removeName(docker: Docker, socket: string, image: string): Promise<"removed" | "absent" | "in use"> {
  const gone = docker
    .getImage(image)
    .remove()
    .then(
      () => "removed" as const,
      (error: unknown) => {
        if (statusOf(error) === 404) return "absent";
        if (statusOf(error) === 409) return "in use";
        throw error;
      },
    );
  return ask(socket, `remove the name ${image}`, gone);
}
