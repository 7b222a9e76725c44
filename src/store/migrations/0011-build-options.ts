/**
 * What a build was asked for beside its commit (isolated, release, yum repositories, parent build, target, userdata; null of older builds), the
 * tag that is its alone, and the destination tags that it is in.
 */
export const statements = [
  "alter table build add column options jsonb",
  "alter table build add column unique_tag text",
  // Two images under one tag that never moves would be the end of all trust in it. Older builds have none here.
  "create unique index build_unique_tag on build (image_repository, unique_tag) where unique_tag is not null",
  `create table destination_tag (
    tag text not null,
    build text not null references build (id) on delete cascade,
    tagged_at timestamptz not null,
    primary key (tag, build)
  )`,
];
