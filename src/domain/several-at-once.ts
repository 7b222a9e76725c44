/**
 * Does all the work, so many pieces at a time, and gives what came of them in their order. When one fails no other begins, and what was under way comes
 * to its end before the first failure is thrown: nothing goes on behind the caller's back.
 */
export async function severalAtOnce<T>(most: number, pieces: readonly (() => Promise<T>)[]): Promise<readonly T[]> {
  const results: T[] = [];
  let next = 0;
  let failed: { readonly error: unknown } | undefined;
  const hand = async () => {
    while (next < pieces.length && failed === undefined) {
      const index = next++;
      try {
        results[index] = await (pieces[index] as () => Promise<T>)();
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, pieces.length) }, hand));
  if (failed !== undefined) throw failed.error;
  return results;
}
