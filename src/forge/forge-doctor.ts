/** What an installation needs of a forge whose owner decides what flibs may do there. */
export interface ForgeNeeds {
  /** Least level by name, as the forge calls them: `checks: write`. */
  readonly permissions: Readonly<Record<string, string>>;
  /** Names of the events that must be delivered. */
  readonly events: readonly string[];
  /** Where deliveries are to arrive: `https://<host>/hooks/<forge>`. */
  readonly hookUrl: string;
}

/** Looks at how flibs stands with a forge, one thing at a time. Each gives a line about what it found, or throws what is wrong and how it is mended. */
export interface ForgeDoctor {
  /** Is flibs known there, and are its credentials accepted? */
  lookAtIdentity(): Promise<string>;
  /** May it do and hear everything it needs, wherever it is installed? */
  lookAtGrants(needs: ForgeNeeds): Promise<string>;
  /** Does it reach the container repositories and the registry manifests? */
  lookAtRepositories(): Promise<string>;
  /** Did the forge's newest delivery arrive? */
  lookAtDeliveries(needs: ForgeNeeds): Promise<string>;
}
