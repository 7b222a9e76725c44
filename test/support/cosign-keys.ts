import { generateKeyPairSync } from "node:crypto";

/** A throw-away ECDSA P-256 pair: private as PKCS#8 PEM, public as SPKI PEM, which is what `cosign --key` reads. */
export function cosignKeys(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}
