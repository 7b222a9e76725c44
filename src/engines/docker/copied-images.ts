import { type Progress, parseProgress } from "./build-failure.ts";
import { madeImage } from "./step-containers.ts";

/** The images that COPY and ADD make: they have no container by which they could be known as this build's. */
export interface CopiedImages {
  read(stream: string): void;
  /** Short ids, of a build that has ended well. */
  ids(): readonly string[];
}

/**
 * By the daemon's own lines, ` ---> <id>` after a step in which nothing of the repository prints. A RUN line may print such a step as well, with the id of another
 * build's image: but the daemon tells the steps of a good build one after the other, from 1 on, so one that came twice, out of turn, or is none of the build, gives the
 * forgery away.
 */
export function copiedImages(): CopiedImages {
  const ids: string[] = [];
  let at: Progress | undefined;
  let isForged = false;
  return {
    read(stream) {
      const next = parseProgress(stream);
      if (next !== undefined) {
        isForged ||= next.step !== (at?.step ?? 0) + 1 || next.step > next.steps || next.steps !== (at ?? next).steps;
        at = next;
      }
      const image = madeImage(stream);
      if (image !== undefined && /^(?:COPY|ADD)\s/i.test(at?.instruction ?? "")) ids.push(image);
    },
    ids: () => (isForged ? [] : ids),
  };
}
