/** Each destination of an image file is released, and in order, by itself. What is forgotten here is looked at once more. */
export const statements = [
  "delete from reconciled",
  "alter table reconciled add column registry text not null",
  "alter table reconciled drop constraint reconciled_pkey, add primary key (repository, registry, path)",
  `update release_report set report = report || '{"registry": "production"}'::jsonb`,
];
