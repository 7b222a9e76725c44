import type { BuildStore } from "../builds/build-record.ts";
import type { DestinationTags } from "../builds/destination-tags.ts";
import type { LogStore } from "../builds/log-store.ts";
import type { WaiverPorts } from "../builds/prepare-waiver.ts";
import type { TestResults } from "../builds/test-results.ts";
import type { Settings } from "../config.ts";
import type { Forge } from "../forge/forge.ts";
import type { ForgePeople } from "../forge/person.ts";
import type { NewWaiver, WaiverStore } from "../gating/waivers.ts";
import type { ProposalPlaces } from "../promotion/proposal-places.ts";
import type { ReleaseStore } from "../promotion/release-store.ts";
import type { Runs } from "../workflow/run.ts";

/** What commands work with: the same stores and functions as the bot, without its workers. `app.ts` makes it. */
export interface Client {
  readonly settings: Settings;
  readonly builds: BuildStore;
  readonly destinationTags: DestinationTags;
  readonly logs: LogStore;
  readonly testResults: Pick<TestResults, "listHistory" | "listArtifacts" | "findArtifact">;
  readonly runs: Pick<Runs, "start" | "cancel" | "find" | "journal">;
  readonly releases: ReleaseStore;
  readonly places: Pick<ProposalPlaces, "listHeld">;
  readonly gating: WaiverPorts & {
    readonly waivers: Pick<WaiverStore, "find" | "list" | "listOf">;
    /** Writes a waiver down, and starts the run that asks the gate of the build again. */
    give(waiver: NewWaiver, build: string): Promise<{ readonly id: number; readonly run: string }>;
  };
  readonly forge: Forge;
  /** Throws `cli.usage` on a forge that has pages of its own. */
  people(): ForgePeople;
  close(): Promise<void>;
}
