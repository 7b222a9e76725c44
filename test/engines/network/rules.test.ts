import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseSubnet } from "../../../src/domain/ipv4.ts";
import { type AllowedHost, namesOf, openingsOf } from "../../../src/engines/network/allowed-host.ts";
import { confiningTables, type Table } from "../../../src/engines/network/rules.ts";
import { compareRules, formatChange, formatRemoval, type Present, parseRules } from "../../../src/engines/network/rules-text.ts";

const subnet = parseSubnet("10.213.77.0/24") ?? { first: 0, bits: 32 };
const confinement = { bridge: "flibs0", subnet, gateway: "10.213.77.1", openings: [{ to: "203.0.113.7/32", port: "443" }] };
const entry = (host: string, more: Partial<AllowedHost> = {}): AllowedHost => ({
  host,
  ports: ["443"],
  addresses: [],
  private: false,
  ...more,
});

/** What `iptables-restore --noflush` makes of a text; knows the verbs that are used. */
function restore(present: Present, text: string): Present {
  const chains = new Map([...present].map(([chain, rules]) => [chain, [...rules]]));
  for (const line of text.split("\n")) {
    const [, declared] = /^:(\S+) - \[0:0\]$/.exec(line) ?? [];
    if (declared !== undefined) chains.set(declared, []);
    const [, verb = "", chain = "", , rule = ""] = /^-([AIDFX]) (\S+)( (.*))?$/.exec(line) ?? [];
    const rules = chains.get(chain);
    if (verb === "") continue;
    if (rules === undefined) throw new Error(`no chain ${chain}`);
    if (verb === "A") rules.push(rule);
    if (verb === "I") rules.unshift(rule.replace(/^1 /, ""));
    if (verb === "D") rules.splice(rules.indexOf(rule) >= 0 ? rules.indexOf(rule) : Number.NaN, 1);
    if (verb === "F") rules.length = 0;
    if (verb === "X") chains.delete(chain);
  }
  return chains;
}

test("everything is closed but the name server and what is on the list", () => {
  const [security] = confiningTables(confinement);
  expect(security).toEqual({
    family: "ipv4",
    name: "security",
    first: true,
    chains: {
      "FLIBS-flibs0-HOST": ["-s 10.213.77.0/24 -d 10.213.77.1/32 -p udp -m udp --dport 53 -j ACCEPT", "-j DROP"],
      "FLIBS-flibs0-OUT": ["-s 10.213.77.0/24 -d 203.0.113.7/32 -p tcp -m tcp --dport 443 -j ACCEPT", "-j DROP"],
      "FLIBS-flibs0-IN": ["-m conntrack --ctstate ESTABLISHED -j ACCEPT", "-p icmp -m conntrack --ctstate RELATED -j ACCEPT", "-j DROP"],
    },
    jumps: {
      INPUT: ["-i flibs0 -j FLIBS-flibs0-HOST"],
      FORWARD: ["-i flibs0 -j FLIBS-flibs0-OUT", "-o flibs0 -j FLIBS-flibs0-IN"],
    },
  });
});

test("with an empty list no rule lets anything out", () => {
  for (const { name, family, chains } of confiningTables({ ...confinement, openings: [] })) {
    const accepted = Object.values(chains)
      .flat()
      .filter((rule) => rule.endsWith("-j ACCEPT"));
    // Answers, and questions for names.
    expect([family, name, accepted.length]).toEqual([family, name, family === "ipv4" && name !== "nat" ? 3 : 0]);
  }
});

test("names of chains fit, however long the bridge's name is", () => {
  for (const { chains } of confiningTables({ ...confinement, bridge: "a".repeat(15) })) {
    for (const name of Object.keys(chains)) expect(name.length).toBeLessThanOrEqual(28);
  }
});

test("openings are of the list's addresses and ports, each once", () => {
  const allow = [
    entry("mirror.test", { ports: ["443", "8000-8010"] }),
    entry("203.0.113.7"),
    entry("fixed.test", { addresses: ["10.1.2.3"] }),
    entry("198.51.100.0/24", { ports: ["80"] }),
    entry("unresolved.test"),
  ];
  const resolved = new Map([
    ["mirror.test", ["203.0.113.7", "10.213.77.9"]],
    ["fixed.test", ["203.0.113.99"]],
  ]);
  expect(openingsOf(allow, resolved, subnet)).toEqual([
    { to: "10.1.2.3/32", port: "443" },
    { to: "198.51.100.0/24", port: "80" },
    { to: "203.0.113.7/32", port: "443" },
    { to: "203.0.113.7/32", port: "8000:8010" },
  ]);
  expect([...namesOf(allow, resolved)]).toEqual([
    ["mirror.test", ["203.0.113.7", "10.213.77.9"]],
    ["fixed.test", ["10.1.2.3"]],
    ["unresolved.test", []],
  ]);
});

test("whatever the list and DNS say, a rule has one address and one port in it, and never the builds' own subnet", () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.ipV4(),
    fc.constantFrom("1.2.3.4 -j ACCEPT", "0.0.0.0/0", "10.213.77.5", "1.2.3.4\n-A INPUT -j ACCEPT", "203.0.113.7"),
  );
  fc.assert(
    fc.property(fc.array(hostile, { maxLength: 8 }), (answers) => {
      const openings = openingsOf([entry("mirror.test")], new Map([["mirror.test", answers]]), subnet);
      for (const rule of confiningTables({ ...confinement, openings })[0]?.chains["FLIBS-flibs0-OUT"] ?? []) {
        expect(rule).toMatch(/^(?:-s 10\.213\.77\.0\/24 -d [\d.]{7,15}\/\d{1,2} -p tcp -m tcp --dport 443 -j ACCEPT|-j DROP)$/);
        expect(rule).not.toMatch(/-d 10\.213\.77\./);
      }
    }),
  );
});

test("what iptables says is read chain by chain; what is no rule is left out", () => {
  const text = "# Warning: iptables-legacy tables present\n-P INPUT ACCEPT\n-N X\n-A INPUT -i a -j X\n-A INPUT -j DROP\n";
  expect([...parseRules(text)]).toEqual([
    ["INPUT", ["-i a -j X", "-j DROP"]],
    ["X", []],
  ]);
});

const foreign = [
  "-j DOCKER-USER",
  "-i docker0 -j ACCEPT",
  "-i flibs0 -j FLIBS-flibs0-OUT",
  "-o flibs0 -j FLIBS-flibs0-IN",
  "-i flibs0 -g FLIBS-flibs0-OUT",
];
const anyState = fc
  .record({
    INPUT: fc.array(fc.constantFrom(...foreign), { maxLength: 4 }),
    FORWARD: fc.array(fc.constantFrom(...foreign), { maxLength: 6 }),
    POSTROUTING: fc.array(fc.constantFrom("-s 172.17.0.0/16 -j MASQUERADE"), { maxLength: 2 }),
    OUTPUT: fc.constant<string[]>([]),
    "DOCKER-USER": fc.constant(["-j RETURN"]),
    ours: fc.dictionary(fc.constantFrom("FLIBS-flibs0-OUT", "FLIBS-flibs0-IN"), fc.array(fc.constantFrom("-j ACCEPT", "-j DROP"))),
  })
  .map(({ ours, ...rest }): Present => new Map([...Object.entries(rest), ...Object.entries(ours)]));

function others(present: Present, table: Table): unknown {
  const own = new Set(Object.keys(table.chains));
  const leads = (rule: string) => own.has(rule.split(" ").at(-1) ?? "");
  return [...present].filter(([chain]) => !own.has(chain)).map(([chain, rules]) => [chain, rules.filter((rule) => !leads(rule))]);
}

test("from any state one change leads to what is wanted, and nobody else's rule is touched", () => {
  fc.assert(
    fc.property(anyState, fc.constantFrom(...confiningTables(confinement)), (present, table) => {
      const after = restore(present, formatChange(table, present));
      expect(compareRules(table, after)).toEqual([]);
      expect(others(after, table)).toEqual(others(present, table));
      expect(restore(after, formatChange(table, after))).toEqual(after);
    }),
  );
});

test("removal takes away what is ours, from any state, and nothing else", () => {
  fc.assert(
    fc.property(anyState, fc.constantFrom(...confiningTables(confinement)), (present, table) => {
      const text = formatRemoval(table, present);
      const after = text === undefined ? present : restore(present, text);
      expect([...after]).toEqual(others(present, table));
      expect(formatRemoval(table, after)).toBeUndefined();
    }),
  );
});

test("any rule of ours that is missing or changed is noticed", () => {
  for (const table of confiningTables(confinement)) {
    const builtIn = new Map(Object.keys(table.jumps).map((chain) => [chain, [] as string[]]));
    const good = restore(builtIn, formatChange(table, builtIn));
    expect(compareRules(table, good)).toEqual([]);
    for (const [chain, rules] of good) {
      for (const index of rules.keys()) {
        const without = new Map(good).set(
          chain,
          rules.filter((_, other) => other !== index),
        );
        const changed = new Map(good).set(chain, rules.with(index, "-j ACCEPT"));
        expect(compareRules(table, without)).not.toEqual([]);
        expect(compareRules(table, changed)).not.toEqual([]);
      }
    }
  }
});

test("faults are told with the command that shows them", () => {
  const [security] = confiningTables(confinement);
  if (security === undefined) throw new Error("no table");
  const builtIn = new Map([
    ["INPUT", ["-j ACCEPT"]],
    ["FORWARD", [] as string[]],
  ]);
  const good = restore(builtIn, formatChange(security, builtIn));
  expect(compareRules(security, new Map(good).set("INPUT", ["-j ACCEPT", "-i flibs0 -j FLIBS-flibs0-HOST"]))).toEqual([
    "iptables -t security has another rule in INPUT before those of flibs",
  ]);
  expect(compareRules(security, new Map(good).set("INPUT", []))).toEqual([
    "iptables -t security lacks in INPUT: -i flibs0 -j FLIBS-flibs0-HOST",
  ]);
  expect(compareRules(security, new Map(good).set("FLIBS-flibs0-IN", []))).toEqual([
    "iptables -t security has other rules in FLIBS-flibs0-IN than it should",
  ]);
});
