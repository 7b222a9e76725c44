import { fullName, type Project, type Token, type World } from "./state.ts";

/** What a request is answered with. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  /** Instead of JSON. */
  readonly html?: string;
}

/** Thrown by whatever refuses a request. */
export class Refusal extends Error {
  readonly answer: Answer;
  constructor(status: number, error: string, code: string, errors?: unknown) {
    super(error);
    this.answer = { status, body: { error, error_code: code, ...(errors === undefined ? {} : { errors }) } };
  }
}

/** How Pagure's own bugs look. */
export const fatal: Answer = {
  status: 500,
  html: "<!DOCTYPE html>\n<html lang='en'><head><title>A fatal error occured :'( - Pagure</title></head><body>(page shortened)</body></html>\n",
};

export const invalid = (errors: unknown) => new Refusal(400, "Invalid or incomplete input submitted", "EINVALIDREQ", errors);
export const unknownPull = () => new Refusal(404, "Pull-Request not found", "ENOREQ");
export const unknownProject = () => new Refusal(404, "Project not found", "ENOPROJECT");
export const unknownCommit = () => new Refusal(404, "Commit not found in this repository", "ENOCOMMIT");

/** The token of a request, when it may do this; ACLs are fixed, and a project's token is good for that project only. */
export function authorize(world: World, header: string | undefined, acl: string | undefined, project?: Project): Token {
  const text = `Invalid or expired token. Please visit ${world.instance}settings#nav-api-tab to get or renew your API token.`;
  const refuse = (errors?: string) => new Refusal(401, text, "EINVALIDTOK", errors);
  const token = world.tokens.get(/^token (\S+)$/.exec(header ?? "")?.[1] ?? "");
  if (token === undefined || token.expires <= world.now()) throw refuse();
  if (token.project !== undefined && project !== undefined && token.project !== fullName(project)) throw refuse();
  if (acl !== undefined && !token.acls.includes(acl)) throw refuse(`Missing ACLs: ${acl}`);
  return token;
}
