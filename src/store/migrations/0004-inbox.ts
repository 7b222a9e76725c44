/** Deliveries, and where the forges' sweeps have got to. */
export const statements = [
  `create table delivery (
    id text primary key,
    seq bigint generated always as identity,
    forge text not null,
    delivery_id text not null,
    headers jsonb not null,
    body bytea not null,
    status text not null default 'stored' check (status in ('stored', 'done', 'failed')),
    outcome text,
    attempt integer not null default 0,
    look_at timestamptz not null default now(),
    received_at timestamptz not null default now(),
    unique (forge, delivery_id)
  )`,
  "create index delivery_newest on delivery (seq desc)",
  "create index delivery_due on delivery (look_at) where status = 'stored'",
  "create table cursor (name text primary key, cursor text not null)",
];
