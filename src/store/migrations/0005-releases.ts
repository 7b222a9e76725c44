/** What the release flow remembers. */
export const statements = [
  `create table reconciled (
    repository text not null,
    path text not null,
    blob text not null,
    policy_blob text not null,
    commit text not null,
    at text not null,
    primary key (repository, path)
  )`,
  `create table release_report (
    run text not null,
    image_repository text not null,
    seq bigint generated always as identity,
    report jsonb not null,
    primary key (run, image_repository)
  )`,
  "create index release_report_newest on release_report (image_repository, seq desc)",
];
