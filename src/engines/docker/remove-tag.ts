import type Docker from "dockerode";
import { ask, statusOf } from "./docker-client.ts";

/** The tag, and the image when nothing else names or uses it. False when it was gone already, or a container still uses the image: the next clean-up gets it. */
export async function removeTag(docker: Docker, socket: string, tag: string): Promise<boolean> {
  const gone = docker
    .getImage(tag)
    .remove()
    .then(
      () => true,
      (error: unknown) => {
        if (statusOf(error) === 404 || statusOf(error) === 409) return false;
        throw error;
      },
    );
  return ask(socket, `remove the tag ${tag}`, gone);
}
