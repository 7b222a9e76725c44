import { createPrivateKey, type KeyObject } from "node:crypto";
import { appError } from "../../domain/errors.ts";

/**
 * The App's private key as PEM text. It may come as it was downloaded, with line feeds written `\n`, or in base64, since environment variables
 * and files of secrets are filled in all three ways. Throws `forge.app-key-invalid`.
 */
export function parseAppKey(text: string, appId: number): string {
  const trimmed = text.trim().replace(/^(["'])([\s\S]*)\1$/, "$2");
  const plain = trimmed.includes("-----BEGIN") ? trimmed : Buffer.from(trimmed, "base64").toString("latin1");
  const pem = `${plain.replaceAll("\\n", "\n").replaceAll("\r", "").trim()}\n`;
  if (readKey(pem)?.asymmetricKeyType === "rsa") return pem;
  throw appError("forge.app-key-invalid", `the private key of GitHub App ${appId} is no RSA key in PEM format`, {
    hint: `Generate one on the settings page of App ${appId} and give the whole file, from -----BEGIN to -----END`,
  });
}

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
