import { z } from "zod";
import { type Digest, digestHex } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";

/** github.com/in-toto/attestation, spec/v1, as far as flibs reads it. */
export interface Statement {
  readonly subject: readonly { readonly name?: string | undefined; readonly digest: Readonly<Record<string, string>> }[];
  readonly predicateType: string;
  readonly predicate: unknown;
}

const mostSubjects = 1000;
const Statement = z.object({
  _type: z.literal("https://in-toto.io/Statement/v1"),
  subject: z
    .array(z.object({ name: z.string().optional(), digest: z.record(z.string(), z.string()) }))
    .min(1)
    .max(mostSubjects),
  predicateType: z.string().min(1).max(1000),
  predicate: z.unknown(),
});

/** One line of JSON: the bytes that are signed. */
export function formatStatement(name: string, digest: Digest, predicateType: string, predicate: unknown): string {
  const subject = [{ name, digest: { sha256: digestHex(digest) } }];
  return JSON.stringify({ _type: "https://in-toto.io/Statement/v1", subject, predicateType, predicate });
}

/** Throws `signing.attestation-unreadable`. */
export function parseStatement(bytes: Uint8Array): Statement {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw unreadable("is no JSON");
  }
  const parsed = Statement.safeParse(value);
  if (!parsed.success) throw unreadable(z.prettifyError(parsed.error).slice(0, 300));
  return parsed.data;
}

/** Is the digest one of those that the statement is about? */
export function isAbout({ subject }: Statement, digest: Digest): boolean {
  return subject.some((one) => one.digest.sha256 === digestHex(digest));
}

function unreadable(why: string) {
  return appError("signing.attestation-unreadable", `what is attached is no in-toto statement: ${why}`);
}
