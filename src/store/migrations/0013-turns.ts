/** Whose turn it is among the repositories of a flow: how many of each are at work, and when one was last begun. */
export const statements = ["create index run_turns on run (flow, (coalesce(intent->>'repository', subject)), started_at desc nulls last)"];
