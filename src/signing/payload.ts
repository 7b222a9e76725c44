import type { Digest } from "../domain/digest.ts";
import { isDigest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import type { SignatureKind } from "./signer.ts";

/**
 * The text inside a signature: exactly what a consumer's containers/image will read.
 * Specifications: containers/image `docs/containers-signature.5.md`; sigstore/cosign `specs/SIGNATURE_SPEC.md`, the same text but for the type.
 */
export interface SignaturePayload {
  readonly digest: Digest;
  /** `docker-reference`: the name that the digest may be called by. */
  readonly publicName: string;
  readonly creator?: string;
  /** Unix time, whole seconds. */
  readonly timestamp?: number;
}

const payloadTypes: Readonly<Record<SignatureKind, string>> = {
  openpgp: "atomic container signature",
  cosign: "cosign container image signature",
};

/** The exact text that is signed; `timestamp` is cut to whole seconds, since clients refuse a fraction. */
export function formatPayload(payload: Required<SignaturePayload>, kind: SignatureKind = "openpgp"): string {
  return JSON.stringify({
    critical: {
      identity: { "docker-reference": payload.publicName },
      image: { "docker-manifest-digest": payload.digest },
      type: payloadTypes[kind],
    },
    optional: { creator: payload.creator, timestamp: Math.floor(payload.timestamp) },
  });
}

/**
 * As strict as containers/image: unknown members are refused everywhere but in `optional`, duplicate members everywhere, so that two
 * readers can't understand one signature in two ways. Only cosign's may have `optional: null`. Throws `signing.payload-invalid`.
 */
export function parsePayload(text: string, kind: SignatureKind = "openpgp"): SignaturePayload {
  const top = members("payload", parseOnce(text), ["critical", "optional"]);
  const critical = members("critical", top.critical, ["identity", "image", "type"]);
  const identity = members("critical.identity", critical.identity, ["docker-reference"]);
  const image = members("critical.image", critical.image, ["docker-manifest-digest"]);
  const optional = kind === "cosign" && top.optional === null ? {} : record("optional", top.optional);
  if (critical.type !== payloadTypes[kind]) throw refuse(`has type ${JSON.stringify(critical.type)}`);
  const publicName = identity["docker-reference"];
  const digest = image["docker-manifest-digest"];
  if (typeof publicName !== "string" || publicName === "") throw refuse("has no docker-reference");
  if (typeof digest !== "string" || !isDigest(digest)) throw refuse("has no valid docker-manifest-digest");
  const { creator, timestamp } = optional;
  if (creator !== undefined && typeof creator !== "string") throw refuse("has a creator that is no text");
  if (timestamp !== undefined && !Number.isSafeInteger(timestamp)) throw refuse("has a timestamp that is no whole number");
  return {
    digest,
    publicName,
    ...(creator === undefined ? {} : { creator }),
    ...(timestamp === undefined ? {} : { timestamp: timestamp as number }),
  };
}

function parseOnce(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw appError("signing.payload-invalid", "the signed text is not JSON", { cause });
  }
  const repeated = findRepeatedMember(text);
  if (repeated !== undefined) throw refuse(`has the member ${repeated} twice`);
  return value;
}

/** `text` is valid JSON already, so only strings and brackets matter; JSON.parse itself would silently keep the last of two members. */
function findRepeatedMember(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (token.endsWith(":")) {
      const name: string = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1));
      const seen = open.at(-1);
      if (seen?.has(name)) return JSON.stringify(name);
      seen?.add(name);
    }
  }
  return undefined;
}

function members(where: string, value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  const object = record(where, value);
  const unknown = Object.keys(object).find((name) => !names.includes(name));
  if (unknown !== undefined) throw refuse(`has an unknown member ${JSON.stringify(unknown)} in ${where}`);
  const missing = names.find((name) => !Object.hasOwn(object, name));
  if (missing !== undefined) throw refuse(`has no member ${missing} in ${where}`);
  return object;
}

function record(where: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw refuse(`has no object ${where}`);
}

function refuse(why: string) {
  return appError("signing.payload-invalid", `the signed text ${why.slice(0, 200)}`);
}
