import { checkAppendOnly, removedReleases } from "./check-image-file.ts";
import type { Fault } from "./fault.ts";
import { type ParsedImageFile, parseImageFile } from "./image-file.ts";
import type { TextPorts } from "./manifest-sources.ts";
import { findImageFile, findPolicy, type ImageAtCommit, misplacedFault } from "./manifest-tree.ts";
import { type Policy, policyPath, repositoryOfPath } from "./registry-manifest.ts";
import { isRevert } from "./revert.ts";

/** Texts of one commit against those of the base branch; both may be the forge's, or those of a clone. */
export interface TextChange {
  readonly repository: string;
  readonly head: string;
  /** Commit of the base branch; undefined when there is nothing to compare with. */
  readonly baseHead: string | undefined;
  /** Paths that the change touches. */
  readonly changed: readonly string[];
}

/** A changed image file that is in order by itself: what its releases are in the registries is another question. */
export interface ImageText {
  readonly path: string;
  readonly head: Extract<ImageAtCommit, { ok: true }>;
  readonly base: ParsedImageFile | undefined;
  /** Releases that are gone, changed or put in between (CK2). */
  readonly moved: readonly Fault[];
  /** Releases that go out of the file, by a revert when there are no faults. */
  readonly removed: readonly string[];
}

export interface TextCheck {
  readonly faults: readonly Fault[];
  /** Changed files that no release reads. */
  readonly ignored: readonly string[];
  /** Those without a fault of form; CK2 is in `faults` and in their `moved`. */
  readonly images: readonly ImageText[];
  /** The new policy, when it is in order and no image file is changed beside it. */
  readonly policy?: Policy;
}

const mostFiles = 100;

/**
 * CK1, CK2, CK8 and CK9 as far as texts tell: the part of the check of a pull request that needs neither registry nor database. A change is
 * judged by the base branch's policy, never by one that it brings along. `most` image files at once; each costs a pull request's check
 * questions to registries.
 */
export async function checkTexts(ports: TextPorts, change: TextChange, most = mostFiles): Promise<TextCheck> {
  const { changed, head, baseHead } = change;
  const faults: Fault[] = [];
  const found: ImageText[] = [];
  const ignored = changed.filter((path) => path !== policyPath && !path.startsWith("images/"));
  const paths = changed.filter((path) => path.startsWith("images/"));
  const isPolicyChanged = changed.includes(policyPath);
  if (isPolicyChanged && paths.length > 0 && baseHead !== undefined) {
    const fix = "make two pull requests, the one for the policy first";
    const what = paths.length === 1 ? paths[0] : `${paths.length} image files`;
    faults.push({ check: "CK1", file: policyPath, message: `the policy is changed together with ${what}`, fix });
  }
  if (paths.length > most) {
    const message = `${paths.length} image files are changed`;
    faults.push({ check: "CK1", file: paths[most] ?? "", message, fix: `change at most ${most} at once` });
    return { faults, ignored, images: found };
  }
  const fresh = isPolicyChanged ? await findPolicy(ports, head) : undefined;
  if (fresh && !fresh.ok) faults.push(...fresh.faults);
  if (paths.length === 0) return { faults, ignored, images: found, ...(fresh?.ok ? { policy: fresh.policy } : {}) };
  const policy = await findPolicy(ports, baseHead ?? head);
  if (!policy.ok)
    return { faults: [...faults, ...policy.faults.filter((one) => !faults.some((two) => isSame(one, two)))], ignored, images: found };
  for (const path of paths) {
    const image = await checkImageText(ports, change, path, policy.policy);
    faults.push(...image.faults);
    if (image.text) found.push(image.text);
  }
  return { faults, ignored, images: found };
}

interface CheckedText {
  readonly faults: readonly Fault[];
  readonly text?: ImageText;
}

async function checkImageText(ports: TextPorts, change: TextChange, path: string, policy: Policy): Promise<CheckedText> {
  const { repository, head: commit, baseHead } = change;
  if (repositoryOfPath(path) === undefined) {
    // Taking such a file away mends something.
    return { faults: (await ports.forge.findFile(repository, commit, path)) ? [misplacedFault(path)] : [] };
  }
  const base = baseHead === undefined ? undefined : await readBase(ports, repository, baseHead, path);
  const head = await findImageFile(ports, commit, path, policy);
  if (!head) {
    if (!base) return { faults: [] };
    const fix = "put it back; withdraw releases that nobody may use";
    return { faults: [{ check: "CK2", file: path, message: "the file is deleted, releases are append-only", fix }] };
  }
  if (!head.ok) return { faults: head.faults };
  const removed = base ? removedReleases(base, head.parsed) : [];
  const reverted =
    baseHead !== undefined && removed.length > 0 && (await isRevert(ports, { repository, head: commit, baseHead }, path, head.parsed.text));
  const moved = base ? checkAppendOnly(base, head.parsed, reverted) : [];
  return { faults: moved, text: { path, head, base, moved, removed } };
}

async function readBase(ports: TextPorts, repository: string, commit: string, path: string): Promise<ParsedImageFile | undefined> {
  const bytes = await ports.forge.findFile(repository, commit, path);
  const parsed = bytes && parseImageFile(path, bytes);
  return parsed?.ok ? parsed : undefined;
}

function isSame(one: Fault, two: Fault): boolean {
  return one.file === two.file && one.line === two.line && one.message === two.message;
}
