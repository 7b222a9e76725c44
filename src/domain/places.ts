/** At most so many calls are at work; the others wait, in the order in which they came. */
export function places(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = most;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The place goes to the next one as it is: nobody who comes now gets before those that wait.
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
