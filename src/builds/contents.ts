import { z } from "zod";
import type { SourceFile } from "../distgit/sources-file.ts";

/** What the repository's files and its parents say of the build's contents, before an NVR is taken. */
export const LookedContents = z.object({
  /** Labels of the image that the last stage stands on, of those that the site makes equal. */
  inherited: z.record(z.string(), z.string()),
  /** By stage, an argument for USER that brings its last user back; null is root. */
  users: z.array(z.string().nullable()),
  /** Layers of the image that the last stage stands on. */
  baseLayers: z.number(),
  /** Variable that holds the release. */
  releaseEnv: z.string().exactOptional(),
  /** Seconds, as container.yaml wants it. */
  buildtimeLimit: z.number().exactOptional(),
  contentSets: z.record(z.string(), z.array(z.string())),
  sources: z.array(
    z.object({ name: z.string(), hashType: z.enum(["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]), hash: z.string() }),
  ) satisfies z.ZodType<SourceFile[]>,
  /** There is a help.md, which becomes /help.1. */
  help: z.boolean(),
  maintainer: z.string(),
});
export type LookedContents = z.infer<typeof LookedContents>;

/** The same with what the plan decided. */
export const PlannedContents = LookedContents.omit({ inherited: true }).extend({
  component: z.string(),
  name: z.string(),
  version: z.string(),
  /** Of the NVR; of a scratch build made of its id. */
  release: z.string(),
  /** RFC 3339. */
  createdAt: z.string(),
});
export type PlannedContents = z.infer<typeof PlannedContents>;

/** A yum repository file that was fetched for a build. */
export const FetchedRepository = z.object({
  url: z.string(),
  /** Below /etc/yum.repos.d/. */
  name: z.string(),
  text: z.string(),
});
export type FetchedRepository = z.infer<typeof FetchedRepository>;

/** Stands for the release of a scratch build, which has none: its id, in letters that a release may have. */
export function scratchRelease(build: string): string {
  return `0.${build.replaceAll(/[^A-Za-z0-9]+/g, ".").replace(/^\.+|\.+$/g, "") || "0"}`;
}
