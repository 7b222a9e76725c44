import { appError } from "../domain/errors.ts";
import type { Greenwave } from "../gating/greenwave.ts";
import type { GatePorts } from "./gate.ts";

export interface DecisionBounds {
  /** How long what policy.yaml asks for is remembered, milliseconds. */
  readonly rememberMs: number;
  /** Questions to the other Greenwave that are under way, and that wait for it. */
  readonly atOnce: number;
  readonly waiting: number;
}

export const decisionBounds: DecisionBounds = { rememberMs: 30_000, atOnce: 4, waiting: 50 };

/**
 * What questions over HTTP are answered with: anybody may ask, as often as they like, and neither the forge nor the site's Greenwave is to notice. Promotions go
 * by `ports` themselves. `greenwave.ask` throws `gating.greenwave-unavailable`, too, when too many questions wait.
 */
export function boundDecisions<Ports extends GatePorts>(ports: Ports, bounds = decisionBounds): Ports {
  const { greenwave } = ports;
  const readGates = remember(() => ports.readGates(), bounds.rememberMs, ports.now);
  return { ...ports, readGates, ...(greenwave === undefined ? {} : { greenwave: limit(greenwave, bounds) }) };
}

/** What failed is not remembered; who asks meanwhile waits for the same answer. */
function remember<T>(read: () => Promise<T>, forMs: number, now: () => Date): () => Promise<T> {
  let known: { readonly value: Promise<T>; readonly until: number } | undefined;
  return () => {
    const at = now().getTime();
    if (known !== undefined && at < known.until) return known.value;
    const asked = { value: read(), until: at + forMs };
    known = asked;
    asked.value.catch(() => {
      if (known === asked) known = undefined;
    });
    return asked.value;
  };
}

function limit(greenwave: Greenwave, { atOnce, waiting }: DecisionBounds): Greenwave {
  let active = 0;
  const queue: (() => void)[] = [];
  return {
    async ask(question, signal) {
      if (active < atOnce) active += 1;
      else if (queue.length < waiting) await new Promise<void>((resolve) => queue.push(resolve));
      else throw appError("gating.greenwave-unavailable", `more than ${waiting} questions to the site's Greenwave wait already`);
      try {
        return await greenwave.ask(question, signal);
      } finally {
        const next = queue.shift();
        // Whoever comes next has this one's place.
        if (next === undefined) active -= 1;
        else next();
      }
    },
  };
}
