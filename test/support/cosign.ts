import { execFileSync } from "node:child_process";
import { type ProgramResult, runProgram } from "./skopeo.ts";

/** Why there is no cosign on this machine; undefined when there is one. Tests that need it are skipped with this reason, never silently. */
export const cosignMissing: string | undefined = (() => {
  try {
    execFileSync("cosign", ["version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "cosign is not installed: scripts/setup --tests says why";
  }
})();

/** Real cosign, held to this machine: it would ask its public servers for keys otherwise. */
export async function cosign(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ProgramResult> {
  const closed = "http://127.0.0.1:1";
  return runProgram("cosign", args, { HTTPS_PROXY: closed, HTTP_PROXY: closed, NO_PROXY: "127.0.0.1", ...env });
}

/** `cosign verify` by one public key, without any transparency log. */
export async function cosignVerify(image: string, publicKeyFile: string): Promise<ProgramResult> {
  return cosign(["verify", "--key", publicKeyFile, "--insecure-ignore-tlog=true", "--allow-http-registry", image]);
}
