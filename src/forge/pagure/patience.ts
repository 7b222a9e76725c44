import { isAppError } from "../../domain/errors.ts";

/** Pagure tells of a change before its database has it, and copies the commits of a fork afterwards. */
const waitsMs = [500, 1500, 4000];

type Delay = (ms: number) => Promise<unknown>;

/** Asks again for a moment when what a message told of is not there. */
export async function untilThere<T>(delay: Delay, ask: () => Promise<T | undefined>): Promise<T | undefined> {
  for (const ms of waitsMs) {
    const found = await ask();
    if (found !== undefined) return found;
    await delay(ms);
  }
  return await ask();
}

/** The same for a commit that is read. */
export async function untilKnown<T>(delay: Delay, read: () => Promise<T>): Promise<T> {
  for (const ms of waitsMs) {
    try {
      return await read();
    } catch (error) {
      if (!isAppError(error) || error.code !== "forge.commit-unknown") throw error;
    }
    await delay(ms);
  }
  return await read();
}
