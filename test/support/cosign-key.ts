import { generateKeyPairSync } from "node:crypto";

/** A throw-away ECDSA key, P-256 unless said otherwise, as `openssl genpkey` writes it. */
export function makeCosignKey(namedCurve = "P-256"): { readonly privatePem: string; readonly publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
  return {
    privatePem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}
