/**
 * Lets so many pieces of work run at once and as many as `waiting` wait their turn; what comes beyond is refused with the error that `refusal` makes.
 */
export function gate(limits: { readonly running: number; readonly waiting: number }, refusal: () => Error) {
  let running = 0;
  const queue: (() => void)[] = [];
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= limits.running) {
      if (queue.length >= limits.waiting) throw refusal();
      // Whoever goes hands its place on.
      await new Promise<void>((resolve) => queue.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
