/** Live logs. Chunks are bytes, since a log's offsets are; text in PostgreSQL could not hold NUL. */
export const statements = [
  `create table log (
    run text not null,
    name text not null,
    bytes bigint not null default 0,
    closed boolean not null default false,
    seq bigint generated always as identity,
    primary key (run, name)
  )`,
  `create table log_chunk (
    run text not null,
    name text not null,
    start bigint not null,
    content bytea not null,
    primary key (run, name, start),
    foreign key (run, name) references log (run, name) on delete cascade
  )`,
];
