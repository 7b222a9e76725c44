import { Resolver } from "node:dns/promises";
import type { BuildNetwork } from "../build-network.ts";
import type { AllowedHost } from "./allowed-host.ts";
import { buildDaemonSocket } from "./build-daemon.ts";
import { closedNetwork } from "./closed-network.ts";
import type { ResolveName } from "./pinned-addresses.ts";
import { runProgram } from "./programs.ts";
import { unmanagedNetwork } from "./unmanaged-network.ts";

/** `network` of the settings. */
export type NetworkChoice =
  | { readonly mode: "none" | "open" }
  | {
      readonly mode: "closed";
      readonly bridge: string;
      readonly subnet: string;
      readonly allow: readonly AllowedHost[];
      readonly daemon: "own" | "site";
      readonly dataRoot: string;
      readonly group?: string | undefined;
    };

export interface BuildPlace {
  readonly network: BuildNetwork;
  /** Socket of the engine that builds: flibs' own, or the site's. */
  readonly socket: string;
  /** Network of RUN lines, as the engine calls it. */
  readonly networkMode: "none" | "default";
}

/** Where builds run and what they reach there. Opens nothing yet. */
export function buildPlace(
  choice: NetworkChoice,
  {
    socket: siteSocket,
    stateDirectory,
    cgroupParent,
  }: { readonly socket: string; readonly stateDirectory: string; readonly cgroupParent?: string },
): BuildPlace {
  if (choice.mode !== "closed") {
    return { network: unmanagedNetwork(choice.mode), socket: siteSocket, networkMode: choice.mode === "none" ? "none" : "default" };
  }
  const { bridge, subnet, allow, daemon, dataRoot, group } = choice;
  const network = closedNetwork({
    ...{ bridge, subnet, allow, stateDirectory },
    daemon:
      daemon === "own"
        ? {
            ...{ kind: "own" as const, directory: dataRoot },
            ...(group === undefined ? {} : { group }),
            ...(cgroupParent === undefined ? {} : { cgroupParent }),
          }
        : { kind: "site", socket: siteSocket },
    run: runProgram,
    resolve: resolveByDns,
    now: () => Date.now(),
  });
  return { network, socket: daemon === "own" ? buildDaemonSocket(bridge) : siteSocket, networkMode: "default" };
}

/** The name servers of this machine; not its hosts file, for which an entry's `addresses` are. */
const resolveByDns: ResolveName = async (name) => {
  const resolver = new Resolver({ timeout: 1500, tries: 2 });
  // However many servers there are: a build waits for this.
  const late = setTimeout(() => resolver.cancel(), 5000);
  try {
    return await resolver.resolve4(name);
  } finally {
    clearTimeout(late);
  }
};
