import type Docker from "dockerode";
import { appError } from "../../domain/errors.ts";
import type { Platform } from "../../domain/platform.ts";
import type { PushDestination } from "../engine.ts";
import { ask, messageOf, statusOf, translate } from "./docker-client.ts";
import { progressLines, readMessages } from "./progress.ts";

export interface PullContext {
  readonly docker: Docker;
  readonly socket: string;
  /** Gets the progress; its answer is not looked at, a pull prints little. */
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
  /** Which image of a manifest list; the engine has one of them at a time below one name, and another one counts as absent. */
  readonly platform: Platform;
  /** Called before an image is pulled that was not there. */
  readonly willPull?: () => Promise<void>;
}

/**
 * Pulls `registry/repository@sha256:…` unless the engine has it. Image ids are never pulled.
 * Errors: `engine.pull-denied` when the registry says no or not found, `engine.pull-failed` for everything that may be different later.
 */
export async function ensureImage(context: PullContext, image: string, credential?: PushDestination["credential"]): Promise<void> {
  if (await hasImage(context, image)) return;
  if (!image.includes("@sha256:")) throw appError("engine.image-missing", `the image ${image} is not on this engine`);
  await context.willPull?.();
  context.say(`Pulling ${image}\n`);
  const line = progressLines();
  try {
    const body = await context.docker.pull(image, {
      abortSignal: context.signal,
      platform: context.platform,
      ...(credential === undefined ? {} : { authconfig: credential }),
    });
    for await (const message of readMessages(body as AsyncIterable<Uint8Array>)) {
      if (message.error !== undefined) throw pullError(image, message.error);
      const text = line(message);
      if (text !== undefined) context.say(text);
    }
  } catch (error) {
    context.signal.throwIfAborted();
    if (statusOf(error) === undefined) throw translate(context.socket, `pull ${image}`, error);
    throw pullError(image, messageOf(error));
  }
  // A stream that ends early looks like one that ends well.
  if (!(await hasImage(context, image))) throw appError("engine.pull-failed", `the pull of ${image} ended without the image`);
}

async function hasImage({ docker, socket, platform }: PullContext, image: string): Promise<boolean> {
  const found = docker
    .getImage(image)
    .inspect()
    .then(
      // An id names one image alone, whatever its platform.
      ({ Os, Architecture }) => !image.includes("@") || `${Os}/${Architecture}` === withoutVariant(platform),
      (error: unknown) => {
        if (statusOf(error) === 404) return false;
        throw error;
      },
    );
  return ask(socket, `look for the image ${image}`, found);
}

/** `linux/arm/v7` gives `linux/arm`: engines leave the variant of an image out, or add one. */
function withoutVariant(platform: Platform): string {
  return platform.split("/").slice(0, 2).join("/");
}

function pullError(image: string, message: string) {
  const refused = /not found|manifest unknown|denied|unauthorized|no basic auth|does not exist/i.test(message);
  return appError(refused ? "engine.pull-denied" : "engine.pull-failed", `pulling ${image}: ${message.slice(0, 500)}`);
}
