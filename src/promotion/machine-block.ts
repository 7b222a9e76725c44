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
});
export type MachineBlock = z.infer<typeof MachineBlock>;

const opening = "<!-- flibs:promotion ";

export function formatMachineBlock(block: MachineBlock): string {
  // Neither "--" nor ">" may stand in an HTML comment.
  const json = JSON.stringify(block).replaceAll("-", "\\u002d").replaceAll(">", "\\u003e");
  return `${opening}${json} -->`;
}

/** Undefined when there is none, or none that reads well. */
export function parseMachineBlock(body: string): MachineBlock | undefined {
  const start = body.lastIndexOf(opening);
  const end = body.indexOf(" -->", start);
  if (start < 0 || end < 0 || end - start > 4000) return undefined;
  try {
    const parsed = MachineBlock.safeParse(JSON.parse(body.slice(start + opening.length, end)));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
