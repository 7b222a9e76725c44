/** What lint found, and what a build of a pull request was narrowed to. */
export const statements = [
  "alter table build add column findings jsonb",
  "alter table build add column architectures jsonb",
  "alter table build add column stranger jsonb",
];
