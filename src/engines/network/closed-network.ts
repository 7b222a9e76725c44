import { join } from "node:path";
import { type AppError, appError, isAppError } from "../../domain/errors.ts";
import { parseSubnet, type Subnet } from "../../domain/ipv4.ts";
import { type BuildNetwork, type NetworkFinding, type NetworkReport, reportOf } from "../build-network.ts";
import { type Addresses, type AllowedHost, namesOf, openingsOf } from "./allowed-host.ts";
import { bridgeOf, readSetting } from "./bridge.ts";
import { buildDaemon } from "./build-daemon.ts";
import { dockerApi } from "./docker-api.ts";
import { firewall } from "./firewall.ts";
import { type NameServer, startNameServer, whoAnswers } from "./name-server.ts";
import { pinnedAddresses, type ResolveName } from "./pinned-addresses.ts";
import { probeNetwork } from "./probe.ts";
import type { RunProgram } from "./programs.ts";
import { confiningTables, type Table } from "./rules.ts";

export interface ClosedNetworkOptions {
  readonly bridge: string;
  /** The bridge has its first address. */
  readonly subnet: string;
  readonly allow: readonly AllowedHost[];
  /** `directory` holds images and settings of an engine that flibs starts; `socket` is that of the site's engine. */
  readonly daemon:
    | { readonly kind: "own"; readonly directory: string; readonly group?: string; readonly cgroupParent?: string }
    | { readonly kind: "site"; readonly socket: string };
  /** Remembers addresses. */
  readonly stateDirectory: string;
  readonly run: RunProgram;
  readonly resolve: ResolveName;
  readonly now: () => number;
}

const dnsPort = 53;

/** Builds sit on a bridge behind rules of the firewall; see docs/build-network.md and docs/decisions/0025-build-network.md. */
export function closedNetwork(options: ClosedNetworkOptions): BuildNetwork {
  const subnet = subnetOf(options.subnet);
  const ours = options.daemon.kind === "own";
  const bridge = bridgeOf({ name: options.bridge, subnet, ours }, options.run);
  const rules = firewall(options.run);
  const daemon =
    options.daemon.kind === "own"
      ? buildDaemon({ ...options.daemon, bridge: options.bridge, gateway: bridge.gateway, run: options.run })
      : undefined;
  const socket = options.daemon.kind === "own" ? (daemon?.socket ?? "") : options.daemon.socket;
  const pinned = pinnedAddresses({
    file: join(options.stateDirectory, "network", "addresses.json"),
    allow: options.allow,
    resolve: options.resolve,
    now: options.now,
  });
  const inTurn = oneAfterAnother();
  let names: ReadonlyMap<string, readonly string[]> = new Map();
  let missing: readonly string[] = [];
  let server: NameServer | undefined;

  const tablesFor = (addresses: Addresses): readonly Table[] =>
    confiningTables({
      bridge: options.bridge,
      subnet,
      gateway: bridge.gateway,
      openings: openingsOf(options.allow, addresses, subnet),
    });

  /** Rules first: what is answered to a build is already open. */
  async function renew(write: (tables: readonly Table[]) => Promise<void>): Promise<void> {
    const resolved = await pinned.resolve();
    await pinned.write(resolved);
    await write(tablesFor(resolved.addresses));
    names = namesOf(options.allow, resolved.addresses);
    missing = resolved.missing;
  }

  async function ensure(): Promise<NetworkReport> {
    await bridge.ensure();
    await renew((tables) => rules.apply(tables));
    await daemon?.ensure();
    return look();
  }

  async function look(): Promise<NetworkReport> {
    const addresses = await pinned.read();
    const sections = await Promise.all([
      examine("bridge", `${options.bridge} ${bridge.gateway}/${subnet.bits}, without IPv6`, () => bridge.faults()),
      examine("rules", describeRules(options.allow, addresses, subnet), () => rules.faults(tablesFor(addresses))),
      lookAtEngine(socket, options.bridge),
      lookAtNames(bridge.gateway),
    ]);
    return reportOf([...sections, ...warnings(options.allow, missing, addresses)]);
  }

  return {
    ensure: () => inTurn(ensure),
    check: () => inTurn(look),
    probe: () => probeNetwork({ socket, gateway: bridge.gateway, allow: options.allow }),
    remove: () =>
      inTurn(async () => {
        const removed: string[] = [];
        if (daemon?.hasDied()) {
          await bridge.ensure();
          await daemon.ensure();
        }
        // A build that still runs must not see the network open.
        if (await daemon?.stop()) removed.push("the Docker Engine for builds, with its containers");
        if (await rules.remove(tablesFor(await pinned.read()))) removed.push("the rules of the firewall");
        if (await bridge.remove()) removed.push(`the bridge ${options.bridge}`);
        return removed;
      }),
    open: () =>
      inTurn(async () => {
        try {
          await bridge.ensure();
          server ??= await startNameServer(bridge.gateway, dnsPort, (name) => names.get(name));
          return await ensure();
        } catch (error) {
          return reportOf([findingOf("set-up", error)]);
        }
      }),
    demandClosed: () =>
      inTurn(async () => {
        const found = await look();
        // An engine that has died is started again behind rules that were just seen.
        if (isOnlyAway(found) && daemon?.isRunning() === false) {
          await daemon.ensure();
          throwUnlessClosed(await look());
        } else throwUnlessClosed(found);
        let changed = false;
        await renew(async (tables) => {
          changed = (await rules.faults(tables)).length > 0;
          if (changed) await rules.apply(tables);
        });
        if (changed) throwUnlessClosed(await look());
      }),
    close: () =>
      inTurn(async () => {
        await server?.close();
        server = undefined;
      }),
  };
}

function subnetOf(text: string): Subnet {
  const subnet = parseSubnet(text);
  if (subnet !== undefined && subnet.bits <= 30) return subnet;
  throw appError("config.invalid", `network.subnet ${text.slice(0, 40)} is no subnet`, { hint: "Write it as in 10.213.77.0/24" });
}

async function examine(name: string, good: string, faults: () => Promise<readonly string[]>): Promise<NetworkFinding> {
  try {
    const found = await faults();
    if (found.length === 0) return { name, state: "ok", message: good };
    const more = found.length > 3 ? `; and ${found.length - 3} more` : "";
    return {
      ...{ name, state: "bad", code: "engine.network-open" },
      message: `${found.slice(0, 3).join("; ")}${more}`,
      hint: "Mend it: flibs network ensure",
    };
  } catch (error) {
    return findingOf(name, error);
  }
}

/** What can't be seen can't be trusted. */
function findingOf(name: string, error: unknown): NetworkFinding {
  const known: AppError | undefined = isAppError(error) ? error : undefined;
  const code = known?.code === "engine.unreachable" ? known.code : "engine.network-unknown";
  return {
    ...{ name, state: "bad", code },
    message: error instanceof Error ? error.message : String(error),
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
  };
}

/** That the engine puts builds on this bridge: an engine on another one would not be confined by the best of rules. */
async function lookAtEngine(socket: string, bridge: string): Promise<NetworkFinding> {
  const name = "engine";
  try {
    const found = await dockerApi(socket).defaultNetwork();
    const fault =
      found.bridge === undefined
        ? "has no default network"
        : found.bridge !== bridge
          ? `puts builds on the bridge ${found.bridge}, not on ${bridge}`
          : found.ipv6
            ? "gives containers IPv6 addresses"
            : undefined;
    if (fault === undefined) return { name, state: "ok", message: `builds of ${socket} sit on ${bridge}` };
    return {
      ...{ name, state: "bad", code: "engine.network-open" },
      message: `Docker Engine on ${socket} ${fault}`,
      hint: `Start it with --bridge ${bridge} --ipv6=false, or let flibs start one: network.daemon: own`,
    };
  } catch (error) {
    return findingOf(name, error);
  }
}

/** Another server behind the one port that is open would tell builds' questions to the world. */
async function lookAtNames(gateway: string): Promise<NetworkFinding> {
  const name = "names";
  switch (await whoAnswers(gateway, dnsPort).catch(() => "silent" as const)) {
    case "ours":
      return { name, state: "ok", message: `flibs answers builds on ${gateway}, and only names of the allow-list` };
    case "other":
      return {
        ...{ name, state: "bad", code: "engine.network-open" },
        message: `another name server answers builds on ${gateway}:${dnsPort}`,
        hint: "Let it listen on its own addresses only",
      };
    case "silent":
      return { name, state: "warning", message: "names are answered to builds while flibs serve runs, and it does not" };
  }
}

function describeRules(allow: readonly AllowedHost[], addresses: Addresses, own: Subnet): string {
  const openings = openingsOf(allow, addresses, own).length;
  return `everything is closed but ${openings} of address and port, for ${allow.length} ${allow.length === 1 ? "host" : "hosts"}`;
}

function warnings(allow: readonly AllowedHost[], missing: readonly string[], addresses: Addresses): readonly NetworkFinding[] {
  const unresolved = [...addresses].filter(([, places]) => places.length === 0).map(([name]) => `${name}: no address is known`);
  const names = missing.length > 0 ? missing : unresolved;
  return [
    ...names.map((message): NetworkFinding => ({ name: "allowed host", state: "warning", message })),
    ...(allow.length > 0 && readSetting("net/ipv4/ip_forward") === "0"
      ? [
          {
            ...({ name: "forwarding", state: "warning" } as const),
            message: "this machine forwards nothing, so builds reach none of the allowed hosts",
            hint: "Run sysctl -w net.ipv4.ip_forward=1, and see docs/build-network.md first",
          },
        ]
      : []),
  ];
}

function isOnlyAway({ closed, findings }: NetworkReport): boolean {
  return !closed && findings.every(({ state, code }) => state !== "bad" || code === "engine.unreachable");
}

function throwUnlessClosed({ findings }: NetworkReport): void {
  const bad = findings.filter(({ state }) => state === "bad");
  // An engine that is away comes back by itself; an open network is told first.
  const worst = bad.find(({ code }) => code !== "engine.unreachable") ?? bad[0];
  if (worst === undefined) return;
  const code = worst.code ?? "engine.network-unknown";
  const lead = {
    "engine.network-open": "the build network is not closed, so nothing is built",
    "engine.network-unknown": "whether the build network is closed can't be told, so nothing is built",
    "engine.unreachable": "the engine for builds is away",
  };
  throw appError(code, `${lead[code]}: ${worst.message}`, { hint: worst.hint ?? "Run flibs network check" });
}

/** Looks and changes take turns in a process, so that no look falls into the middle of a change. */
function oneAfterAnother(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work, work);
    last = mine.catch(() => {});
    return mine;
  };
}
