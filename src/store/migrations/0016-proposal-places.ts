/** Promotions that were opened lately, and those that wait until there is room. */
export const statements = [
  `create table promotion_opening (
    build text primary key,
    image_repository text not null,
    at timestamptz not null
  )`,
  "create index promotion_opening_at on promotion_opening (at)",
  `create table held_promotion (
    image_repository text primary key,
    build text not null,
    built_at timestamptz not null,
    why text not null check (why in ('namespace-full', 'hour-full', 'unreachable')),
    held_at timestamptz not null,
    attempt integer not null
  )`,
];
