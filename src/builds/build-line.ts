import { cutDockerfile, type Instruction } from "../distgit/dockerfile-lines.ts";
import type { Dockerfile } from "../distgit/dockerfile.ts";
import type { BuildPlace, LayerPlace } from "../engines/engine.ts";

/**
 * The line of the repository's Dockerfile at which a build was. The rewritten one has the same instructions on the same lines, but for our LABEL at the
 * end, which has none there. Undefined when the engine does not tell, or tells what does not fit. Pure.
 */
export function lineOf(dockerfile: Pick<Dockerfile, "source" | "stages">, place: BuildPlace): number | undefined {
  const { instructions } = cutDockerfile(dockerfile.source);
  if (place.line !== undefined) return instructions.some(({ lastLine }) => lastLine >= (place.line ?? 0)) ? place.line : undefined;
  if (place.step !== undefined) return instructions[place.step - 1]?.line;
  if (place.layer !== undefined) return findLayer(dockerfile, instructions, place.layer)?.line;
  return undefined;
}

const layers = new Set(["ADD", "COPY", "RUN", "WORKDIR"]);

/** BuildKit counts within the stage, and only what makes a layer; a FROM counts when it brings an image. */
function findLayer(
  { stages }: Pick<Dockerfile, "stages">,
  instructions: readonly Instruction[],
  { stage: name, number, keyword }: LayerPlace,
): Instruction | undefined {
  const named = stages.find((one) => (one.name ?? `stage-${one.index}`) === name?.toLowerCase());
  const stage = name === undefined && stages.length === 1 ? stages[0] : named;
  if (stage === undefined) return undefined;
  const from = instructions.findIndex((one) => one.keyword === "FROM" && one.line === stage.line);
  const next = instructions.findIndex((one, index) => index > from && one.keyword === "FROM");
  const own = instructions.slice(from, next < 0 ? undefined : next);
  const counted = own.filter((one, index) => (index === 0 ? stage.base.kind === "image" : layers.has(one.keyword)));
  const found = counted[number - 1];
  return found?.keyword === keyword ? found : undefined;
}
