import { z } from "zod";
import type { Github } from "../test/fakes/github/github.ts";

/** A commit that was the head of a pull request, and since when. */
export interface Head {
  readonly sha: string;
  /** ISO time, to the second as all times of the double. */
  readonly at: string;
}

const PullDelivery = z.object({
  repository: z.object({ full_name: z.string() }),
  pull_request: z.object({ number: z.number(), head: z.object({ sha: z.string() }) }),
});

/** All heads that a pull request had, oldest first: what was told to flibs about it. */
export function headsOf(github: Github, repository: string, number: number): readonly Head[] {
  const heads = new Map<string, Head>();
  for (const { delivery, at } of github.hooks.attempts) {
    if (delivery.event !== "pull_request") continue;
    const { repository: where, pull_request: pull } = PullDelivery.parse(delivery.payload);
    const { sha } = pull.head;
    if (where.full_name !== repository || pull.number !== number || heads.has(sha)) continue;
    heads.set(sha, { sha, at: `${at.slice(0, 19)}Z` });
  }
  return [...heads.values()];
}
