/**
 * The same question, asked again only when the last answer came `keptMs` ago: all who ask meanwhile share it, a failure too. For what a page that
 * anybody may load asks of others. `now` are milliseconds of a clock that never goes back.
 */
export function sharedAnswer<T>(ask: () => Promise<T>, keptMs: number, now: () => number = () => performance.now()): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let until = 0;
  return () => {
    if (answer !== undefined && now() < until) return answer;
    until = Number.POSITIVE_INFINITY;
    answer = ask().finally(() => {
      until = now() + keptMs;
    });
    return answer;
  };
}
