/**
 * What the RUN lines of builds can reach. A build runs code of anybody who may open a pull request, so it must not reach the machine it runs on,
 * its neighbours, the metadata service of a cloud or the registry's API; what it may reach is a list of hosts and ports in the settings.
 * Whoever builds asks `demandClosed` first and does not build when that throws.
 */
export interface BuildNetwork {
  /**
   * Brings everything to what the settings say and looks at it; may be called twice. Errors: `engine.network-not-permitted` when this process may
   * not, `engine.network-taken` when something else on the machine is in the way, `engine.network-failed` when a program of the system fails.
   */
  ensure(): Promise<NetworkReport>;
  /** Looks, and changes nothing. */
  check(): Promise<NetworkReport>;
  /** Starts a container that tries to get out, and says what it reached. Changes no rule. Errors: `engine.unreachable`, `engine.network-failed`. */
  probe(): Promise<readonly NetworkFinding[]>;
  /** Takes away all that `ensure` made, the engine for builds first; images stay on the disk. Returns what was removed, a line each. */
  remove(): Promise<readonly string[]>;
  /** From here on the names of the allow-list are answered to builds; `ensure` is part of it. Never throws: what is not closed is refused later. */
  open(): Promise<NetworkReport>;
  /**
   * Called before each build and now and then: resolves the names of the allow-list anew. Errors: `engine.network-open` when a build could reach
   * more than it may, `engine.network-unknown` when that can't be told, `engine.unreachable` when the engine is away.
   */
  demandClosed(): Promise<void>;
  /** Ends what `open` began. Rules and engine stay: closed is closed while flibs is away. */
  close(): Promise<void>;
}

/** One thing that was looked at. `warning`: builds may lack something, but reach nothing they should not. */
export interface NetworkFinding {
  readonly name: string;
  readonly state: "ok" | "warning" | "bad";
  readonly message: string;
  readonly hint?: string;
  /** Only with `bad`: what a build is refused with. */
  readonly code?: "engine.network-open" | "engine.network-unknown" | "engine.unreachable";
}

export interface NetworkReport {
  /** Nothing is bad. */
  readonly closed: boolean;
  readonly findings: readonly NetworkFinding[];
}

export function reportOf(findings: readonly NetworkFinding[]): NetworkReport {
  return { closed: findings.every((finding) => finding.state !== "bad"), findings };
}
