/** One thing that flibs needs, as it was last seen by whoever uses it. */
export interface ReadinessPart {
  readonly name: string;
  readonly ok: boolean;
  /** Without it no delivery can be taken: `/readyz` answers 503. The others are shown only. */
  readonly required: boolean;
  /** ISO 8601; undefined when it was never looked at. */
  readonly seenAt?: string;
  readonly message?: string;
}

/** What `/readyz` shows. Asking costs nothing: nobody is called up. */
export interface Readiness {
  parts(): readonly ReadinessPart[];
}

export interface ReadinessBoard extends Readiness {
  /** Told by the part's users and sweeps. */
  seen(name: string, ok: boolean, message?: string): void;
}

/** A board with the given parts (name to required); a required part that was never seen counts as not ready. */
export function readinessBoard(required: Readonly<Record<string, boolean>>, now: () => Date): ReadinessBoard {
  const parts = new Map<string, ReadinessPart>();
  for (const [name, needed] of Object.entries(required))
    parts.set(name, { name, ok: !needed, required: needed, message: "not looked at yet" });
  return {
    parts: () => [...parts.values()],
    seen(name, ok, message) {
      parts.set(name, {
        name,
        ok,
        required: required[name] ?? false,
        seenAt: now().toISOString(),
        ...(message === undefined ? {} : { message }),
      });
    },
  };
}
