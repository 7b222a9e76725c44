import type { Table } from "./rules.ts";

/** What `iptables -S` says of one table: the rules of each chain, in order, without `-A CHAIN`. */
export type Present = ReadonlyMap<string, readonly string[]>;

/** Lines that are neither a chain nor a rule, such as warnings, are left out: a rule that is missing is found by its absence. */
export function parseRules(text: string): Present {
  const chains = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [, verb, chain, rest] = /^-([PNA]) (\S+)(?: (.*))?$/.exec(line.trimEnd()) ?? [];
    if (verb === undefined || chain === undefined) continue;
    const rules = chains.get(chain) ?? [];
    chains.set(chain, rules);
    if (verb === "A") rules.push(rest ?? "");
  }
  return chains;
}

/** Why the rules in the kernel do not confine as they should, a sentence each; empty when they do. */
export function compareRules(wanted: Table, present: Present): readonly string[] {
  const place = `${wanted.family === "ipv6" ? "ip6tables" : "iptables"} -t ${wanted.name}`;
  const faults: string[] = [];
  for (const [chain, rules] of Object.entries(wanted.chains)) {
    const found = present.get(chain);
    if (found === undefined) faults.push(`${place} has no chain ${chain}`);
    else if (!sameLines(found, rules)) faults.push(`${place} has other rules in ${chain} than it should`);
  }
  for (const [chain, rules] of Object.entries(wanted.jumps)) {
    const found = present.get(chain) ?? [];
    const missing = rules.filter((rule) => !found.includes(rule));
    if (missing.length > 0) faults.push(...missing.map((rule) => `${place} lacks in ${chain}: ${rule}`));
    else if (wanted.first && !sameLines(found.slice(0, rules.length), rules)) {
      faults.push(`${place} has another rule in ${chain} before those of flibs`);
    }
  }
  return faults;
}

/** For `iptables-restore --noflush`, which takes all of a table or nothing: from whatever is there to what is wanted. */
export function formatChange(wanted: Table, present: Present): string {
  const chains = Object.keys(wanted.chains);
  return textOf(wanted, [
    ...chains.map((chain) => `:${chain} - [0:0]`),
    ...formatUnlink(wanted, present),
    ...Object.entries(wanted.chains).flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    ...Object.entries(wanted.jumps).flatMap(([chain, rules]) => rules.toReversed().map((rule) => `-I ${chain} 1 ${rule}`)),
  ]);
}

/** The same, to where nothing of ours is left; undefined when that is so already. */
export function formatRemoval(wanted: Table, present: Present): string | undefined {
  const chains = Object.keys(wanted.chains).filter((chain) => present.has(chain));
  const unlinked = formatUnlink(wanted, present);
  if (chains.length === 0 && unlinked.length === 0) return undefined;
  return textOf(wanted, [...unlinked, ...chains.map((chain) => `-F ${chain}`), ...chains.map((chain) => `-X ${chain}`)]);
}

/** Takes away every rule that leads to a chain of ours, whoever wrote it. */
function formatUnlink(wanted: Table, present: Present): readonly string[] {
  const targets = new Set(Object.keys(wanted.chains));
  const leads = (rule: string) => targets.has(/(?:^| )-[jg] (\S+)$/.exec(rule)?.[1] ?? "");
  return [...present].flatMap(([chain, rules]) => (targets.has(chain) ? [] : rules.filter(leads).map((rule) => `-D ${chain} ${rule}`)));
}

function textOf(wanted: Table, lines: readonly string[]): string {
  return [`*${wanted.name}`, ...lines, "COMMIT", ""].join("\n");
}

function sameLines(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, index) => line === other[index]);
}
