import { z } from "zod";
import { appError } from "../domain/errors.ts";

/** sigstore/protobuf-specs, bundle v0.3, with a DSSE envelope and a plain public key: no certificate, no log, no timestamp. */
export const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
export const statementType = "application/vnd.in-toto+json";

export interface SigstoreBundle {
  /** Which key; none for a bundle that a certificate stands in. */
  readonly hint: string | undefined;
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signature: Buffer;
}

const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, "is no base64");
const Bundle = z.object({
  mediaType: z.literal(bundleType),
  verificationMaterial: z.object({ publicKey: z.object({ hint: z.string().max(1000).optional() }).optional() }),
  dsseEnvelope: z.object({
    payload: base64,
    payloadType: z.string().max(255),
    signatures: z.array(z.object({ sig: base64 })).length(1, "has not one signature, as bundles have"),
  }),
});

export function formatBundle({ hint, payloadType, payload, signature }: SigstoreBundle): Buffer {
  return Buffer.from(
    JSON.stringify({
      mediaType: bundleType,
      verificationMaterial: { publicKey: { hint }, tlogEntries: [] },
      dsseEnvelope: {
        payload: payload.toString("base64"),
        payloadType,
        signatures: [{ sig: signature.toString("base64") }],
      },
    }),
  );
}

/** Throws `signing.attestation-unreadable`; what it gives is not verified. */
export function parseBundle(bytes: Uint8Array): SigstoreBundle {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw unreadable("is no JSON");
  }
  const parsed = Bundle.safeParse(value);
  if (!parsed.success) throw unreadable(z.prettifyError(parsed.error).slice(0, 300));
  const { dsseEnvelope, verificationMaterial } = parsed.data;
  return {
    hint: verificationMaterial.publicKey?.hint,
    payloadType: dsseEnvelope.payloadType,
    payload: Buffer.from(dsseEnvelope.payload, "base64"),
    signature: Buffer.from(dsseEnvelope.signatures[0]?.sig ?? "", "base64"),
  };
}

function unreadable(why: string) {
  return appError("signing.attestation-unreadable", `what is attached is no sigstore bundle with a signed statement: ${why}`);
}
