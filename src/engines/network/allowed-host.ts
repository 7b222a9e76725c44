import { formatSubnet, overlaps, parseSubnet, type Subnet } from "../../domain/ipv4.ts";

/** One entry of the allow-list, as the settings hold it: checked there, so that nothing in it can be read as anything but a host and its ports. */
export interface AllowedHost {
  /** A name, an IPv4 address or a subnet. */
  readonly host: string;
  /** TCP ports, `443`, or ranges, `8000-8010`. */
  readonly ports: readonly string[];
  /** Where a name stands, in place of what DNS says. */
  readonly addresses: readonly string[];
  /** DNS may answer with addresses of private networks. */
  readonly private: boolean;
}

/** One line of the firewall: TCP to `to`, `port` as iptables writes it (`443`, `8000:8010`). */
export interface Opening {
  readonly to: string;
  readonly port: string;
}

/** Where a host of the list stands: what DNS said, by name. */
export type Addresses = ReadonlyMap<string, readonly string[]>;

/** A name that must be resolved: neither an address nor given one. */
export function needsResolving({ host, addresses }: AllowedHost): boolean {
  return addresses.length === 0 && parseSubnet(host) === undefined;
}

/** Each opening once, in a stable order. What lies in the builds' own subnet is left out: that is other containers. */
export function openingsOf(allow: readonly AllowedHost[], resolved: Addresses, own: Subnet): readonly Opening[] {
  const lines = new Map<string, Opening>();
  for (const entry of allow) {
    for (const text of placesOf(entry, resolved)) {
      const subnet = parseSubnet(text);
      if (subnet === undefined || overlaps(subnet, own)) continue;
      const to = formatSubnet(subnet);
      for (const port of entry.ports) lines.set(`${to} ${port}`, { to, port: port.replace("-", ":") });
    }
  }
  return [...lines.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, opening]) => opening);
}

/** What a build is told when it asks for a name; names only, since nobody asks for an address. */
export function namesOf(allow: readonly AllowedHost[], resolved: Addresses): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, readonly string[]>();
  for (const entry of allow) {
    if (parseSubnet(entry.host) !== undefined) continue;
    names.set(entry.host, [...new Set([...(names.get(entry.host) ?? []), ...placesOf(entry, resolved)])]);
  }
  return names;
}

function placesOf(entry: AllowedHost, resolved: Addresses): readonly string[] {
  if (entry.addresses.length > 0) return entry.addresses;
  return parseSubnet(entry.host) === undefined ? (resolved.get(entry.host) ?? []) : [entry.host];
}
