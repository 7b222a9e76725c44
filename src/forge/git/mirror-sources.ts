import { isAppError } from "../../domain/errors.ts";
import { gitSources } from "./sources.ts";

/** What is read of commits in a mirror, for forges whose branches are asked of their API. */
export function mirrorSources(world: Parameters<typeof gitSources>[0]): ReturnType<typeof gitSources> {
  const read = gitSources(world);
  return {
    findFile: (...args) => twice(() => read.findFile(...args)),
    listFiles: (...args) => twice(() => read.listFiles(...args)),
    checkout: (...args) => twice(() => read.checkout(...args)),
    diff: (...args) => twice(() => read.diff(...args)),
    isAncestor: (...args) => twice(() => read.isAncestor(...args)),
    listMergeBases: (...args) => twice(() => read.listMergeBases(...args)),
    fileHistory: (...args) => twice(() => read.fileHistory(...args)),
  };
}

/** The mirror may be thrown away while it is read; then it is fetched again. */
async function twice<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isAppError(error) && ["forge.git-failed", "forge.git-ended"].includes(error.code)) return read();
    throw error;
  }
}
