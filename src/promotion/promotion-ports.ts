import type { BuildStore } from "../builds/build-record.ts";
import type { Gate } from "../builds/gate.ts";
import type { Forge, ForgePulls, ForgeSources } from "../forge/forge.ts";
import type { ReferrerRegistry } from "../registry/referrers.ts";
import type { ImageCopier } from "../registry/registry.ts";
import type { Turns } from "../registry/turns.ts";
import type { AttestationKeys } from "../signing/dsse.ts";
import type { Signers } from "../signing/signer.ts";
import type { Runs } from "../workflow/run.ts";
import type { ProposalPlaces } from "./proposal-places.ts";
import type { ReleaseSigner } from "./release-signer.ts";
import type { ReleaseStore } from "./release-store.ts";
import type { VulnerabilityScanner } from "./vulnerability-scanner.ts";

/** What the promotion room works with; put together in `app.ts`. */
export interface PromotionPorts {
  readonly forge: ForgeSources & ForgePulls & Pick<Forge, "capabilities">;
  readonly builds: Pick<BuildStore, "find" | "findByDigest" | "findDocument" | "savePromotion">;
  /** Decides whether a build may be released. */
  readonly gate: Gate;
  /** By name in the settings. */
  readonly registries: { named(name: string): ReferrerRegistry };
  /** For changes of what stands in a registry under a name that others change, too. */
  readonly turns: Turns;
  readonly copier: ImageCopier;
  /** Finds and checks signatures; what is released is signed through {@link releaseSigner} only. */
  readonly signers: Signers;
  readonly releaseSigner: ReleaseSigner;
  /** Signs what is attached to images. */
  readonly attestationKeys: AttestationKeys;
  readonly releases: ReleaseStore;
  /** Room for promotions that nobody asked for. */
  readonly places: ProposalPlaces;
  readonly runs: Pick<Runs, "start" | "list">;
  /** Undefined when the site has none; then the pull request says so. `threshold` is an index into `severities`. */
  readonly scanner?: VulnerabilityScanner & { readonly threshold: number; readonly fixableOnly: boolean };
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
  readonly promotions: { readonly openPerNamespace: number; readonly newPerHour: number };
  /** Page of a build or run; undefined when there is no web page. */
  pageOf(run: string): string | undefined;
}
