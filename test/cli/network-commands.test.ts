import { expect, test } from "@jest/globals";
import { Command } from "commander";
import { addNetworkCommands } from "../../src/cli/network-commands.ts";
import type { CommandContext } from "../../src/cli/program.ts";
import { type BuildNetwork, type NetworkFinding, reportOf } from "../../src/engines/build-network.ts";
import { unmanagedNetwork } from "../../src/engines/network/unmanaged-network.ts";

/** One command line on this network. */
async function flibs(network: BuildNetwork, ...words: string[]) {
  const said = { out: "", code: 0 };
  const out = (text: string) => {
    said.out += text;
  };
  const terminal = { out, err: () => {}, colours: false, live: false, width: 100 };
  const context = {
    terminal,
    settings: () => ({}),
    buildNetwork: () => network,
    exit: (code: number) => {
      said.code = code;
    },
  } as unknown as CommandContext;
  const program = new Command();
  addNetworkCommands(program, context);
  await program.parseAsync(["network", ...words], { from: "user" });
  return said;
}

const rules: NetworkFinding = { name: "rules", state: "bad", code: "engine.network-open", message: "no\u001b[2J chain", hint: "Mend it" };
const reached: NetworkFinding = { name: "metadata service", state: "bad", code: "engine.network-open", message: "was reached" };
const open: BuildNetwork = { ...unmanagedNetwork("none"), check: async () => reportOf([rules]), probe: async () => [reached] };

test("a network that needs no set-up is well", async () => {
  expect(await flibs(unmanagedNetwork("none"), "check")).toEqual({ code: 0, out: "ok    mode             builds have no network\n" });
  expect(await flibs(unmanagedNetwork("none"), "remove")).toEqual({ code: 0, out: "there was nothing to remove\n" });
});

test("an open network is told, each time", async () => {
  expect(await flibs(unmanagedNetwork("open"), "ensure")).toEqual({
    code: 0,
    out: `WARN  mode             open: builds reach whatever the engine reaches, this machine and its neighbours too
                       Close it: network.mode closed, or none; docs/build-network.md tells how
`,
  });
});

test("what is not closed ends with 1, and reaches no terminal unescaped", async () => {
  const { code, out } = await flibs(open, "check");
  expect(code).toBe(1);
  expect(out).not.toContain("\u001b");
  expect(out).toContain("Mend it");
});

test("a probe is added to what was looked at, for machines too", async () => {
  const { code, out } = await flibs(open, "check", "--probe", "--json");
  expect({ code, report: JSON.parse(out) }).toEqual({ code: 1, report: { closed: false, findings: [rules, reached] } });
});
