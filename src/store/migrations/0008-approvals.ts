/** Who approved which commit of a stranger's pull request. */
export const statements = [
  `create table approval (
    forge text not null,
    repository text not null,
    number integer not null,
    head text not null,
    approved_by text not null,
    at timestamptz not null,
    primary key (forge, repository, number, head)
  )`,
];
