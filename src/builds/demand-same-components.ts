import { z } from "zod";
import type { Dockerfile } from "../distgit/dockerfile.ts";
import type { Step } from "../workflow/step.ts";
import type { PushedImage } from "./build-platform.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildRequested } from "./build-record.ts";
import { compareComponents, componentsError, formatDifferences } from "./compare-components.ts";
import { openLog } from "./log-writer.ts";
import { maskSecrets } from "./mask-secrets.ts";
import { readSource } from "./source.ts";

/**
 * The platforms of one build are one release, so their packages must be too; what differs stands in the log `compare platforms`. Scratch builds and
 * images that start from nothing are not asked. Throws `builds.components-differ`.
 */
export async function demandSameComponents(
  ports: BuildPorts,
  step: Step,
  request: BuildRequested,
  images: readonly PushedImage[],
): Promise<void> {
  if (request.scratch || images.length < 2) return;
  await step("compare platforms", z.null(), async () => {
    const { dockerfile } = await readSource(ports, step.run, request);
    if (startsFromNothing(dockerfile)) return null;
    const differences = compareComponents(images, ports.settings.mayDiffer);
    const error = componentsError(differences);
    if (error === undefined) return null;
    const log = await openLog(ports.logs, step.run, "compare platforms", ports.settings.logBytes, maskSecrets(ports.secrets));
    log.sink(formatDifferences(differences));
    await log.close();
    throw error;
  });
}

/** Whether the last stage comes down to `FROM scratch`. Pure. */
export function startsFromNothing({ stages }: Pick<Dockerfile, "stages">): boolean {
  let stage = stages.at(-1);
  // Each leads to an earlier one, so this ends.
  while (stage?.base.kind === "stage") stage = stages[stage.base.index];
  return stage?.base.kind === "scratch";
}
