import { parseDockerfile, type Stage } from "../distgit/dockerfile.ts";
import { cutDockerfile, type Instruction } from "../distgit/dockerfile-lines.ts";
import type { BuildPlace, LayerPlace } from "../engines/engine.ts";

/**
 * The instruction at which a build was, counted from one over all stages of the Dockerfile that the engine was given. Undefined when the engine does not
 * tell, or tells what does not fit. Pure.
 */
export function stepOf(dockerfile: string, place: BuildPlace): number | undefined {
  if (place.step !== undefined) return place.step;
  const { instructions } = cutDockerfile(dockerfile);
  const found = findInstruction(dockerfile, instructions, place);
  return found === undefined ? undefined : instructions.indexOf(found) + 1;
}

function findInstruction(dockerfile: string, instructions: readonly Instruction[], { line, layer }: BuildPlace): Instruction | undefined {
  if (line !== undefined) return instructions.find((one) => one.line <= line && line <= one.lastLine);
  return layer === undefined ? undefined : findLayer(parseDockerfile(dockerfile).dockerfile?.stages ?? [], instructions, layer);
}

const layers = new Set(["ADD", "COPY", "RUN", "WORKDIR"]);

/** BuildKit counts within the stage, and only what makes a layer; a FROM counts when it brings an image. */
function findLayer(
  stages: readonly Stage[],
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
