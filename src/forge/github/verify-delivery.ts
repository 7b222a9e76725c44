import { createHmac, timingSafeEqual } from "node:crypto";
import { appError } from "../../domain/errors.ts";
import type { RawDelivery } from "../forge.ts";

/** GitHub's id of a delivery, a redelivery's too: a GUID. Its version is GitHub's business. */
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** `push`, `issue_comment`. */
const eventName = /^[a-z][a-z0-9_]{0,99}$/;
const prefix = "sha256=";
const hexDigits = 64;

/**
 * Checks a delivery as GitHub's "Validating webhook deliveries" describes it: `X-Hub-Signature-256` is `sha256=` and the HMAC-SHA256 of the
 * raw body in hexadecimal. All secrets are compared, whichever fits, and in constant time; two stand side by side while the hook's secret
 * is changed. An empty secret fits nothing. The body is not parsed.
 *
 * Returns the delivery's GUID, in lower case: duplicates are known by it. Throws `intake.signature-missing`, `intake.signature-wrong`,
 * `intake.delivery-malformed`.
 */
export function verifyDelivery(delivery: RawDelivery, secrets: readonly string[]): string {
  const signature = headerOf(delivery, "x-hub-signature-256");
  if (signature === undefined || signature === "") throw appError("intake.signature-missing", "the delivery has no X-Hub-Signature-256");
  if (!isSigned(delivery.body, signature, secrets)) {
    throw appError("intake.signature-wrong", "the delivery's signature fits none of the secrets", {
      hint: "The webhook of the GitHub App and the settings must name the same secret",
    });
  }
  const id = headerOf(delivery, "x-github-delivery") ?? "";
  if (!guid.test(id)) throw appError("intake.delivery-malformed", "the delivery's X-GitHub-Delivery is missing or no GUID");
  if (!eventName.test(headerOf(delivery, "x-github-event") ?? "")) {
    throw appError("intake.delivery-malformed", "the delivery's X-GitHub-Event is missing or no name of an event");
  }
  return id.toLowerCase();
}

function isSigned(body: Uint8Array, signature: string, secrets: readonly string[]): boolean {
  // Bytes, not the text: `Buffer.from(…, "hex")` stops at what is no digit, so that its length tells.
  const given = Buffer.from(signature.slice(prefix.length), "hex");
  const shaped = signature.startsWith(prefix) && signature.length === prefix.length + hexDigits && given.length === hexDigits / 2;
  let fits = false;
  for (const secret of secrets) {
    const wanted = createHmac("sha256", secret).update(body).digest();
    if (shaped && secret !== "" && timingSafeEqual(given, wanted)) fits = true;
  }
  return fits;
}

/** Node's headers are in lower case; those that GitHub's API tells of a delivery are not. */
function headerOf(delivery: RawDelivery, name: string): string | undefined {
  return delivery.headers[name] ?? Object.entries(delivery.headers).find(([key]) => key.toLowerCase() === name)?.[1];
}
