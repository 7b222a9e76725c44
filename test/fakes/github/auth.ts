import { type KeyObject, verify } from "node:crypto";
import type { Caller } from "./routes/call.ts";
import { Refusal, type World } from "./world.ts";

/** A refusal of the App's JWT that no clock or revocation explains: the client builds it wrongly. */
export class BadJwt extends Refusal {}

interface Claims {
  readonly iss?: string | number;
  readonly iat?: number;
  readonly exp?: number;
}

/** Who calls. Throws 401; a GitHub without credentials is of no use to an App, so anonymous calls are refused as well. */
export function authenticate(world: World, publicKey: KeyObject, header: string | undefined): Caller {
  const [scheme = "", credential = ""] = (header ?? "").split(" ");
  if (!/^(bearer|token)$/i.test(scheme) || credential === "") throw new Refusal(401, "Requires authentication");
  if (credential.startsWith("ghs_")) return byToken(world, credential);
  if (credential.split(".").length === 3) return byJwt(world, publicKey, credential);
  throw new Refusal(401, "Bad credentials");
}

export function byToken(world: World, credential: string): Extract<Caller, { readonly kind: "installation" }> {
  const token = world.data.tokens.get(credential);
  const installation = token && world.data.installations.get(token.installation);
  if (!token || !installation || Date.parse(token.expiresAt) <= world.now().getTime()) throw new Refusal(401, "Bad credentials");
  if (installation.suspendedAt !== null) throw new Refusal(403, "This installation has been suspended");
  return { kind: "installation", installation, token };
}

function byJwt(world: World, publicKey: KeyObject, jwt: string): Caller {
  const [head = "", body = "", signature = ""] = jwt.split(".");
  const header = decoded<{ readonly alg?: string }>(head);
  const claims = decoded<Claims>(body);
  if (!header || !claims) throw new BadJwt(401, "A JSON web token could not be decoded");
  const isSigned =
    header.alg === "RS256" && verify("RSA-SHA256", Buffer.from(`${head}.${body}`), publicKey, Buffer.from(signature, "base64url"));
  if (!isSigned) throw new BadJwt(401, "A JSON web token could not be decoded");
  if (String(claims.iss) !== String(world.app.id) && claims.iss !== world.app.clientId) {
    throw new BadJwt(401, "'Issuer' claim ('iss') must be an Integer");
  }
  const now = world.now().getTime() / 1000;
  const { iat, exp } = claims;
  if (typeof exp !== "number" || exp <= now) {
    throw new Refusal(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  }
  if (typeof iat !== "number" || iat > now + 60) {
    throw new Refusal(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
  }
  // Ten minutes from when it was issued, with a minute for clocks that differ; a client whose clock is far off is told by `Date` above.
  if (exp - iat > 660) throw new BadJwt(401, "'Expiration time' claim ('exp') is too far in the future");
  if (exp > now + 600) throw new Refusal(401, "'Expiration time' claim ('exp') is too far in the future");
  return { kind: "app" };
}

function decoded<T>(part: string): T | undefined {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
