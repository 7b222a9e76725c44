/**
 * Bodies of deliveries that are written together are packed together (`src/store/delivery-packs.ts`) and stand in a table of their own; `start` and
 * `length` tell a delivery's part of its pack. Each body from before becomes a pack of its own, which is the delivery's as a whole.
 */
export const statements = [
  `create table delivery_pack (
    id text primary key,
    packing text not null check (packing in ('none', 'deflate', 'zstd')),
    bytes bytea not null
  )`,
  "alter table delivery_pack alter column bytes set storage external",
  "insert into delivery_pack select id, packing, body from delivery",
  "alter table delivery add column pack text references delivery_pack, add column start integer, add column length integer",
  "update delivery set pack = id",
  "alter table delivery alter column pack set not null, drop column body, drop column packing",
  "alter table delivery reset (toast_tuple_target)",
];
