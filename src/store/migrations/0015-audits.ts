/** What audits found, and when each was. */
export const statements = [
  `create table audit (
    id text primary key,
    seq bigint generated always as identity,
    whole boolean not null,
    finished_at timestamptz not null,
    audit jsonb not null
  )`,
  "create index audit_newest on audit (seq desc)",
  `create table audit_finding (
    registry text not null,
    image_repository text not null,
    tag text not null,
    digest text not null,
    state text not null,
    message text not null,
    pending boolean not null,
    first_seen_at timestamptz not null,
    seen_at timestamptz not null,
    told_at timestamptz,
    primary key (registry, image_repository, tag, digest, state)
  )`,
];
