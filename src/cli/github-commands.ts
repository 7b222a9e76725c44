import type { Command } from "commander";
import type { CreateAppFlags } from "./create-app-command.ts";
import type { CommandContext } from "./program.ts";

/** `github create-app`. */
export function addGithubCommands(program: Command, context: CommandContext): void {
  program
    .command("github")
    .description("The GitHub App")
    .command("create-app")
    .description("Make the GitHub App in a browser on this machine, and store its secrets")
    .requiredOption("--url <url>", "where GitHub reaches flibs: https://flibs.example.com")
    .option("--name <name>", "name of the App, one of its kind on GitHub; can be changed in the browser")
    .option("--organization <name>", "organization that owns the App; your own account when left out")
    .option("--base-url <url>", "GitHub, or your Enterprise Server", "https://github.com")
    .option("--manifest <file>", "manifest of the App; flibs' own app.yml when left out")
    .option("--directory <directory>", "where the private key and the webhook secret go; beside the settings file when left out")
    .option("--listen <address:port>", "loopback address for the browser; port 0 takes a free one", "127.0.0.1:0")
    .option("--json", "print JSON", false)
    .action(async (flags: CreateAppFlags) => {
      const { createAppInBrowser } = await import("./create-app-command.ts");
      await createAppInBrowser(context, program.opts<{ config?: string }>().config, flags);
    });
}
