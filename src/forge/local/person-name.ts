import { appError } from "../../domain/errors.ts";

/** A person as the CLI or the operating system names them; no white space, so that it can't break a commit's header. */
export function isPersonName(person: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$/.test(person) && person !== "unknown";
}

export function checkPerson(person: string): string {
  if (isPersonName(person)) return person;
  throw appError("forge.name-invalid", `"${person.slice(0, 100)}" is no name of a person`, { hint: "Use letters, digits and . _ @ + -" });
}
