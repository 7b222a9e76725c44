import { confinedEngine } from "../../../src/engines/confined-engine.ts";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { buildDaemonSocket } from "../../../src/engines/network/build-daemon.ts";
import { type ClosedNetworkOptions, closedNetwork } from "../../../src/engines/network/closed-network.ts";
import { runProgram } from "../../../src/engines/network/programs.ts";
import { serveCalls } from "./namespace.ts";

/** What of flibs meets the network, in a process that stands in a network namespace. */
export interface NetworkProcess extends Pick<ClosedNetworkOptions, "bridge" | "subnet" | "allow" | "stateDirectory" | "daemon"> {
  readonly installation: string;
}

const options: NetworkProcess = JSON.parse(process.argv[2] ?? "");
let names: Record<string, string[]> = {};
const network = closedNetwork({
  ...options,
  run: runProgram,
  resolve: async (name) => {
    const found = names[name];
    if (found === undefined) throw new Error(`queryA ENOTFOUND ${name}`);
    return found;
  },
  now: () => Date.now(),
});
const socket = options.daemon.kind === "own" ? buildDaemonSocket(options.bridge) : options.daemon.socket;
const engine = confinedEngine(
  dockerEngine({
    ...{ host: `unix://${socket}`, installation: options.installation, slots: 2, networkMode: "default" },
    stateDirectory: `${options.stateDirectory}/engine`,
  }),
  network,
  { everyMs: 100, againMs: 100 },
);
/** The engine builds for the machine it is on. */
async function ownPlatform() {
  const [platform] = await engine.platforms();
  if (platform === undefined) throw new Error("the engine serves nothing");
  return platform;
}

const limits = { timeoutMs: 60_000, memoryBytes: 256 * 2 ** 20, processes: 64 };

serveCalls({
  setNames: (given: Record<string, string[]>) => {
    names = given;
  },
  open: () => network.open(),
  ensure: () => network.ensure(),
  check: () => network.check(),
  remove: () => network.remove(),
  probe: () => network.probe(),
  demandClosed: () => network.demandClosed(),
  async build(key: string, context: string, dockerfile: string) {
    let log = "";
    const sink = (text: string) => {
      log += text;
      return true;
    };
    const platform = "linux/amd64" as const;
    const request = { platform, context, dockerfile, parents: [], buildArguments: {}, limits };
    const outcome = await engine.build(key, request, sink, new AbortController().signal);
    return { outcome, log };
  },
  async run(key: string, image: string, command: string[]) {
    let log = "";
    const sink = (text: string) => {
      log += text;
      return true;
    };
    const outcome = await engine.run(
      key,
      { platform: await ownPlatform(), image, command, env: {}, limits },
      sink,
      new AbortController().signal,
    );
    return { outcome, log };
  },
});
