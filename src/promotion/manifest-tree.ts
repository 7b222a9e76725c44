import { appError } from "../domain/errors.ts";
import type { ForgeSources } from "../forge/forge.ts";
import { checkImageFile, checkPolicyRegistries } from "./check-image-file.ts";
import type { Fault } from "./fault.ts";
import { formatFault } from "./fault.ts";
import { type ParsedImageFile, parseImageFile, parsePolicy } from "./image-file.ts";
import type { PromotionSettings } from "./promotion-ports.ts";
import { findRoutes, type Policy, policyPath, type Route } from "./registry-manifest.ts";

/** Where files of the registry-manifest repository are read, and the settings that they are compared with. */
export interface ManifestReader {
  readonly forge: Pick<ForgeSources, "findFile">;
  /** Without registries, as in a clone, nothing is compared with settings. */
  readonly settings: Pick<PromotionSettings, "repository"> & Partial<Pick<PromotionSettings, "registries">>;
}

/** One image file at a commit, in order by all rules that need no registry; or its faults. */
export type ImageAtCommit =
  | { readonly ok: true; readonly parsed: ParsedImageFile; readonly policy: Policy; readonly routes: readonly Route[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** The policy at a commit, compared with the settings. Throws `promotion.policy-invalid` naming file, line and fix. */
export async function readPolicy(ports: ManifestReader, commit: string): Promise<Policy> {
  const result = await findPolicy(ports, commit);
  if (result.ok) return result.policy;
  throw faultError("promotion.policy-invalid", result.faults);
}

export async function findPolicy(
  ports: ManifestReader,
  commit: string,
): Promise<{ ok: true; policy: Policy } | { ok: false; faults: readonly Fault[] }> {
  const bytes = await ports.forge.findFile(ports.settings.repository, commit, policyPath);
  if (!bytes) {
    const fix = "write one as docs/registry-manifest.md shows";
    return { ok: false, faults: [{ check: "CK1", file: policyPath, message: "the file is missing", fix }] };
  }
  const parsed = parsePolicy(bytes);
  if (!parsed.ok) return parsed;
  const { registries } = ports.settings;
  const faults = checkPolicyRegistries(parsed.value, registries, parsed.lineOf);
  return faults.length > 0 ? { ok: false, faults } : { ok: true, policy: parsed.value };
}

/** Undefined when the commit has no such file. */
export async function findImageFile(
  ports: ManifestReader,
  commit: string,
  path: string,
  policy: Policy,
): Promise<ImageAtCommit | undefined> {
  const bytes = await ports.forge.findFile(ports.settings.repository, commit, path);
  if (!bytes) return undefined;
  const parsed = parseImageFile(path, bytes);
  if (!parsed.ok) return parsed;
  const faults = checkImageFile(parsed, policy);
  const routes = findRoutes(policy, parsed.value.repository);
  return faults.length > 0 || routes.length === 0 ? { ok: false, faults } : { ok: true, parsed, policy, routes };
}

/** A file below `images/` whose name no repository can have. */
export function misplacedFault(file: string): Fault {
  return { check: "CK1", file, message: "the file is no image file", fix: "name it images/NAMESPACE/NAME.yaml, in lower case" };
}

/** The first fault as an error; all of them in the message of a terminal. */
export function faultError(code: "promotion.policy-invalid" | "promotion.file-invalid", faults: readonly Fault[]) {
  const [first] = faults;
  return appError(code, faults.slice(0, 5).map(formatFault).join("\n"), {
    ...(first ? { file: first.file, hint: first.fix } : {}),
    ...(first?.line === undefined ? {} : { line: first.line }),
  });
}
