/**
 * Bodies come packed (`src/store/packed-body.ts`), so that PostgreSQL need not try it again; a row of up to 8 kB then stands in the table
 * itself instead of in pieces of 2 kB, each with an index entry, beside it. Rows from before stay as they are. Headers are only ever read
 * as a whole, and their text is cheaper to take in. The newest are found from the end of an index as well, and one that grows at its
 * end fills its pages.
 */
export const statements = [
  "alter table delivery add column packing text not null default 'none' check (packing in ('none', 'deflate'))",
  "alter table delivery alter column body set storage external",
  "alter table delivery set (toast_tuple_target = 8160)",
  "alter table delivery alter column headers type json using headers::json",
  "drop index delivery_newest",
  "create index delivery_newest on delivery (seq)",
];
