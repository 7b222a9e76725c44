import type Docker from "dockerode";
import { type Digest, isDigest } from "../../domain/digest.ts";
import { type AppError, appError } from "../../domain/errors.ts";
import type { CallLimits } from "../call-limits.ts";
import type { PushDestination, PushedImage } from "../engine.ts";
import { ask, messageOf, statusOf, translate, unreachable } from "./docker-client.ts";
import { progressLines, readMessages } from "./progress.ts";

export interface PushContext {
  readonly docker: Docker;
  readonly socket: string;
}

/**
 * Tags, pushes, takes the tag away again. Pushing twice is harmless: the daemon asks the registry for each layer first.
 * Errors: `engine.push-failed` (transient; retrying is the runner's work), `engine.push-denied`, `engine.image-missing`.
 */
export async function pushImage(
  { docker, socket }: PushContext,
  imageId: Digest,
  destination: PushDestination,
  limits: CallLimits,
): Promise<PushedImage> {
  const repo = `${destination.registry}/${destination.repository}`;
  const name = `${repo}:${destination.tag}`;
  await ask(socket, `tag ${name}`, docker.getImage(imageId).tag({ repo, tag: destination.tag }).catch(missing(imageId)));
  try {
    const body = await docker.getImage(name).push({
      // The daemon insists on the header, also for anonymous pushes.
      authconfig: credentialHeader(destination),
      abortSignal: limits.signal,
    });
    return await followPush(socket, name, body as AsyncIterable<Uint8Array>, limits);
  } catch (error) {
    limits.signal.throwIfAborted();
    if (statusOf(error) !== undefined) throw pushError(name, messageOf(error));
    throw translate(socket, `push ${name}`, error);
  } finally {
    // The build's own tag keeps the image; a leftover of this one would keep it for ever.
    await ask(socket, `untag ${name}`, docker.getImage(name).remove({ noprune: true })).catch(() => {});
  }
}

async function followPush(socket: string, name: string, body: AsyncIterable<Uint8Array>, limits: CallLimits): Promise<PushedImage> {
  const line = progressLines();
  let pushed: PushedImage | undefined;
  for await (const message of readMessages(body)) {
    limits.signal.throwIfAborted();
    const error = message.error ?? message.errorDetail?.message;
    if (error !== undefined) throw pushError(name, error);
    const text = line(message);
    if (text !== undefined) limits.say(text);
    const { Digest: digest, Size: size } = typeof message.aux === "object" ? message.aux : {};
    if (digest !== undefined && size !== undefined && isDigest(digest)) pushed = { digest, size };
  }
  limits.signal.throwIfAborted();
  if (pushed === undefined) throw unreachable(socket, `push ${name}`, "the connection ended in the middle of the push");
  return pushed;
}

function credentialHeader({ credential, registry }: PushDestination): { username: string; password: string; serveraddress: string } {
  return { username: credential?.username ?? "", password: credential?.password ?? "", serveraddress: registry };
}

function pushError(name: string, message: string): AppError {
  const said = message.slice(0, 500);
  if (/denied|unauthorized|no basic auth|authentication required|forbidden|read-only/i.test(message)) {
    return appError("engine.push-denied", `pushing ${name}: ${said}`, {
      hint: "Look at the user name and password of the registry in the settings",
    });
  }
  return appError("engine.push-failed", `pushing ${name}: ${said}`);
}

function missing(image: string) {
  return (error: unknown): never => {
    if (statusOf(error) === 404) throw appError("engine.image-missing", `the image ${image} is not on this engine`, { cause: error });
    throw error;
  };
}
