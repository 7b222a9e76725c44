import { z } from "zod";
import { isRepository } from "../domain/image-reference.ts";

/** What a promotion's body says to flibs itself, in an HTML comment. People may edit it: it is only ever used to look things up. */
export const MachineBlock = z.strictObject({
  schema: z.literal(1),
  repository: z.string().refine(isRepository),
  tag: z.string().max(128),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  build: z.string().regex(/^[\w.:-]{1,100}$/),
  /** Git blob of the file that the change was computed from; null when there was none. */
  baseBlob: z.string().nullable(),
  /** The build that this one took the pull request over from. */
  supersedes: z.strictObject({ build: z.string().max(100), tag: z.string().max(128) }).optional(),
  /** Who asked for it by a command; nobody when the build proposed itself. */
  requestedBy: z.string().max(100).optional(),
});
export type MachineBlock = z.infer<typeof MachineBlock>;

/** The same of a roll-back. */
export const RollbackBlock = z.strictObject({
  schema: z.literal(1),
  repository: z.string().refine(isRepository),
  /** Releases. */
  from: z.string().max(128),
  to: z.string().max(128),
  baseBlob: z.string().nullable(),
  requestedBy: z.string().max(100),
});
export type RollbackBlock = z.infer<typeof RollbackBlock>;

/** The same of a withdrawal; several releases of one image share a pull request. */
export const WithdrawalBlock = z.strictObject({
  schema: z.literal(1),
  repository: z.string().refine(isRepository),
  entries: z
    .array(
      z.strictObject({
        release: z.string().max(128),
        reason: z.string().min(1).max(500),
        by: z.string().min(1).max(100),
        removeTag: z.boolean(),
        /** Release that its floating tags move to, when somebody named one. */
        to: z.string().max(128).optional(),
      }),
    )
    .min(1)
    .max(10),
  baseBlob: z.string().nullable(),
  /** Who asked for the first. */
  requestedBy: z.string().max(100),
});
export type WithdrawalBlock = z.infer<typeof WithdrawalBlock>;

const promotion = "<!-- flibs:promotion ";
const rollback = "<!-- flibs:rollback ";
const withdrawal = "<!-- flibs:withdrawal ";

export function formatMachineBlock(block: MachineBlock): string {
  return format(promotion, block);
}

/** Undefined when there is none, or none that reads well. */
export function parseMachineBlock(body: string): MachineBlock | undefined {
  return parse(promotion, MachineBlock, body);
}

export function formatRollbackBlock(block: RollbackBlock): string {
  return format(rollback, block);
}

export function parseRollbackBlock(body: string): RollbackBlock | undefined {
  return parse(rollback, RollbackBlock, body);
}

export function formatWithdrawalBlock(block: WithdrawalBlock): string {
  return format(withdrawal, block);
}

export function parseWithdrawalBlock(body: string): WithdrawalBlock | undefined {
  return parse(withdrawal, WithdrawalBlock, body);
}

/** Is a pull request one of ours by its body, and who asked for it? */
export function findAsker(body: string): { readonly ours: boolean; readonly requestedBy?: string | undefined } {
  const block = parseMachineBlock(body) ?? parseRollbackBlock(body) ?? parseWithdrawalBlock(body);
  return { ours: block !== undefined, requestedBy: block?.requestedBy };
}

/** Image that a pull request of ours is about, and the build that it promotes; undefined when it is none of ours. */
export function imageOfProposal(body: string): { readonly imageRepository: string; readonly build: string | undefined } | undefined {
  const promoted = parseMachineBlock(body);
  if (promoted) return { imageRepository: promoted.repository, build: promoted.build };
  const other = parseRollbackBlock(body) ?? parseWithdrawalBlock(body);
  return other && { imageRepository: other.repository, build: undefined };
}

function format(opening: string, block: unknown): string {
  // Neither "--" nor ">" may stand in an HTML comment; and nothing in it is a mention.
  const json = JSON.stringify(block).replace(/[->@#]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `${opening}${json} -->`;
}

function parse<T>(opening: string, schema: z.ZodType<T>, body: string): T | undefined {
  const start = body.lastIndexOf(opening);
  const end = body.indexOf(" -->", start);
  if (start < 0 || end < 0 || end - start > 40_000) return undefined;
  try {
    const parsed = schema.safeParse(JSON.parse(body.slice(start + opening.length, end)));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
