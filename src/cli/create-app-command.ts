import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parse, stringify } from "yaml";
import { findSettingsFile } from "../config-load.ts";
import { appError } from "../domain/errors.ts";
import type { AppPlan } from "../forge/new-app.ts";
import { createApp, type StoredApp } from "./create-app.ts";
import type { CommandContext } from "./program.ts";
import { plain, tint } from "./terminal.ts";

/** GitHub's limit for all of the flow. */
const limitMs = 3_600_000;
const ownManifest = join(import.meta.dirname, "../../app.yml");

export interface CreateAppFlags {
  readonly url: string;
  readonly name?: string;
  readonly organization?: string;
  readonly baseUrl: string;
  readonly manifest?: string;
  readonly directory?: string;
  readonly listen: string;
  readonly json: boolean;
}

/** `github create-app`: from the flags to the lines that tell what is left to do. `config` is the settings file that was named. */
export async function createAppInBrowser(context: CommandContext, config: string | undefined, flags: CreateAppFlags): Promise<void> {
  const { terminal, environment } = context;
  const githubApps = await context.githubApps();
  const listen = readListen(flags.listen);
  const settingsFile = flags.directory === undefined ? resolve(findSettingsFile(config, environment)) : undefined;
  const manifestFile = flags.manifest ?? ownManifest;
  const plan = githubApps.plan({
    manifest: readManifest(manifestFile),
    manifestFile,
    web: readAddress("--base-url", flags.baseUrl, true),
    publicUrl: readAddress("--url", flags.url, false),
    organization: readOrganization(flags.organization),
    name: readName(flags.name),
  });
  const app = await createApp({
    ...{ registration: githubApps, plan, listen, limitMs },
    directory: settingsFile === undefined ? resolve(flags.directory ?? ".") : dirname(settingsFile),
    rescuePlaces: [environment.HOME, environment.TMPDIR, "/tmp", "/dev/shm"].filter((place) => place !== undefined),
    onReady: (url) => terminal.err(`Open this in a browser on this machine, within an hour (Ctrl-C stops):\n\n  ${url}\n\n`),
    onInterrupt: context.onInterrupt,
  });
  const forge = forgeSettings(app, plan, settingsFile);
  if (flags.json) terminal.out(`${JSON.stringify({ ...app, installUrl: installUrl(app), forge }, null, 2)}\n`);
  else tell(context, app, settingsFile, forge);
}

/** The `forge` part of the settings; `baseUrl` only where it is not the default. Files beside the settings are named without their directory. */
function forgeSettings(app: StoredApp, { api }: AppPlan, settingsFile: string | undefined): Readonly<Record<string, unknown>> {
  const place = (path: string) => (settingsFile === undefined ? path : relative(dirname(settingsFile), path));
  return {
    kind: "github",
    appId: app.id,
    privateKey: { file: place(app.privateKeyFile) },
    webhookSecrets: [{ file: place(app.webhookSecretFile) }],
    ...(api === "https://api.github.com" ? {} : { baseUrl: api }),
  };
}

function installUrl(app: StoredApp): string {
  return `${app.url}/installations/new`;
}

function tell({ terminal }: CommandContext, app: StoredApp, settingsFile: string | undefined, forge: object): void {
  const lines = [
    `${tint(terminal, "good", `GitHub App ${app.id} is made`)}: ${plain(app.name)}, ${plain(app.url)}`,
    "",
    `private key     ${app.privateKeyFile}`,
    `webhook secret  ${app.webhookSecretFile}`,
    "",
    `Put this into ${settingsFile ?? "the settings file"}, in place of its forge:`,
    "",
    stringify({ forge }).trimEnd(),
    "",
    "Then",
    `  1. install the App on the repositories to build and the registry-manifest repository: ${plain(installUrl(app))}`,
    "  2. let the user who runs flibs read both files, and nobody else",
    "  3. flibs doctor",
  ];
  for (const line of lines) terminal.out(`${line}\n`);
}

function readManifest(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw appError("cli.usage", `the manifest ${file} cannot be read`, { cause });
  }
  try {
    return parse(text, { maxAliasCount: 0, uniqueKeys: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw appError("forge.app-manifest-invalid", `${file} is not YAML: ${reason}`, { file });
  }
}

/** `localToo`: a test server on this machine may do without TLS; secrets go over every other line. */
function readAddress(option: string, text: string, localToo: boolean): string {
  const url = URL.parse(text);
  const secure = url?.protocol === "https:" || (localToo && url?.protocol === "http:" && /^(127\.|\[::1\]$|localhost$)/.test(url.hostname));
  if (url === null || !secure || url.username || url.password || url.search || url.hash) {
    throw appError("cli.usage", `${option} ${plain(text).slice(0, 200)} is no plain https address`, {
      hint: `Write it as in ${option} https://host.example.com`,
    });
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

function readListen(text: string): { host: string; port: number } {
  const [, host = "", port = ""] = /^(127(?:\.\d{1,3}){3}|\[::1\]):(\d{1,5})$/.exec(text) ?? [];
  if (host !== "" && Number(port) < 65_536) return { host: host.replace(/[[\]]/g, ""), port: Number(port) };
  throw appError("cli.usage", `--listen ${plain(text).slice(0, 200)} is no loopback address with a port`, {
    hint: "Write 127.0.0.1:0, or 127.0.0.1:9999 and forward that port with ssh -L 9999:127.0.0.1:9999",
  });
}

function readOrganization(text: string | undefined): string | undefined {
  if (text === undefined || /^[a-z\d][a-z\d_-]{0,38}$/i.test(text)) return text;
  throw appError("cli.usage", `--organization ${plain(text).slice(0, 200)} is no name of an organization`);
}

function readName(text: string | undefined): string | undefined {
  if (text === undefined || (text.trim() === text && text.length >= 1 && text.length <= 34)) return text;
  throw appError("cli.usage", "--name is empty or longer than 34 characters, which GitHub refuses");
}
