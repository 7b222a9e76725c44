import { z } from "zod";
import type { BuildRecord } from "../builds/build-record.ts";
import { Digest } from "../builds/digest-schema.ts";
import type { Digest as ImageDigest } from "../domain/digest.ts";
import type { Maker } from "./document.ts";

/** A log as it is given to Koji: a file of the exact bytes that are described. */
export const DescribedLog = z.object({ filename: z.string(), architecture: z.string(), sizeBytes: z.number(), sha256: z.string() });
export type DescribedLog = z.infer<typeof DescribedLog>;

/** What the step `describe` found out, so that documents made of it are the same on every attempt. */
export const Described = z.object({
  /** ISO 8601. */
  finishedAt: z.string(),
  /** Address that git clones from. */
  source: z.string(),
  /** Digest of the manifest list, and its type. */
  index: z.object({ digest: Digest, mediaType: z.string() }),
  engine: z.string(),
  logs: z.array(DescribedLog),
});
export type Described = z.infer<typeof Described>;

/** Everything that documents are made of; they are pure functions of it. */
export interface FinishedBuild {
  readonly build: BuildRecord;
  readonly described: Described;
  /** `host[:port]` that users pull candidates from. */
  readonly publicName: string;
  readonly maker: Maker;
}

/** Images in the registry, which is what a finished build's are. */
export function pushedImages({ images }: BuildRecord): readonly (BuildRecord["images"][number] & { readonly digest: ImageDigest })[] {
  return images.flatMap((image) => (image.digest === undefined ? [] : [{ ...image, digest: image.digest }]));
}
