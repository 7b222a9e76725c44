import type Docker from "dockerode";
import { ask } from "./docker-client.ts";
import type { Names } from "./names.ts";
import type { PulledImages } from "./pulled-images.ts";
import { removeTag } from "./remove-tag.ts";
import { removeContainer, type StepContainers } from "./step-containers.ts";

export interface CleanUpContext {
  readonly docker: Docker;
  readonly socket: string;
  readonly names: Names;
  readonly steps: StepContainers;
  readonly pulled: PulledImages;
}

/** Removes what this installation made for keys that nobody needs any more; everything else on the engine is left alone. */
export async function cleanUpEngine(
  context: CleanUpContext,
  keep: (key: string) => boolean | Promise<boolean>,
): Promise<readonly string[]> {
  const { docker, socket, names, steps, pulled } = context;
  const removed: string[] = [];
  for (const key of await steps.keys()) {
    if (!(await keep(key))) removed.push(...(await steps.remove(key)).map((id) => `container ${id}`));
  }

  const containers = await ask(socket, "list containers", docker.listContainers({ all: true }));
  for (const name of containers.flatMap((container) => container.Names.map((one) => one.replace(/^\//, "")))) {
    const key = names.keyOfContainer(name);
    if (key !== undefined && !(await keep(key)) && (await removeContainer(docker, socket, name))) removed.push(`container ${name}`);
  }

  for (const key of await pulled.keys()) {
    if (!(await keep(key))) removed.push(...(await pulled.remove(key)).map((image) => `image ${image}`));
  }

  const images = await ask(socket, "list images", docker.listImages());
  for (const tag of images.flatMap((image) => image.RepoTags ?? [])) {
    const key = names.keyOfTag(tag);
    if (key !== undefined && !(await keep(key)) && (await removeTag(docker, socket, tag))) removed.push(`image ${tag}`);
  }
  return removed;
}
