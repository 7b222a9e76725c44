import { firewall } from "../../../src/engines/network/firewall.ts";
import { runProgram } from "../../../src/engines/network/programs.ts";
import type { Table } from "../../../src/engines/network/rules.ts";
import { serveCalls } from "./namespace.ts";

/** The firewall of a network namespace, through one of the two kinds of iptables. */
const { variant }: { variant: "nft" | "legacy" } = JSON.parse(process.argv[2] ?? "");
const rules = firewall((program, words, input) => runProgram(program.replace(/^(ip6?tables)/, `$1-${variant}`), words, input));

serveCalls({
  apply: (tables: Table[]) => rules.apply(tables),
  faults: (tables: Table[]) => rules.faults(tables),
  remove: (tables: Table[]) => rules.remove(tables),
});
