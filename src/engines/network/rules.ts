import { formatSubnet, type Subnet } from "../../domain/ipv4.ts";
import type { Opening } from "./allowed-host.ts";

/** What the rules are made from. */
export interface Confinement {
  /** Name of the bridge on which the builds' containers sit. */
  readonly bridge: string;
  readonly subnet: Subnet;
  /** The bridge's own address, where names are answered. */
  readonly gateway: string;
  readonly openings: readonly Opening[];
}

/** One table of iptables as it must be: chains of ours, whole, and the rules in built-in chains that lead to them. */
export interface Table {
  readonly family: "ipv4" | "ipv6";
  readonly name: "security" | "filter" | "nat";
  readonly chains: Readonly<Record<string, readonly string[]>>;
  readonly jumps: Readonly<Record<string, readonly string[]>>;
  /** Ours stand before everybody else's rules in those built-in chains. */
  readonly first: boolean;
}

/**
 * The rules, in the words in which `iptables -S` says them, so that what stands in the kernel is compared as text.
 *
 * Twice the same chains: `security` is asked after `filter`, and what it drops is gone whatever anybody accepted in `filter`; Docker, firewalld
 * and ufw write only into `filter` and `nat`, so nothing they do can open the builds' network. `filter` is there for what other rules would
 * drop (Docker's policy for FORWARD), and for a refusal that is told at once: only there may REJECT stand.
 */
export function confiningTables(confinement: Confinement): readonly Table[] {
  const { bridge, subnet } = confinement;
  const name = chainsOf(bridge);
  const jumps = {
    INPUT: [`-i ${bridge} -j ${name.host}`],
    FORWARD: [`-i ${bridge} -j ${name.out}`, `-o ${bridge} -j ${name.in}`],
  };
  const chains = (refusal: readonly string[]) => ({
    [name.host]: [...toResolver(confinement), ...refusal],
    [name.out]: [...toAllowed(confinement), ...refusal],
    [name.in]: [...answersOnly, "-j DROP"],
  });
  const { v6 } = name;
  return [
    { family: "ipv4", name: "security", first: true, chains: chains(["-j DROP"]), jumps },
    { family: "ipv4", name: "filter", first: false, chains: chains(tellRefused), jumps },
    {
      family: "ipv4",
      name: "nat",
      first: false,
      chains: { [name.nat]: [`-s ${formatSubnet(subnet)} ! -o ${bridge} -j MASQUERADE`] },
      jumps: { POSTROUTING: [`-s ${formatSubnet(subnet)} -j ${name.nat}`] },
    },
    {
      family: "ipv6",
      name: "security",
      first: true,
      chains: { [v6]: ["-j DROP"] },
      jumps: {
        INPUT: [`-i ${bridge} -j ${v6}`],
        FORWARD: [`-i ${bridge} -j ${v6}`, `-o ${bridge} -j ${v6}`],
        OUTPUT: [`-o ${bridge} -j ${v6}`],
      },
    },
  ];
}

/** At most 28 characters, as iptables wants: a bridge's name has up to 15. */
function chainsOf(bridge: string) {
  const name = (part: string) => `FLIBS-${bridge}-${part}`;
  return { host: name("HOST"), out: name("OUT"), in: name("IN"), nat: name("NAT"), v6: name("V6") };
}

function toResolver({ subnet, gateway }: Confinement): readonly string[] {
  return [`-s ${formatSubnet(subnet)} -d ${gateway}/32 -p udp -m udp --dport 53 -j ACCEPT`];
}

/**
 * Every packet must be on the list, also of connections that stand: what has left the list is cut off. A source address that is not the
 * subnet's is forged.
 */
function toAllowed({ subnet, openings }: Confinement): readonly string[] {
  const from = `-s ${formatSubnet(subnet)}`;
  return openings.map(({ to, port }) => `${from} -d ${to} -p tcp -m tcp --dport ${port} -j ACCEPT`);
}

/** A connection is refused with a reset: the ICMP message often comes while the socket is being worked on, and is then only believed a second later. */
const tellRefused = ["-p tcp -j REJECT --reject-with tcp-reset", "-j REJECT --reject-with icmp-admin-prohibited"];

/** Nobody opens a connection to a build. RELATED only as ICMP: what helpers of the kernel expect would be new connections. */
const answersOnly = ["-m conntrack --ctstate ESTABLISHED -j ACCEPT", "-p icmp -m conntrack --ctstate RELATED -j ACCEPT"];
