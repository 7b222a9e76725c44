import { existsSync } from "node:fs";
import type { RunProgram } from "./programs.ts";
import type { Table } from "./rules.ts";
import { compareRules, formatChange, formatRemoval, type Present, parseRules } from "./rules-text.ts";

/** iptables of this machine, whichever kernel interface it writes to: both are asked for every packet, so a refusal in either holds. */
export interface Firewall {
  /** Changes only tables that are not as wanted, each whole or not at all. */
  apply(tables: readonly Table[]): Promise<void>;
  /** What is wrong, a sentence each. */
  faults(tables: readonly Table[]): Promise<readonly string[]>;
  /** Returns whether there was something to take away. */
  remove(tables: readonly Table[]): Promise<boolean>;
}

/** Between looking and changing somebody else may write; the change then fails as a whole, and is computed anew. */
const attempts = 5;

export function firewall(run: RunProgram): Firewall {
  const read = async (table: Table): Promise<Present> => parseRules(await run(program(table), ["--wait", "5", "-t", table.name, "-S"]));
  const restore = (table: Table, text: string) => run(`${program(table)}-restore`, ["--wait", "5", "--noflush"], text);

  async function change(table: Table, textOf: (present: Present) => string | undefined): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      const text = textOf(await read(table));
      if (text === undefined) return false;
      try {
        await restore(table, text);
        return true;
      } catch (error) {
        if (attempt === attempts) throw error;
      }
    }
  }

  return {
    apply: async (tables) => {
      for (const table of here(tables)) {
        await change(table, (present) => (compareRules(table, present).length === 0 ? undefined : formatChange(table, present)));
      }
    },
    faults: async (tables) => {
      const faults = await Promise.all(here(tables).map(async (table) => compareRules(table, await read(table))));
      return faults.flat();
    },
    remove: async (tables) => {
      let removed = false;
      for (const table of here(tables).toReversed()) {
        removed = (await change(table, (present) => formatRemoval(table, present))) || removed;
      }
      return removed;
    },
  };
}

/** A kernel without IPv6 has nothing to close. */
function here(tables: readonly Table[]): readonly Table[] {
  return existsSync("/proc/sys/net/ipv6") ? tables : tables.filter(({ family }) => family === "ipv4");
}

function program(table: Table): string {
  return table.family === "ipv6" ? "ip6tables" : "iptables";
}
