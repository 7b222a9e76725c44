import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseHostName } from "../../src/domain/host-name.ts";
import { formatIpv4, formatSubnet, kindOfSubnet, overlaps, parseIpv4, parseSubnet, type Subnet } from "../../src/domain/ipv4.ts";

const anyAddress = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const anySubnet = fc.tuple(anyAddress, fc.integer({ min: 0, max: 32 })).map(([address, bits]): Subnet => {
  return { first: address - (address % 2 ** (32 - bits)), bits };
});

test("an address reads as it is written", () => {
  fc.assert(fc.property(anyAddress, (address) => expect(parseIpv4(formatIpv4(address))).toBe(address)));
  fc.assert(fc.property(anySubnet, (subnet) => expect(parseSubnet(formatSubnet(subnet))).toEqual(subnet)));
});

test("whatever is taken for a subnet has nothing in it but digits, dots and one slash", () => {
  const nearly = fc.stringMatching(/^[0-9./ \n-]{0,24}$/);
  fc.assert(
    fc.property(fc.oneof(fc.string(), nearly), (text) => {
      if (parseSubnet(text) !== undefined) expect(text).toMatch(/^[0-9.]{7,15}(\/\d{1,2})?$/);
    }),
  );
});

test.each([
  "010.0.0.1",
  "1.2.3",
  "1.2.3.4.5",
  "256.1.1.1",
  "1.2.3.4\n",
  " 1.2.3.4",
  "0x7f.0.0.1",
  "1.2.3.4/33",
  "1.2.3.4/24",
  "1.2.3.0/024",
  "1.2.3.0/",
  "1.2.3.0/24/8",
  "::1",
  "",
])("%j is no address or subnet", (text) => expect(parseSubnet(text)).toBeUndefined());

test("two subnets overlap when one of them begins in the other", () => {
  const has = (one: Subnet, address: number) => address >= one.first && address < one.first + 2 ** (32 - one.bits);
  fc.assert(
    fc.property(anySubnet, anySubnet, (one, other) => {
      expect(overlaps(one, other)).toBe(has(one, other.first) || has(other, one.first));
    }),
  );
});

test.each([
  ["203.0.113.7", "public"],
  ["8.8.8.8", "public"],
  ["10.0.0.0/24", "private"],
  ["172.31.255.255", "private"],
  ["172.32.0.1", "public"],
  ["192.168.1.1", "private"],
  ["100.64.0.1", "private"],
  ["169.254.169.254", "never"],
  ["127.0.0.53", "never"],
  ["0.0.0.0", "never"],
  ["255.255.255.255", "never"],
  ["224.0.0.251", "never"],
  ["0.0.0.0/0", "never"],
  ["128.0.0.0/1", "never"],
  ["168.0.0.0/6", "never"],
])("%s is %s", (text, kind) => {
  const subnet = parseSubnet(text);
  expect(subnet && kindOfSubnet(subnet)).toBe(kind);
});

test.each([
  ["Example.COM.", "example.com"],
  ["xn--bcher-kva.example", "xn--bcher-kva.example"],
  ["mirror", "mirror"],
  ["1and1.example", "1and1.example"],
])("the host name %s is %s", (text, name) => expect(parseHostName(text)).toBe(name));

test.each([
  "",
  ".",
  "a..b",
  "-a.example",
  "a-.example",
  "a_b.example",
  "*.example",
  "a b",
  "a\nb",
  "1.2.3.4",
  "bücher.example",
  `${"a".repeat(64)}.example`,
  "a.".repeat(130),
])("%j is no host name", (text) => expect(parseHostName(text)).toBeUndefined());

test("whatever is taken for a host name has nothing in it but letters, digits, dots and dashes", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.domain()), (text) => {
      const name = parseHostName(text);
      if (name !== undefined) expect(name).toMatch(/^[a-z0-9.-]{1,253}$/);
    }),
  );
});
