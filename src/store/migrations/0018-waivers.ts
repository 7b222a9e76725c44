/** Waivers are never changed: what takes one back is a newer one. */
export const statements = [
  `create table waiver (
    id bigint generated always as identity primary key,
    request_key text not null unique,
    subject_type text not null,
    subject_identifier text not null,
    testcase text not null,
    username text not null,
    product_version text not null,
    waived boolean not null,
    comment text not null,
    at timestamptz not null,
    expires_at timestamptz
  )`,
  "create index waiver_subject on waiver (subject_identifier, subject_type, id)",
];
