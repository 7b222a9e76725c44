import type { Command } from "commander";
import { metadataName, provenanceName, sbomNames } from "../documents/document-names.ts";
import { formatBytes } from "../domain/amounts.ts";
import { appError } from "../domain/errors.ts";
import type { Client } from "./client.ts";
import { findBuild, readDocument } from "./find-build.ts";
import type { CommandContext } from "./program.ts";
import { formatTable } from "./terminal.ts";

/** `documents`, `metadata`, `sbom`, `provenance`: what is kept with a build beside its record. */
export function addDocumentCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const print = (name: string, wanted: string) =>
    context.withClient(async (client) => {
      const { id } = await findBuild(client, name);
      terminal.out(await readDocument(client, id, wanted));
    });

  program
    .command("documents")
    .argument("<build>", "id or NVR of a build")
    .argument("[name]", "name of one, which is printed; all are listed when left out")
    .description("List the documents that are kept with a build, or print one")
    .action(async (name: string, wanted: string | undefined) => {
      if (wanted !== undefined) return print(name, wanted);
      return context.withClient(async (client) => {
        const { id } = await findBuild(client, name);
        const rows = (await client.builds.listDocuments(id)).map((one) => [one.name, formatBytes(one.bytes), one.mediaType]);
        terminal.out(rows.length === 0 ? "no documents\n" : formatTable(terminal, ["NAME", "SIZE", "TYPE"], rows));
      });
    });

  program
    .command("metadata")
    .argument("<build>", "id or NVR of a build")
    .description("Print a build's Content Generator metadata, as Koji takes it")
    .action((name: string) => print(name, metadataName));

  program
    .command("sbom")
    .argument("<build>", "id or NVR of a build")
    .description("Print the bill of materials of one image of a build")
    .option("--arch <name>", "architecture of the image, as x86_64; need not be given when there is one")
    .option("--format <format>", "spdx (2.3) or cyclonedx (1.6)", "spdx")
    .action(async (name: string, options: { arch?: string; format: string }) => {
      const format = readFormat(options.format);
      await context.withClient(async (client) => {
        const { id } = await findBuild(client, name);
        const architecture = options.arch ?? (await onlyArchitecture(client, id));
        terminal.out(await readDocument(client, id, sbomNames[format](architecture)));
      });
    });

  program
    .command("provenance")
    .argument("<build>", "id or NVR of a build")
    .description("Print a build's provenance: an in-toto statement with what it was made of")
    .action((name: string) => print(name, provenanceName));
}

async function onlyArchitecture(client: Client, build: string): Promise<string> {
  const ending = sbomNames.spdx("");
  const found = (await client.builds.listDocuments(build))
    .map(({ name }) => name)
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length));
  const [only, ...more] = found;
  if (only === undefined) {
    throw appError("cli.not-found", `build ${build} has no bill of materials`, {
      hint: "It has not got that far, or an older release built it",
    });
  }
  if (more.length > 0) {
    throw appError("cli.usage", `build ${build} has an image for each of ${found.join(", ")}`, { hint: `Add --arch ${only}` });
  }
  return only;
}

function readFormat(text: string): keyof typeof sbomNames {
  if (text === "spdx" || text === "cyclonedx") return text;
  throw appError("cli.usage", `"${text.slice(0, 40)}" is not a format`, { hint: "Write spdx or cyclonedx" });
}
