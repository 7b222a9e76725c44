import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { appError } from "../../domain/errors.ts";
import type { ForgeEvent } from "../event.ts";
import type { RawDelivery } from "../forge.ts";
import { isBranchName, isRepositoryName } from "../git/names.ts";

const commit = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
const branch = z.string().refine(isBranchName);
const number = z.number().int().positive();

const Change = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("branch-pushed"), branch, after: commit.optional() }),
  z.strictObject({ kind: z.enum(["pull-opened", "pull-updated"]), number, head: commit }),
  z.strictObject({ kind: z.literal("pull-merged"), number, base: branch, mergeCommit: commit }),
  z.strictObject({ kind: z.literal("pull-closed"), number }),
  z.strictObject({ kind: z.literal("comment-added"), number, comment: z.string().max(100), text: z.string().max(65_536) }),
]);
export type Change = z.infer<typeof Change>;

/** What one push, or one verb of a person, says. The id stands under the signature, so that nobody sends an old delivery as a new one. */
export const Payload = z.strictObject({
  delivery: z.uuid(),
  repository: z.string().refine(isRepositoryName),
  actor: z.string().max(100),
  changes: z.array(Change).max(10_000),
});
export type Payload = z.infer<typeof Payload>;

export function signBody(body: Uint8Array, secret: string): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

/** See {@link ForgeInbox.verifyDelivery}. All secrets are compared, whichever fits. */
export function verifyDelivery(delivery: RawDelivery, secrets: readonly string[]): string {
  const signature = headerOf(delivery, "x-flibs-signature-256");
  if (signature === undefined || signature === "") throw appError("intake.signature-missing", "the delivery has no X-Flibs-Signature-256");
  const given = Buffer.from(signature);
  let fits = false;
  for (const secret of secrets) {
    const wanted = Buffer.from(signBody(delivery.body, secret));
    if (secret !== "" && given.length === wanted.length && timingSafeEqual(given, wanted)) fits = true;
  }
  if (!fits) {
    throw appError("intake.signature-wrong", "the delivery's signature fits none of the secrets", {
      hint: "The hook and the settings must name the same secret",
    });
  }
  const id = headerOf(delivery, "x-flibs-delivery");
  if (id === parsePayload(delivery).delivery) return id;
  throw appError("intake.delivery-malformed", "the delivery's X-Flibs-Delivery is not the id in its body");
}

/** See {@link ForgeInbox.parseDelivery}. */
export function parseDelivery(delivery: RawDelivery, forge: string): readonly ForgeEvent[] {
  if (headerOf(delivery, "x-flibs-event") !== "change") return [];
  const { repository, actor, changes } = parsePayload(delivery);
  return changes.map((change) => eventOf({ forge, repository, actor }, change));
}

export function eventOf(common: Pick<ForgeEvent, "forge" | "repository" | "actor">, change: Change): ForgeEvent {
  if (change.kind === "branch-pushed") return { ...common, kind: change.kind, branch: change.branch, after: change.after };
  // Accounts of programs are unknown to a forge of plain git.
  if (change.kind === "comment-added") return { ...common, ...change, fromBot: false };
  return { ...common, ...change };
}

function parsePayload(delivery: RawDelivery): Payload {
  try {
    return Payload.parse(JSON.parse(new TextDecoder("utf8", { fatal: true }).decode(delivery.body)));
  } catch (cause) {
    throw appError("intake.delivery-malformed", "the delivery's body is not what the hook of the local forge sends", { cause });
  }
}

function headerOf(delivery: RawDelivery, name: string): string | undefined {
  return Object.entries(delivery.headers).find(([key]) => key.toLowerCase() === name)?.[1];
}
