/** How long a peer may let us wait while a body goes one way or the other. */
export interface BodyLimits {
  /** Between two pieces. */
  readonly idleMs: number;
  /** All waiting for one body together, beyond what its bytes may take: the limit for small answers. */
  readonly bodyMs: number;
  /** So slow may a large body be; a byte a minute would otherwise hold a run for ever. */
  readonly leastBytesPerSecond: number;
}

/** Adds up the time in which we were ready and the peer was not; our own slowness is not its fault. */
export interface Patience {
  /** From now on it is the peer's turn; calling it again while it is changes nothing. */
  wait(): void;
  /** It has moved so many bytes: no longer its turn. */
  moved(bytes: number): void;
  stop(): void;
}

/** `over` is called when the peer has let us wait too long, at most once for each `wait`. */
export function patience(limits: BodyLimits, over: () => void): Patience {
  let waitedMs = 0;
  let bytesMoved = 0;
  let since = 0;
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    if (timer !== undefined) waitedMs += performance.now() - since;
    clearTimeout(timer);
    timer = undefined;
  };
  return {
    wait() {
      if (timer !== undefined) return;
      since = performance.now();
      const left = limits.bodyMs + (bytesMoved / limits.leastBytesPerSecond) * 1000 - waitedMs;
      timer = setTimeout(over, Math.max(0, Math.min(limits.idleMs, left)));
    },
    moved(bytes) {
      stop();
      bytesMoved += bytes;
    },
    stop,
  };
}
