import { createHmac, timingSafeEqual } from "node:crypto";
import type { z } from "zod";
import { type AppError, appError } from "../../domain/errors.ts";
import type { RawDelivery } from "../forge.ts";
import type { HookKeys } from "./hook-keys.ts";
import { Delivery } from "./schemas.ts";

export interface VerifyOptions {
  /** With its slash at the end, as Pagure writes it. */
  readonly instance: string;
  readonly keys: HookKeys;
  /** Is what this project says listened to at all? */
  readonly isWatched: (project: string) => boolean;
  /** Believe a delivery that is signed with SHA-1 only. */
  readonly acceptSha1: boolean;
  readonly now: () => Date;
}

/** Pagure's worker may have been down for hours; what is sent again within that time is known by its id. */
export const longestAgeMs = 24 * 3_600_000;
/** `2026-<uuid>` */
const messageId = /^\d{4}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Checks a delivery as Pagure's "Using web-hooks" describes it: `X-Pagure-Signature-256` is the bare hexadecimal HMAC-SHA256 of the raw body
 * under the project's hook key, `X-Pagure-Signature` the same with SHA-1. Headers are not signed: the project's name is a hint where to find
 * the key, and must be what the body says, of itself and of each project that it is about: a key speaks for its own project only. Returns `msg_id`, the same for every address that got it. Throws `intake.signature-missing`,
 * `intake.signature-wrong`, `intake.delivery-malformed`.
 */
export async function verifyDelivery(delivery: RawDelivery, options: VerifyOptions): Promise<string> {
  const project = headerOf(delivery, "x-pagure-project") ?? "";
  const signed = signatureOf(delivery, options.acceptSha1);
  if (!options.isWatched(project)) throw wrongSignature();
  if (!isSigned(delivery.body, signed, options.keys.keysOf(project))) {
    if (!(await options.keys.refresh(project)) || !isSigned(delivery.body, signed, options.keys.keysOf(project))) throw wrongSignature();
  }
  const { msg, msg_id: id, timestamp, topic } = parseBody(delivery);
  if (msg.project_fullname !== project) throw malformed("is about another project than its header says");
  if (!aboutOf(msg).every((one) => one === project)) throw malformed("is about another project than the one whose key signed it");
  if (topic !== headerOf(delivery, "x-pagure-topic")) throw malformed("has another topic than its header says");
  if (msg.pagure_instance !== options.instance) throw malformed(`is of another Pagure than ${options.instance}`);
  if (!messageId.test(id)) throw malformed("has no msg_id");
  if (Math.abs(options.now().getTime() - timestamp * 1000) > longestAgeMs) throw malformed("is older than a day, or from the future");
  return id;
}

/**
 * Full names of the projects that a message speaks of: of a pull request that is the one it is to be merged into, while `repo_from` may be a
 * fork. undefined where one has no name.
 */
function aboutOf({ repo, project, pullrequest }: Readonly<Record<string, unknown>>): readonly unknown[] {
  const projects = [repo, project];
  // Never left out by what is no pull request, or one of no project.
  if (pullrequest != null) projects.push(memberOf(pullrequest, "project") ?? {});
  return projects.filter((one) => one != null).map((one) => memberOf(one, "fullname"));
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

interface Signature {
  readonly algorithm: "sha256" | "sha1";
  readonly hex: string;
}

function signatureOf(delivery: RawDelivery, acceptSha1: boolean): Signature {
  const sha256 = headerOf(delivery, "x-pagure-signature-256");
  if (sha256) return { algorithm: "sha256", hex: sha256 };
  const sha1 = headerOf(delivery, "x-pagure-signature");
  if (sha1 && acceptSha1) return { algorithm: "sha1", hex: sha1 };
  throw appError(
    "intake.signature-missing",
    `the delivery has no X-Pagure-Signature-256${sha1 ? ", and SHA-1 alone is not believed" : ""}`,
  );
}

/** All keys are compared, whichever fits, and in constant time. */
function isSigned(body: Uint8Array, { algorithm, hex }: Signature, keys: readonly string[]): boolean {
  // Bytes, not the text: `Buffer.from(…, "hex")` stops at what is no digit, so that its length tells.
  const given = Buffer.from(hex, "hex");
  let fits = false;
  for (const key of keys) {
    const wanted = createHmac(algorithm, key).update(body).digest();
    if (key !== "" && hex.length === 2 * wanted.length && given.length === wanted.length && timingSafeEqual(given, wanted)) fits = true;
  }
  return fits;
}

/** The body of a verified or stored delivery. Throws `intake.delivery-malformed`. */
export function parseBody({ body }: RawDelivery): z.infer<typeof Delivery> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf8", { fatal: true }).decode(body));
  } catch (cause) {
    throw appError("intake.delivery-malformed", "the delivery's body is no JSON", { cause });
  }
  const parsed = Delivery.safeParse(value);
  if (parsed.success) return parsed.data;
  throw appError("intake.delivery-malformed", "the delivery's body is not what Pagure sends", { cause: parsed.error });
}

function wrongSignature(): AppError {
  return appError("intake.signature-wrong", "the delivery's signature fits no key of the project that it names", {
    hint: "The bot needs ticket access to the project to read its hook key, or the settings name it: docs/pagure.md",
  });
}

function malformed(what: string): AppError {
  return appError("intake.delivery-malformed", `the delivery ${what}`);
}

/** Node's headers are in lower case; Pagure's are in two. */
function headerOf(delivery: RawDelivery, name: string): string | undefined {
  return delivery.headers[name] ?? Object.entries(delivery.headers).find(([key]) => key.toLowerCase() === name)?.[1];
}
