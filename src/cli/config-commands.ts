import type { Command } from "commander";
import type { CommandContext } from "./program.ts";
import { tint } from "./terminal.ts";

/** `config check|explain` and `init`. */
export function addConfigCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const config = program.command("config").description("Settings");

  config
    .command("check")
    .description("Check the settings and print them as they take effect; secrets are named, not shown")
    .option("--json", "print JSON", false)
    .action(async (options: { json: boolean }) => {
      const settings = await context.settings();
      const { stringify } = await import("yaml");
      terminal.out(options.json ? `${JSON.stringify(settings, null, 2)}\n` : stringify(settings));
    });

  config
    .command("explain")
    .argument("[prefix]", "only settings whose path starts so, as web or limits.memory")
    .description("Say what each setting means, its default and its environment variable")
    .action(async (prefix: string | undefined) => {
      const { settingLines } = await import("../config-explain.ts");
      for (const line of settingLines()) {
        const path = line.path.join(".");
        if (prefix !== undefined && !path.startsWith(prefix)) continue;
        const fallback = line.required ? "required" : line.fallback === undefined ? "optional" : `default ${line.fallback}`;
        terminal.out(`${tint(terminal, "strong", path)}  ${line.type}, ${fallback}\n    ${line.description}\n`);
        if (line.variable) terminal.out(tint(terminal, "faint", `    ${line.variable}\n`));
      }
    });

  program
    .command("init")
    .argument("<directory>", "where the installation will stand; absent or empty")
    .description("Make an installation on this machine: settings, keys, local forge, registry-manifest repository")
    .requiredOption("--candidate <host:port>", "candidate registry")
    .requiredOption("--production <host:port>", "production registry")
    .option("--plain-http", "talk HTTP to both; only for registries on this machine", false)
    .option("--parent <prefix[=mirror]>", "allowed beginning of parent names, may be repeated", collect, [] as string[])
    .option("--listen <host:port>", "address of the web server", "127.0.0.1:8080")
    .option("--docker-socket <path>", "Docker Engine's socket", "/var/run/docker.sock")
    .action(async (directory: string, options: InitFlags) => {
      const made = await context.init({
        directory,
        candidate: options.candidate,
        production: options.production,
        plainHttp: options.plainHttp,
        parents: options.parent.map((text) => readParent(text, options.plainHttp)),
        listen: options.listen,
        socket: options.dockerSocket,
      });
      for (const line of made) terminal.out(`${line}\n`);
    });
}

interface InitFlags {
  readonly candidate: string;
  readonly production: string;
  readonly plainHttp: boolean;
  readonly parent: string[];
  readonly listen: string;
  readonly dockerSocket: string;
}

function collect(value: string, all: string[]): string[] {
  return [...all, value];
}

function readParent(text: string, plainHttp: boolean): { prefix: string; mirror?: string; plainHttp: boolean } {
  const [prefix = "", mirror] = text.split("=");
  return mirror === undefined ? { prefix, plainHttp: false } : { prefix, mirror, plainHttp };
}
