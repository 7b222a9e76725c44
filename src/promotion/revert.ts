import type { ChangeToCheck } from "./find-changes.ts";
import type { TextPorts } from "./manifest-sources.ts";

/** Who goes back further than this edits by hand. */
const mostHistory = 100;

/**
 * Does a change give a file back, byte for byte, a text that it had at a former commit of the base branch? What a forge's revert button makes
 * does; what a person shortens by hand does not. A commit of the change's own must say so: a merge of the base branch that merely kept the
 * branch's old text leaves none, and undoes by oversight what came meanwhile.
 */
export async function isRevert(
  ports: TextPorts,
  change: Pick<ChangeToCheck, "repository" | "head" | "baseHead">,
  path: string,
  text: string,
): Promise<boolean> {
  const { forge } = ports;
  const { repository, head, baseHead } = change;
  const [own] = await forge.fileHistory(repository, head, path, 1);
  if (own === undefined || (await forge.isAncestor(repository, own, baseHead))) return false;
  const wanted = new TextEncoder().encode(text);
  for (const former of await forge.fileHistory(repository, baseHead, path, mostHistory)) {
    const bytes = await forge.findFile(repository, former, path);
    if (bytes && Buffer.compare(bytes, wanted) === 0) return true;
  }
  return false;
}
