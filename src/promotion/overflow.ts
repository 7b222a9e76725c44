import { errorKind } from "../domain/errors.ts";
import type { Pull } from "../forge/forge.ts";
import { parseMachineBlock } from "./machine-block.ts";
import { formatOverflow, isCut } from "./promotion-body.ts";
import { readPromotionFacts } from "./promotion-facts.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { draftChange, readFitBuild } from "./propose-promotion.ts";

/** Less is not worth a section. */
const least = 1000;

/**
 * What a promotion's body had no room for, computed anew from the build's record; undefined when nothing was cut, or when what is promoted cannot be
 * read any more (the check tells why). Throws transient errors only.
 */
export async function readOverflow(ports: PromotionPorts, pull: Pull, most: number): Promise<string | undefined> {
  const isOurs = !pull.fromFork && pull.headBranch.startsWith("promote/");
  const block = isOurs && isCut(pull.body) ? parseMachineBlock(pull.body) : undefined;
  if (!block || most < least) return undefined;
  try {
    const build = await readFitBuild(ports, block.build);
    const draft = await draftChange(ports, build);
    if ("outcome" in draft) return undefined;
    const facts = await readPromotionFacts(ports, build, draft);
    return formatOverflow({ ...facts, personOwned: undefined, block }, most);
  } catch (error) {
    if (errorKind(error) === "transient") throw error;
    return undefined;
  }
}
