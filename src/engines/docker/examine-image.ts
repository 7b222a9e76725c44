import type Docker from "dockerode";
import type { CallLimits } from "../call-limits.ts";
import type { ExamineRequest, ImageReader } from "../engine.ts";
import { ask } from "./docker-client.ts";
import { ensureImage } from "./ensure-image.ts";
import { readerOf } from "./image-files.ts";
import { imageConfig } from "./inspect-image.ts";
import { removeContainer, removeContainerAtEnd } from "./step-containers.ts";

export interface ExamineContext {
  readonly docker: Docker;
  readonly socket: string;
  /** Of the container that is made to read files through. */
  readonly container: { readonly name: string; readonly labels: Record<string, string> };
  /** Called before the image is pulled. */
  readonly willPull: () => Promise<void>;
}

/** A container of the same name is what a crash left behind; it goes first. */
export async function examineImage<T>(
  { docker, socket, container: own, willPull }: ExamineContext,
  { platform, image, credential }: ExamineRequest,
  use: (image: ImageReader) => Promise<T>,
  { signal, say }: Pick<CallLimits, "signal" | "say">,
): Promise<T> {
  signal.throwIfAborted();
  await removeContainer(docker, socket, own.name);
  await ensureImage({ docker, socket, say, signal, platform, willPull }, image, credential);
  try {
    const info = await ask(socket, `look at the image ${image}`, docker.getImage(image).inspect());
    const container = await ask(
      socket,
      "make a container to read files through",
      docker.createContainer({
        ...{ name: own.name, Labels: own.labels, Image: image },
        // It is never started; a container must have a command, and the image need not.
        ...{ Entrypoint: [], Cmd: ["flibs-reads-files"], HostConfig: { NetworkMode: "none" } },
      }),
    );
    return await use({ config: imageConfig(info.Config), ...readerOf({ container, socket, signal }) });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await removeContainerAtEnd(docker, socket, own.name);
  }
}
