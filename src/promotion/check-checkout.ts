import { checkTexts } from "./check-texts.ts";
import type { Fault } from "./fault.ts";
import { formatImageFile } from "./format-image-file.ts";
import { type ManifestCheckout, type TextPorts, workTree } from "./manifest-sources.ts";
import { policyPath, repositoryOfPath } from "./registry-manifest.ts";

export interface CheckoutChoice {
  /** Commit or branch to compare with; the clone's own idea of the main branch when left out. */
  readonly since: string | undefined;
  /** Every file, not only those that differ. */
  readonly all: boolean;
}

export interface CheckoutCheck {
  /** Commit that was compared with; null when there was none, and then every file is checked by itself. */
  readonly base: string | null;
  readonly policyChanged: boolean;
  /** Image files that were read and checked. */
  readonly images: number;
  readonly faults: readonly Fault[];
}

/**
 * Everything about a clone's texts that can be known without settings, registries, database and network. Reads what differs from the base
 * and the policy, so thousands of other files cost nothing; a changed policy is tried on every file.
 */
export async function checkCheckout(checkout: ManifestCheckout, { since, all }: CheckoutChoice): Promise<CheckoutCheck> {
  const ports = portsOf(checkout);
  const base = await checkout.findBase(since);
  const changed = base === undefined ? await checkout.listPaths() : await checkout.listChanged(base);
  const change = { repository: "", head: workTree, baseHead: base, changed };
  const first = await checkTexts(ports, change, Number.POSITIVE_INFINITY);
  const policyChanged = base !== undefined && changed.includes(policyPath);
  const isWhole = base !== undefined && (all || first.policy !== undefined);
  const isChanged = new Set(changed);
  const rest = isWhole ? (await checkout.listPaths()).filter((path) => path.startsWith("images/") && !isChanged.has(path)) : [];
  const others = await checkTexts(ports, { ...change, baseHead: undefined, changed: rest }, Number.POSITIVE_INFINITY);
  const images = [...changed, ...rest].filter((path) => path.startsWith("images/")).length;
  const faults = [...first.faults, ...others.faults].sort((a, b) =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : (a.line ?? 0) - (b.line ?? 0),
  );
  return { base: base ?? null, policyChanged, images, faults };
}

export interface CheckoutFormat {
  /** Image files that were looked at. */
  readonly images: number;
  /** Those that are not in the one form, or were not until now. */
  readonly changed: readonly string[];
  /** What only a person can mend; such files are left as they are. */
  readonly faults: readonly Fault[];
}

/** Brings image files into their one form; writes when `write` is true. A named path need not differ from anything. */
export async function formatCheckout(
  checkout: ManifestCheckout,
  choice: CheckoutChoice & { readonly paths: readonly string[]; readonly write: boolean },
): Promise<CheckoutFormat> {
  const changed: string[] = [];
  const faults: Fault[] = [];
  const paths = await choosePaths(checkout, choice);
  for (const path of paths) {
    const bytes = await checkout.sources.findFile("", workTree, path);
    if (!bytes) continue;
    const formatted = formatImageFile(path, bytes);
    if (!formatted.ok) faults.push(...formatted.faults);
    if (!formatted.ok || !formatted.changed) continue;
    if (!choice.write || (await checkout.writeFile(path, formatted.text))) changed.push(path);
    else faults.push({ check: "CK1", file: path, message: "the file is a link", fix: "make it a plain file" });
  }
  return { images: paths.length, changed, faults };
}

async function choosePaths(checkout: ManifestCheckout, choice: CheckoutChoice & { readonly paths: readonly string[] }) {
  if (choice.paths.length > 0) return choice.paths;
  const base = choice.all ? undefined : await checkout.findBase(choice.since);
  const listed = base === undefined ? await checkout.listPaths() : await checkout.listChanged(base);
  return listed.filter((path) => path.startsWith("images/") && repositoryOfPath(path) !== undefined);
}

function portsOf(checkout: ManifestCheckout): TextPorts {
  return { forge: checkout.sources, settings: { repository: "" } };
}
