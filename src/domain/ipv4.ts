/** IPv4 addresses as numbers from 0 to 2^32 - 1. */

/** Strict: four decimal numbers without leading zeros, since programs differ in how they read `010`. */
export function parseIpv4(text: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1);
  if (parts === undefined || parts.some((part) => Number(part) > 255 || String(Number(part)) !== part)) return undefined;
  return parts.reduce((address, part) => address * 256 + Number(part), 0);
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** All addresses that begin with the same `bits` bits; `first` is the lowest of them. */
export interface Subnet {
  readonly first: number;
  readonly bits: number;
}

/** `10.1.2.0/24`, or one address, which is a /32. The bits behind the prefix must be zero: `10.1.2.3/24` is a slip of the pen. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address = "", length = "32", ...more] = text.split("/");
  const first = parseIpv4(address);
  const bits = /^(?:\d|[12]\d|3[0-2])$/.test(length) ? Number(length) : undefined;
  if (first === undefined || bits === undefined || more.length > 0) return undefined;
  return first % sizeOf(bits) === 0 ? { first, bits } : undefined;
}

export function formatSubnet({ first, bits }: Subnet): string {
  return `${formatIpv4(first)}/${bits}`;
}

export function overlaps(one: Subnet, other: Subnet): boolean {
  return one.first < other.first + sizeOf(other.bits) && other.first < one.first + sizeOf(one.bits);
}

/** How many addresses it has. */
function sizeOf(bits: number): number {
  return 2 ** (32 - bits);
}

/**
 * `never`: this machine, this link (there stands the metadata service of clouds), groups and broadcast: nothing a build may reach however it is
 * called. `private`: networks of a site (RFC 1918, 6598, 2544). Special-purpose addresses: RFC 6890.
 */
export type AddressKind = "public" | "private" | "never";

const kinds: readonly (readonly [AddressKind, readonly string[]])[] = [
  ["never", ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"]],
  ["private", ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15"]],
];
const kindsOfSubnets = kinds.flatMap(([kind, texts]) => texts.flatMap((text) => ({ kind, subnet: parseSubnet(text) })));

/** The strictest kind of any address in it. */
export function kindOfSubnet(subnet: Subnet): AddressKind {
  return kindsOfSubnets.find((one) => one.subnet !== undefined && overlaps(one.subnet, subnet))?.kind ?? "public";
}
