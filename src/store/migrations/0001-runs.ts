/** Runs and their journal. */
export const statements = [
  `create table run (
    id text primary key,
    seq bigint generated always as identity,
    flow text not null,
    subject text not null,
    intent jsonb not null,
    request_key text not null unique,
    status text not null default 'queued'
      check (status in ('queued', 'running', 'waiting', 'done', 'failed', 'cancelled', 'superseded')),
    attempt integer not null default 0,
    waiting_for text,
    error jsonb,
    ending jsonb,
    wake_at timestamptz not null default now(),
    fence bigint not null default 0,
    lease_holder text,
    lease_until timestamptz,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz
  )`,
  `create index run_open on run (subject, seq) where status in ('queued', 'running', 'waiting')`,
  // The last guard of "one run per subject at a time", should the order of turns ever have a hole.
  "create unique index run_one_lease on run (subject) where lease_holder is not null and ending is null",
  "create index run_newest on run (seq desc)",
  `create table journal (
    run text not null references run (id) on delete cascade,
    step text not null,
    phase text not null check (phase in ('run', 'finish')),
    result jsonb,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    primary key (run, step)
  )`,
];
