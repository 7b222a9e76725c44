/** Builds, what is in their images, their tests. */
export const statements = [
  `create table build (
    id text primary key,
    seq bigint generated always as identity,
    forge text not null,
    repository text not null,
    branch text not null,
    commit text not null,
    scratch boolean not null,
    requested_by text not null,
    pull integer,
    state text not null default 'building' check (state in ('building', 'complete', 'failed', 'cancelled')),
    nvr_name text,
    nvr_version text,
    nvr_release text,
    plan jsonb,
    image_repository text,
    digest text,
    error jsonb,
    promotion jsonb,
    created_at timestamptz not null default now(),
    finished_at timestamptz
  )`,
  // A failed or cancelled build gives its NVR back.
  `create unique index build_nvr on build (nvr_name, nvr_version, nvr_release) where state in ('building', 'complete')`,
  "create index build_newest on build (seq desc)",
  "create index build_repository on build (repository, seq desc)",
  "create index build_image_repository on build (image_repository, seq desc)",
  "create index build_digest on build (digest, seq desc) where digest is not null",
  `create table build_image (
    build text not null references build (id) on delete cascade,
    platform text not null,
    image jsonb not null,
    rpms jsonb not null,
    primary key (build, platform)
  )`,
  `create table build_test (
    build text not null references build (id) on delete cascade,
    suite text not null,
    seq bigint generated always as identity,
    result jsonb not null,
    primary key (build, suite)
  )`,
];
