import { readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { appError } from "../../domain/errors.ts";
import { formatIpv4, formatSubnet, overlaps, parseIpv4, type Subnet } from "../../domain/ipv4.ts";
import type { RunProgram } from "./programs.ts";

/** How a bridge of ours is told from one of the same name that somebody else made. */
const mark = "flibs build network";

export interface BridgeOptions {
  readonly name: string;
  readonly subnet: Subnet;
  /** Made and removed by flibs; otherwise it is the site's and must be there. */
  readonly ours: boolean;
}

/** The bridge on which the builds' containers sit. */
export interface Bridge {
  readonly gateway: string;
  /** Errors: `engine.network-taken`. */
  ensure(): Promise<void>;
  /** What is wrong, a sentence each. */
  faults(): Promise<readonly string[]>;
  /** Only what is ours; returns whether it was there. */
  remove(): Promise<boolean>;
}

/** As much as is used of what `ip -json -details address` says of an interface (iproute2 4.15 and newer). */
const Link = z.object({
  ifname: z.string().optional(),
  ifalias: z.string().optional(),
  flags: z.array(z.string()).default([]),
  addr_info: z
    .array(z.object({ family: z.string().optional(), local: z.string().optional(), prefixlen: z.number().optional() }))
    .default([]),
  linkinfo: z
    .object({
      info_kind: z.string().optional(),
      info_data: z.object({ nf_call_iptables: z.number().optional(), nf_call_ip6tables: z.number().optional() }).optional(),
    })
    .optional(),
});
type Link = z.infer<typeof Link>;

export function bridgeOf({ name, subnet, ours }: BridgeOptions, run: RunProgram): Bridge {
  const gateway = formatIpv4(subnet.first + 1);
  const ownAddress = `${gateway}/${subnet.bits}`;
  const readLinks = async () => parseLinks(await run("ip", ["-json", "-details", "address", "show"]));
  const isThis = (link: Link) => link.ifname === name;
  const taken = (message: string) =>
    appError("engine.network-taken", message, { hint: "Give the build network another name or subnet: network.bridge, network.subnet" });

  async function make(links: readonly Link[]): Promise<void> {
    const found = links.find(isThis);
    const other = links.find((link) => !isThis(link) && subnetsOf(link).some((one) => overlaps(one, subnet)));
    if (other !== undefined) throw taken(`${formatSubnet(subnet)} overlaps with the network of ${other.ifname ?? "another interface"}`);
    if (found !== undefined && (found.ifalias !== mark || found.linkinfo?.info_kind !== "bridge")) {
      throw taken(`there is an interface ${name} that flibs has not made`);
    }
    if (found === undefined) {
      await run("ip", ["link", "add", "name", name, "type", "bridge"]);
      await run("ip", ["link", "set", "dev", name, "alias", mark]);
    }
    if (!hasAddress(found, ownAddress)) await run("ip", ["address", "add", ownAddress, "dev", name]);
  }

  return {
    gateway,
    async ensure() {
      const links = await readLinks();
      if (ours) await make(links);
      else if (!links.some(isThis)) {
        throw appError("engine.network-failed", `there is no bridge ${name}`, {
          hint: "Start the Docker Engine that network.bridge belongs to, or let flibs start one: network.daemon: own",
        });
      }
      writeSetting(`net/ipv6/conf/${name}/disable_ipv6`, "1");
      // Without this, frames between two containers never meet the firewall.
      await run("ip", ["link", "set", "dev", name, "type", "bridge", "nf_call_iptables", "1", "nf_call_ip6tables", "1"]);
      if (ours) await run("ip", ["link", "set", "dev", name, "up"]);
    },
    async faults() {
      const link = (await readLinks()).find(isThis);
      if (link === undefined) return [`there is no bridge ${name}`];
      const calls = link.linkinfo?.info_data;
      return [
        ...(hasAddress(link, ownAddress) ? [] : [`the bridge ${name} does not have the address ${ownAddress}`]),
        ...(link.flags.includes("UP") ? [] : [`the bridge ${name} is down`]),
        ...(calls?.nf_call_iptables === 1 && calls.nf_call_ip6tables === 1
          ? []
          : [`traffic between containers on ${name} does not pass the firewall`]),
        ...(readSetting(`net/ipv6/conf/${name}/disable_ipv6`) === "0" ? [`IPv6 is on at ${name}`] : []),
      ];
    },
    async remove() {
      const link = (await readLinks()).find(isThis);
      if (!ours || link?.ifalias !== mark) return false;
      await run("ip", ["link", "delete", "dev", name]);
      return true;
    },
  };
}

/** Throws `engine.network-failed` for an `ip` that is no iproute2 of our time. */
function parseLinks(text: string): readonly Link[] {
  try {
    return z.array(Link).parse(JSON.parse(text));
  } catch (cause) {
    throw appError("engine.network-failed", "the program ip did not list the interfaces as JSON", {
      hint: "Install iproute2 4.15 or newer",
      cause,
    });
  }
}

function subnetsOf(link: Link): readonly Subnet[] {
  return link.addr_info.flatMap(({ family, local = "", prefixlen = 32 }) => {
    const address = family === "inet" ? parseIpv4(local) : undefined;
    return address === undefined ? [] : [{ first: address - (address % 2 ** (32 - prefixlen)), bits: prefixlen }];
  });
}

function hasAddress(link: Link | undefined, address: string): boolean {
  return link?.addr_info.some(({ local, prefixlen }) => `${local}/${prefixlen}` === address) ?? false;
}

/** Undefined where the kernel has no such thing, as IPv6 when it is switched off. */
export function readSetting(path: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${path}`, "utf8").trim();
  } catch {
    return undefined;
  }
}

function writeSetting(path: string, value: string): void {
  const now = readSetting(path);
  if (now === undefined || now === value) return;
  try {
    writeFileSync(`/proc/sys/${path}`, value);
  } catch (cause) {
    throw appError("engine.network-not-permitted", `this process may not write /proc/sys/${path}`, {
      hint: "Run it as root; docs/build-network.md tells how",
      cause,
    });
  }
}
