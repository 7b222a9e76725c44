import type Docker from "dockerode";
import { appError } from "../../domain/errors.ts";
import { absent, ask, messageOf, statusOf } from "./docker-client.ts";
import { removeIntermediates } from "./intermediate-images.ts";
import type { KeyNotes } from "./key-notes.ts";

/**
 * The containers in which the daemon runs a build's RUN lines. They are the daemon's own and carry no name or label of ours, so their
 * ids are written down, one file a key, before anything else happens with them: after a crash they are found by that.
 */
export interface StepContainers {
  /** Writes the container down and holds it to its process limit. Rejects with `engine.limits-unavailable`. */
  started(key: string, container: StepContainer, processes: number): Promise<void>;
  /** Removes what is left of the key's builds, containers and images without a name, `images` (short ids) too, and forgets them. Returns the containers that were there. */
  remove(key: string, images?: readonly string[]): Promise<readonly string[]>;
  keys(): Promise<readonly string[]>;
}

/** A container in which a step of our own build runs. */
export interface StepContainer {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** What the steps before it have made, `sha256:…`. */
  readonly image: string;
  /** ISO 8601. */
  readonly created: string;
}

export function stepContainers(docker: Docker, socket: string, notes: KeyNotes, delay: (ms: number) => Promise<void>): StepContainers {
  return {
    async started(key, { id, image, created }, processes) {
      await notes.add(key, `${id} ${image} ${created}`);
      await limitProcesses(docker, socket, id, processes, delay);
    },

    async remove(key, images = []) {
      const removed: string[] = [];
      const started = (await notes.read(key)).flatMap(readLine);
      for (const { id } of started) {
        if (await removeContainer(docker, socket, id)) removed.push(id);
      }
      if (started.length + images.length > 0) await removeIntermediates(docker, socket, started, images);
      await notes.forget(key);
      return removed;
    },

    keys: () => notes.keys(),
  };
}

/** The last line may be torn: the process may have died while it wrote. */
function readLine(line: string): readonly StepContainer[] {
  const [, id, image, created] = /^([0-9a-f]{64}) (sha256:[0-9a-f]{64}|) (\S+Z)$/.exec(line) ?? [];
  return id === undefined || image === undefined || created === undefined ? [] : [{ id, image, created }];
}

/**
 * The id in the daemon's own words; undefined for everything else. A RUN line may print the same words, that is why the caller must ask
 * {@link findStepContainer} before it believes them.
 */
export function runningIn(stream: string): string | undefined {
  return /^ ---> Running in ([0-9a-f]{12})\n?$/.exec(stream)?.[1];
}

/** The short id of the image that an instruction has made, or that FROM names; a RUN line may print the same. */
export function madeImage(stream: string): string | undefined {
  return /^ ---> ([0-9a-f]{12})\n?$/.exec(stream)?.[1];
}

/**
 * The container, when the daemon made it for the very build that has this mark. The mark is an extra host, a setting of the build request:
 * neither a Dockerfile nor a parent image can touch it, and the containers of another build have that build's. (A cgroup parent of its own
 * would tell them apart as well, but nobody takes away the cgroup directories that the daemon makes for it.)
 */
export async function findStepContainer(docker: Docker, socket: string, id: string, mark: string): Promise<StepContainer | undefined> {
  const found = await inspectContainer(docker, socket, id);
  if (!found?.HostConfig?.ExtraHosts?.includes(mark)) return undefined;
  return { id: found.Id, image: found.Image, created: found.Created };
}

/** Of ten million files; the name is taken until the last of them is gone. */
const removalMs = 10 * 60_000;

/** Removes a container with its volumes, running or not; false when it was not there. */
export async function removeContainer(docker: Docker, socket: string, id: string): Promise<boolean> {
  const container = docker.getContainer(id);
  const gone = container.remove({ force: true, v: true }).then(
    () => true,
    async (error: unknown) => {
      if (statusOf(error) === 404) return false;
      if (statusOf(error) !== 409 || !/already in progress/.test(messageOf(error))) throw error;
      // Somebody else is at it: the daemon at the end of a build, or a call whose connection ended.
      await container.wait({ condition: "removed" }).catch(absent);
      return true;
    },
  );
  return ask(socket, `remove the container ${id}`, gone, removalMs);
}

/** At the end of a call, whose outcome counts for more: what can't be removed has a name by which clean-up finds it. */
export async function removeContainerAtEnd(docker: Docker, socket: string, name: string): Promise<void> {
  await removeContainer(docker, socket, name).catch(() => {});
}

async function limitProcesses(docker: Docker, socket: string, id: string, processes: number, delay: (ms: number) => Promise<void>) {
  let last = "";
  for (let attempt = 0; attempt < 100; attempt++) {
    const problem = await docker
      .getContainer(id)
      .update({ PidsLimit: processes })
      .then(
        () => undefined,
        (error: unknown) => error ?? "refused",
      );
    if (problem === undefined || statusOf(problem) === 404) return;
    last = messageOf(problem);
    const state = (await inspectContainer(docker, socket, id))?.State;
    if (state === undefined || ["exited", "dead", "removing"].includes(state.Status)) return;
    // "cannot update a stopped container": it is made and not started yet, a matter of milliseconds.
    await delay(20);
  }
  throw appError("engine.limits-unavailable", `Docker Engine does not set the process limit of a build: ${last}`, {
    hint: "Look whether docker info warns of missing pids limit support",
  });
}

function inspectContainer(docker: Docker, socket: string, id: string): Promise<Docker.ContainerInspectInfo | undefined> {
  return ask(socket, `look at the container ${id}`, docker.getContainer(id).inspect().catch(absent));
}
