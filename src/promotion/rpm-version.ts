/**
 * Compares two RPM version strings as rpm does (rpmio/rpmvercmp, rpm 4.18): runs of digits as numbers, runs of letters as text, `~` before
 * everything, `^` after the same without it but before anything longer. Returns -1, 0 or 1.
 */
export function compareRpmVersions(a: string, b: string): -1 | 0 | 1 {
  let [x, y] = [a, b];
  for (;;) {
    x = x.replace(/^[^A-Za-z0-9~^]+/, "");
    y = y.replace(/^[^A-Za-z0-9~^]+/, "");
    if (x.startsWith("~") || y.startsWith("~")) {
      if (!x.startsWith("~")) return 1;
      if (!y.startsWith("~")) return -1;
      [x, y] = [x.slice(1), y.slice(1)];
      continue;
    }
    if (x.startsWith("^") || y.startsWith("^")) {
      if (x === "") return -1;
      if (y === "") return 1;
      if (!x.startsWith("^")) return 1;
      if (!y.startsWith("^")) return -1;
      [x, y] = [x.slice(1), y.slice(1)];
      continue;
    }
    if (x === "" || y === "") break;
    const numeric = /^\d/.test(x);
    const run = numeric ? /^\d+/ : /^[A-Za-z]+/;
    const [left = ""] = run.exec(x) ?? [];
    const [right = ""] = run.exec(y) ?? [];
    // A number is newer than letters.
    if (right === "") return numeric ? 1 : -1;
    const order = numeric ? compareNumbers(left, right) : compareText(left, right);
    if (order !== 0) return order;
    [x, y] = [x.slice(left.length), y.slice(right.length)];
  }
  if (x === y) return 0;
  return x === "" ? -1 : 1;
}

function compareNumbers(a: string, b: string): -1 | 0 | 1 {
  const [x, y] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  return x.length === y.length ? compareText(x, y) : x.length < y.length ? -1 : 1;
}

function compareText(a: string, b: string): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0;
}

export interface Evr {
  readonly epoch: number | undefined;
  readonly version: string;
  readonly release: string;
}

/** Epoch, then version, then release; a missing epoch is 0. */
export function compareEvr(a: Evr, b: Evr): -1 | 0 | 1 {
  const epochs = Math.sign((a.epoch ?? 0) - (b.epoch ?? 0)) as -1 | 0 | 1;
  return epochs || compareRpmVersions(a.version, b.version) || compareRpmVersions(a.release, b.release);
}

export function formatEvr(evr: Evr): string {
  return `${evr.epoch ? `${evr.epoch}:` : ""}${evr.version}-${evr.release}`;
}
