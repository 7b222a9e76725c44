import type Docker from "dockerode";
import { absent, ask, statusOf } from "./docker-client.ts";
import type { StepContainer } from "./step-containers.ts";

/**
 * Removes the images without a name that a build has left: the classic builder makes one for each instruction, and keeps those of failed
 * builds and of earlier stages for ever. Only what is provably of this build goes: the image that one of its own containers was started from or
 * became, one of those that COPY and ADD are known to have made (`copied`, short ids), and what was built upon such a one. An image with a name, or that something else needs, is refused by the daemon and stays.
 */
export async function removeIntermediates(
  docker: Docker,
  socket: string,
  started: readonly StepContainer[],
  copied: readonly string[],
): Promise<void> {
  const own = new Set([...started.map((one) => one.image), ...copied]);
  const containers = new Set(started.map((one) => one.id));
  const since = Math.min(...started.map((one) => Date.parse(one.created) / 1000)) - slackSeconds;
  // Images that nothing was built upon; with one of them go its ancestors up to the first that has a name.
  const leaves = await ask(socket, "list images", docker.listImages({ filters: JSON.stringify({ dangling: ["true"] }) }));
  for (const leaf of leaves) {
    const isRecent = leaf.Created >= since || own.has(leaf.Id) || own.has(shortId(leaf.Id));
    if (isRecent && (await isOwn(docker, socket, leaf.Id, own, containers))) await removeNameless(docker, socket, leaf.Id);
  }
}

/** Images tell whole seconds. What is older than the first container is an ancestor of it, or the image it was started from. */
const slackSeconds = 2;
/** Docker allows no more layers than 127, and an image may have as many again without one. */
const maxAncestors = 300;

async function isOwn(
  docker: Docker,
  socket: string,
  leaf: string,
  own: ReadonlySet<string>,
  containers: ReadonlySet<string>,
): Promise<boolean> {
  let id = leaf;
  for (let depth = 0; depth < maxAncestors && id !== ""; depth++) {
    const image = await ask(socket, `look at the image ${id}`, docker.getImage(id).inspect().catch(absent));
    // An ancestor with a name is a base image: whatever stands upon it was not made by this build alone.
    if (image === undefined || image.RepoTags.length > 0 || image.RepoDigests.length > 0) return false;
    if (own.has(image.Id) || own.has(shortId(image.Id)) || containers.has(image.Container)) return true;
    id = image.Parent;
  }
  return false;
}

function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}

async function removeNameless(docker: Docker, socket: string, id: string): Promise<void> {
  const gone = docker
    .getImage(id)
    .remove()
    .catch((error: unknown) => {
      // In use, named or built upon since it was looked at: then it is no left-over.
      if (statusOf(error) === 404 || statusOf(error) === 409) return;
      throw error;
    });
  await ask(socket, `remove the image ${id}`, gone);
}
