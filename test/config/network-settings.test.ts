import { expect, test } from "@jest/globals";
import { parseSettings } from "../../src/config-load.ts";

const base = `
forge: {kind: local, directory: /git, hookSecrets: [{env: S}]}
manifests: {repository: releng/manifests}
registries: {candidate: {endpoint: "c.test"}, production: {endpoint: "p.test"}}
signing: {gnupgHome: /g, keys: {candidate: {openpgp: [{fingerprint: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}]}, production: {openpgp: [{fingerprint: BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB}]}}}
`;
const networkOf = (text: string) => parseSettings(`${base}network: ${text}\n`, "flibs.yaml").network;
const entries = (text: string) => `{mode: closed, allow: [${text}]}`;

test("without a word about it, builds have no network", () => {
  expect(parseSettings(base, "flibs.yaml").network).toEqual({ mode: "none" });
});

test("a closed network has sensible defaults, and ports as the firewall wants them", () => {
  expect(networkOf(entries("{host: Mirror.Example.Test.}, {host: 198.51.100.0/24, ports: [80, 8000-8010]}"))).toEqual({
    mode: "closed",
    bridge: "flibs0",
    subnet: "10.213.77.0/24",
    daemon: "own",
    dataRoot: "build-daemon",
    allow: [
      { host: "mirror.example.test", ports: ["443"], addresses: [], private: false },
      { host: "198.51.100.0/24", ports: ["80", "8000-8010"], addresses: [], private: false },
    ],
  });
});

const noHost =
  "write a host's whole name, an IPv4 address, or a subnet as in 10.1.2.0/24; this machine, this link and all addresses can't be allowed\n  → at network.allow[0].host";
const noPort = "write a port from 1 to 65535, or a range as in 8000-8010\n  → at network.allow[0].ports[0]";

test.each([
  ["a wildcard", entries('{host: "*.example.test"}'), noHost],
  ["a URL", entries('{host: "https://example.test/"}'), noHost],
  ["more than a host", entries('{host: "1.2.3.4 -j ACCEPT"}'), noHost],
  ["a second line", entries('{host: "a.test\\n-A INPUT -j ACCEPT"}'), noHost],
  ["everything", entries("{host: 128.0.0.0/1}"), noHost],
  ["the metadata service", entries("{host: 169.254.169.254}"), noHost],
  ["this machine", entries("{host: 127.0.0.1}"), noHost],
  ["a subnet that begins in its middle", entries("{host: 10.1.2.3/24}"), noHost],
  ["IPv6", entries('{host: "2001:db8::1"}'), noHost],
  ["port 0", entries("{host: a.test, ports: [0]}"), noPort],
  ["a port that is none", entries("{host: a.test, ports: [65536]}"), noPort],
  ["a service's name", entries("{host: a.test, ports: [https]}"), noPort],
  ["a range from behind", entries("{host: a.test, ports: [20-10]}"), noPort],
  ["a port with more", entries('{host: a.test, ports: ["443 -j ACCEPT"]}'), noPort],
  [
    "an address of this link for a name",
    entries("{host: a.test, addresses: [169.254.1.1]}"),
    "write an IPv4 address that is not this machine or link\n  → at network.allow[0].addresses[0]",
  ],
  [
    "addresses of an address",
    entries("{host: 10.1.2.3, addresses: [10.1.2.4]}"),
    "only a name has addresses\n  → at network.allow[0].addresses",
  ],
  [
    "a host twice",
    entries("{host: a.test}, {host: A.test, ports: [80]}"),
    "name each host once, with all of its ports\n  → at network.allow",
  ],
  [
    "other containers",
    entries("{host: 10.213.77.0/28}"),
    "an allowed host lies in the builds' own subnet, where only other containers are\n  → at network.allow",
  ],
  [
    "a bridge that is more than a name",
    '{mode: closed, bridge: "a -j ACCEPT"}',
    "write at most 15 lower-case letters, digits, dashes and underscores\n  → at network.bridge",
  ],
  [
    "a public subnet",
    "{mode: closed, subnet: 8.8.8.0/24}",
    "write a private subnet of /16 to /29, as in 10.213.77.0/24\n  → at network.subnet",
  ],
  ["a list for an open network", "{mode: open, allow: []}", 'Unrecognized key: "allow"\n  → at network'],
  ["an unknown mode", "{mode: shut}", "Invalid discriminator value. Expected 'none' | 'closed' | 'open'\n  → at network.mode"],
])("%s is refused", (_what, text, message) => {
  expect(() => networkOf(text)).toThrow(
    expect.objectContaining({ code: "config.invalid", message: `flibs.yaml is not valid:\n✖ ${message}` }),
  );
});
