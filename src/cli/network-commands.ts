import type { Command } from "commander";
import type { BuildNetwork, NetworkFinding } from "../engines/build-network.ts";
import { reportOf } from "../engines/build-network.ts";
import { exitCodes } from "./exit.ts";
import type { CommandContext } from "./program.ts";
import { plain, type Terminal, tint } from "./terminal.ts";

/** `network ensure|check|remove`. They need the machine and no service. */
export function addNetworkCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const open = async (): Promise<BuildNetwork> => context.buildNetwork(await context.settings());
  const tell = (findings: readonly NetworkFinding[], json: boolean) => {
    const report = reportOf(findings);
    if (json) terminal.out(`${JSON.stringify(report, null, 2)}\n`);
    else for (const finding of findings) tellFinding(terminal, finding);
    if (!report.closed) context.exit(exitCodes.failed);
  };
  const network = program.command("network").description("What builds can reach: the network of the settings; docs/build-network.md");

  network
    .command("ensure")
    .description(
      "Close the build network: bridge, rules of the firewall, the Docker Engine for builds; as root; may be run again at any time",
    )
    .option("--json", "print JSON", false)
    .action(async ({ json }: { json: boolean }) => tell((await (await open()).ensure()).findings, json));

  network
    .command("check")
    .description("Say whether the build network is closed; changes nothing; as root, since others may not read the rules")
    .option("--probe", "also start a container that tries to get out, and say what it reached", false)
    .option("--json", "print JSON", false)
    .action(async ({ probe, json }: { probe: boolean; json: boolean }) => {
      const opened = await open();
      const { findings } = await opened.check();
      tell(probe ? [...findings, ...(await opened.probe())] : findings, json);
    });

  network
    .command("remove")
    .description("Stop the Docker Engine for builds, then take rules and bridge away; as root; its images stay on the disk")
    .option("--json", "print JSON", false)
    .action(async ({ json }: { json: boolean }) => {
      const removed = await (await open()).remove();
      if (json) terminal.out(`${JSON.stringify({ removed }, null, 2)}\n`);
      else for (const line of removed.length > 0 ? removed : ["there was nothing to remove"]) terminal.out(`${line}\n`);
    });
}

const marks = { ok: ["good", "ok  "], warning: ["strong", "WARN"], bad: ["bad", "BAD "] } as const;

function tellFinding(terminal: Terminal, { name, state, message, hint }: NetworkFinding): void {
  const [tone, word] = marks[state];
  terminal.out(`${tint(terminal, tone, word)}  ${name.padEnd(16)} ${plain(message)}\n`);
  if (hint !== undefined) terminal.out(`      ${" ".repeat(16)} ${plain(hint)}\n`);
}
