/** What waits for its turn. */
interface Waiting<Item, Result> {
  readonly item: Item;
  readonly size: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupOptions<Item> {
  /** Most items of a group, and their size together; an item that is larger goes alone. */
  readonly largest: { readonly items: number; readonly size: number };
  readonly sizeOf: (item: Item) => number;
  /** Size of what waits and is being written; what comes on top of it is refused with `refusal`. */
  readonly most: { readonly size: number; readonly refusal: () => Error };
  /** Errors that are nobody's fault: the whole group fails, since each item alone would only fail later. */
  readonly isCommon: (error: unknown) => boolean;
}

/**
 * Writes what comes while a commit is on its way together in the next one: a commit waits for the disk once, however much it holds.
 * Whoever comes alone waits for nobody. `write` gives one result for each item, in order, and does all or nothing; when it throws for
 * several, each is written alone, so that one bad item fails nobody else's.
 */
export function groupCommit<Item, Result>(
  write: (items: readonly Item[]) => Promise<readonly Result[]>,
  options: GroupOptions<Item>,
): (item: Item) => Promise<Result> {
  const waiting: Waiting<Item, Result>[] = [];
  let writing = false;
  let held = 0;

  async function drain(): Promise<void> {
    if (writing) return;
    writing = true;
    while (waiting.length > 0) {
      const group = takeGroup(waiting, options.largest);
      await settle(group);
      for (const { size } of group) held -= size;
    }
    writing = false;
  }

  async function settle(group: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await write(group.map(({ item }) => item));
      for (const [n, { resolve }] of group.entries()) resolve(results[n] as Result);
    } catch (error) {
      if (group.length > 1 && !options.isCommon(error)) for (const one of group) await settle([one]);
      else for (const { reject } of group) reject(error);
    }
  }

  return (item) => {
    const size = options.sizeOf(item);
    if (held > 0 && held + size > options.most.size) return Promise.reject(options.most.refusal());
    held += size;
    return new Promise((resolve, reject) => {
      waiting.push({ item, size, resolve, reject });
      void drain();
    });
  };
}

/** From the front, in order. */
function takeGroup<One extends { readonly size: number }>(waiting: One[], largest: GroupOptions<never>["largest"]): readonly One[] {
  let [items, size] = [0, 0];
  for (const next of waiting) {
    size += next.size;
    if (items > 0 && (items === largest.items || size > largest.size)) break;
    items += 1;
  }
  return waiting.splice(0, items);
}
