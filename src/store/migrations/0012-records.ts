/**
 * Documents of a build, and what the registry has of its images. Logs of before count their age from now on; their chunks stay unpacked. What is
 * packed already is not tried again by PostgreSQL.
 */
export const statements = [
  "alter table build_image add column parts jsonb",
  `create table build_document (
    build text not null references build (id) on delete cascade,
    name text not null,
    seq bigint generated always as identity,
    media_type text not null,
    bytes bigint not null,
    content bytea not null,
    primary key (build, name)
  )`,
  "alter table build_document alter column content set storage external",
  "alter table log add column written_at timestamptz not null default now()",
  "alter table log add column pruned_at timestamptz",
  "create index log_old on log (written_at) where pruned_at is null",
  "alter table log_chunk add column packing text not null default 'none' check (packing in ('none', 'deflate'))",
];
