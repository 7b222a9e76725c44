import type { BuildStore } from "../builds/build-record.ts";
import type { Forge, ForgePulls, ForgeSources } from "../forge/forge.ts";
import type { ImageCopier, Registries } from "../registry/registry.ts";
import type { Signers } from "../signing/signer.ts";
import type { Runs } from "../workflow/run.ts";
import type { ReleaseSigner } from "./release-signer.ts";
import type { ReleaseStore } from "./release-store.ts";

/** What the promotion room works with; put together in `app.ts`. */
export interface PromotionPorts {
  readonly forge: ForgeSources & ForgePulls & Pick<Forge, "capabilities">;
  readonly builds: Pick<BuildStore, "find" | "findByDigest">;
  readonly registries: Registries;
  readonly copier: ImageCopier;
  /** Finds and checks signatures; what is released is signed through {@link releaseSigner} only. */
  readonly signers: Signers;
  readonly releaseSigner: ReleaseSigner;
  readonly releases: ReleaseStore;
  readonly runs: Pick<Runs, "start" | "list">;
  now(): Date;
  readonly settings: PromotionSettings;
}

export interface RegistryFacts {
  readonly endpoint: string;
  readonly publicName: string;
  /** Name of the keys that sign what is in it. */
  readonly signingKey: string;
  /** Each platform of a release gets a tag, so that the registry's garbage collection leaves it alone. */
  readonly childTags: boolean;
}

export interface PromotionSettings {
  /** The registry-manifest repository, and the branch whose head is released. */
  readonly repository: string;
  readonly branch: string;
  /** By name in the settings; `publicName` is what users type, `signingKey` the name of the keys. */
  readonly registries: Readonly<Record<string, RegistryFacts>>;
  /** Page of a build or run; undefined when there is no web page. */
  pageOf(run: string): string | undefined;
}
