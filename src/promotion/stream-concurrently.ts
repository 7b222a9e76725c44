/**
 * Works on what comes, at most `most` at a time, and yields results as they are ready. Takes the next item only when there is room, so that
 * neither a long source nor a slow reader fills memory. A failure ends it once what had begun has ended; so does a reader that stops.
 */
export async function* streamConcurrently<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  most: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running = new Map<number, Promise<readonly [number, R]>>();
  let number = 0;
  try {
    for await (const item of items) {
      const id = number++;
      const one = work(item).then((result) => [id, result] as const);
      // It may fail while the reader is busy: nobody waits for it then, and it is told at the next turn.
      one.catch(() => undefined);
      running.set(id, one);
      if (running.size >= most) yield await takeNext(running);
    }
    while (running.size > 0) yield await takeNext(running);
  } finally {
    await Promise.allSettled(running.values());
  }
}

async function takeNext<R>(running: Map<number, Promise<readonly [number, R]>>): Promise<R> {
  const [id, result] = await Promise.race(running.values());
  running.delete(id);
  return result;
}
