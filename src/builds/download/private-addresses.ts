import { BlockList, isIPv6 } from "node:net";

/**
 * Addresses that nobody outside means: this machine, private networks, links, cloud metadata, multicast, and IPv6 addresses that carry an IPv4 one,
 * which could hide any of these. After the IANA registries of special-purpose addresses (RFC 6890 and later).
 */
const special4 = new BlockList();
const special6 = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const) {
  special4.addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  ["::", 96],
  ["::ffff:0:0", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["2001::", 23],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const) {
  special6.addSubnet(network, prefix, "ipv6");
}

/** `address` is an IPv4 or IPv6 address without brackets. */
export function isPrivateAddress(address: string): boolean {
  // In one list an IPv4 address would be looked for among the IPv6 networks, too, all of which lie in a closed one.
  return isIPv6(address) ? special6.check(address, "ipv6") : special4.check(address, "ipv4");
}
