import type { Pull } from "../forge/forge.ts";
import { parseMachineBlock } from "./machine-block.ts";
import type { PromotionPorts } from "./promotion-ports.ts";

/** Image repositories that have an open promotion of ours, each once. */
export async function openPromotions(ports: Pick<PromotionPorts, "forge" | "settings">): Promise<readonly string[]> {
  const { repository, branch } = ports.settings;
  return imagesOf((await ports.forge.listPulls(repository, "open")).filter((pull) => pull.baseBranch === branch));
}

/** Pull requests from forks are strangers', whatever they say. Pure. */
export function imagesOf(pulls: readonly Pull[]): readonly string[] {
  const ours = pulls.filter((pull) => !pull.fromFork && pull.headBranch.startsWith("promote/"));
  return [...new Set(ours.flatMap((pull) => parseMachineBlock(pull.body)?.repository ?? []))];
}
