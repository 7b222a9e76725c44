/**
 * Each destination of an image file is released, and in order, by itself. What is forgotten here is looked at once more. And which floating tags
 * may be moved although somebody else moved them: never removed, it tells an auditor who allowed what.
 */
export const statements = [
  "delete from reconciled",
  "alter table reconciled add column registry text not null",
  "alter table reconciled drop constraint reconciled_pkey, add primary key (repository, registry, path)",
  `create table accepted_drift (
    registry text not null,
    image_repository text not null,
    tag text not null,
    digest text not null,
    accepted_by text not null,
    accepted_at timestamptz not null default now(),
    primary key (registry, image_repository, tag, digest)
  )`,
  `update release_report set report = report || '{"registry": "production"}'::jsonb`,
];
