import type Docker from "dockerode";
import { ask, statusOf } from "./docker-client.ts";

/**
 * What stands at a path of a container, and where it leads when it is a symbolic link, all further links followed within the container's own tree: the
 * daemon says so in the answer's header. Undefined when nothing is there.
 */
export async function lookAtPath(
  container: Docker.Container,
  socket: string,
  path: string,
): Promise<{ readonly linkTarget?: string } | undefined> {
  const stat = await ask(
    socket,
    `look for ${path}`,
    container.infoArchive({ path }).catch((error: unknown) => {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }),
  );
  if (stat === undefined) return undefined;
  // dockerode gives the bodiless answer as a stream: unread it would hold its connection for ever.
  (stat as unknown as { resume(): void }).resume();
  const linkTarget = linkTargetOf(stat);
  return linkTarget === undefined ? {} : { linkTarget };
}

/** The same of an answer that is at hand: the head of an archive says it, too. Undefined for what is no link. */
export function linkTargetOf(answer: unknown): string | undefined {
  const header = (answer as { headers?: Record<string, string> }).headers?.["x-docker-container-path-stat"];
  if (header === undefined) return undefined;
  const { mode, linkTarget } = JSON.parse(Buffer.from(header, "base64").toString("utf8")) as { mode: number; linkTarget: string };
  // Go's os.ModeSymlink.
  return (mode & 0x08000000) !== 0 && linkTarget !== "" ? linkTarget : undefined;
}
