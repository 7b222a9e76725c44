/** One row: what sets this installation's containers apart on an engine. */
export const statements = [
  `create table installation (
    the boolean primary key default true check (the),
    id text not null
  )`,
  "create index build_names on build (nvr_name, image_repository)",
];
