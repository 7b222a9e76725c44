import { createHash } from "node:crypto";
import type { Digest } from "../domain/digest.ts";
import { formatNvr, type Nvr } from "../domain/nvr.ts";
import { type Platform, rpmArchitecture } from "../domain/platform.ts";

/** What a result is about, as ResultsDB keeps it: each key with one or more texts. */
export type ResultData = Readonly<Record<string, readonly string[]>>;

/** What was tested. */
export interface TestedImage {
  /** Undefined for a scratch build. */
  readonly nvr?: Nvr;
  readonly scratch: boolean;
  readonly repository: string;
  readonly commit: string;
  readonly platform: Platform;
  /** Of the image of that platform. */
  readonly imageDigest: Digest;
  /** Of the manifest list, which tags point to. Unknown in journals of older releases. */
  readonly digest?: Digest;
  /** `registry/repository:tag`, without `registry/repository@digest`. */
  readonly fullNames: readonly string[];
}

/**
 * The data of a result. The item of an official build is its NVR and its type `koji_build`, as Greenwave's policies for images ask; a scratch build has
 * no NVR, so its item is the digest that its tag points to, of type `container-image`. ResultsDB makes lists of texts of all values (`["False"]`), so
 * they are texts here already. No key has a colon: that is how its queries say `like`. Pure.
 */
export function resultData(image: TestedImage): ResultData {
  const digest = image.digest ?? image.imageDigest;
  const nvr = image.nvr === undefined ? undefined : formatNvr(image.nvr);
  const data: Record<string, readonly string[]> = {
    item: [nvr ?? digest],
    type: [nvr === undefined ? "container-image" : "koji_build"],
    digest: [digest],
    image_digest: [image.imageDigest],
    ...(nvr === undefined ? {} : { nvr: [nvr] }),
    full_names: image.fullNames,
    system_architecture: [rpmArchitecture(image.platform)],
    scratch: [image.scratch ? "True" : "False"],
    source_repository: [image.repository],
    source_commit: [image.commit],
  };
  return Object.fromEntries(Object.entries(data).filter(([, values]) => values.length > 0));
}

/**
 * The group that all results of a build are in: the same UUID each time, of RFC 9562's version 8 (SHA-256 of a name). The store makes the same one for
 * results of older releases.
 */
export function groupOf(build: string): string {
  const hex = createHash("sha256").update(`flibs build ${build}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
