/** One change of the state at a time; requests and persons queue up. */
export type Exclusive = <T>(act: () => Promise<T> | T) => Promise<T>;

export function createExclusive(): Exclusive {
  let last: Promise<unknown> = Promise.resolve();
  return (act) => {
    const mine = last.then(act);
    last = mine.catch(() => {});
    return mine;
  };
}
