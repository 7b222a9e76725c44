import { execFile } from "node:child_process";
import { access, constants, readFile, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import type { App } from "./app.ts";
import { buildPlaceOf } from "./app-engines.ts";
import type { Check } from "./cli/doctor.ts";
import type { Settings } from "./config.ts";
import { keysToWatch, publicUrlOf, registryNames, registryOf } from "./config-values.ts";
import { formatBytes } from "./domain/amounts.ts";
import { appError, isAppError } from "./domain/errors.ts";
import { lookAtEngine } from "./engine-doctor.ts";
import type { ForgeDoctor } from "./forge/forge-doctor.ts";
import { readAppNeeds } from "./forge/github/app-manifest.ts";
import { lookAtAnsible } from "./gating/sti/sti-doctor.ts";
import { formatExpiry } from "./signing/key-watch.ts";
import { readSigningKey } from "./signing/openpgp/signing-key.ts";

const run = promisify(execFile);
const leastFreeBytes = 5 * 2 ** 30;

/** Everything an installation needs, in the order in which a newcomer would mend it. `open` gives the app, or throws why not. */
export function doctorChecks(settings: Settings, open: () => Promise<App>): readonly Check[] {
  const { forge, stateDirectory } = settings;
  return [
    { name: "node", look: async () => `Node ${process.versions.node}` },
    { name: "git", look: async () => (await run("git", ["--version"])).stdout.trim() },
    { name: "gpg", look: async () => (await run("gpg", ["--version"])).stdout.split("\n")[0] ?? "" },
    { name: "state directory", look: () => lookAtDirectory(stateDirectory) },
    ...(forge.kind === "local" ? [{ name: "repositories", look: () => lookAtDirectory(forge.directory) }] : []),
    {
      name: "database",
      look: async () => {
        const [newest] = await (await open()).runs.list({ limit: 1 });
        return newest ? `answers, newest run ${newest.id} is ${newest.status}` : "answers, no runs yet";
      },
    },
    ...(forge.kind === "local" ? [] : forgeChecks(settings, open)),
    ...settings.engines.map(({ name }) => ({
      name: settings.engines.length === 1 ? "engine" : `engine ${name}`,
      look: async () => lookAtEngine((await open()).engines.named(name)),
    })),
    { name: "build network", look: () => lookAtNetwork(settings) },
    { name: "Ansible", look: () => lookAtAnsible() },
    ...registryNames(settings).map((name) => ({
      name: `${name} registry`,
      look: async () => {
        await (await open()).registries.named(name).findManifest("flibs", "doctor");
        return `${registryOf(settings, name).endpoint} answers`;
      },
    })),
    ...registryNames(settings).map((name) => ({
      name: `${name} key`,
      look: async () => {
        const keys = keysToWatch(settings).filter((key) => key.registry === name);
        const { gnupg, signers } = await open();
        const found = await Promise.all(keys.map((key) => readSigningKey(gnupg, key.fingerprint, Date.now(), key.part)));
        const openpgp = found.map((key) => `${key.fingerprint}, ${formatExpiry(key, Date.now())}`);
        const cosign = signers.named(name).keys.filter((key) => key.kind === "cosign" && key.use === "sign");
        return [...openpgp, ...cosign.map((key) => `cosign ${key.id.slice(0, 19)}…`)].join("; ");
      },
    })),
    ...(settings.signing.signer === undefined ? [] : [{ name: "signer", look: () => lookAtSigner(open) }]),
    {
      name: "manifests",
      look: async () => {
        const { repository, branch } = settings.manifests;
        const head = await (await open()).forge.findHead(repository, branch);
        if (head !== undefined) return `${repository} ${branch} at ${head.slice(0, 12)}`;
        throw appError("config.invalid", `${repository} has no branch ${branch}`, {
          hint: "flibs init makes the registry-manifest repository",
        });
      },
    },
  ];
}

/** Asked for what it must refuse, a signer that refuses it is there, may be spoken to, and reads the registry manifests itself. */
async function lookAtSigner(open: () => Promise<App>): Promise<string> {
  const nothing = { commit: "0".repeat(40), path: "images/flibs/doctor.yaml", registry: "production" };
  try {
    await (await open()).promotion.releaseSigner.sign(nothing, AbortSignal.timeout(60_000));
  } catch (error) {
    if (isAppError(error) && error.code === "signing.request-refused") return "answers, and refuses what nobody merged";
    throw error;
  }
  throw appError("signing.signature-bad", "the signer signed what nobody merged", { hint: "Stop it, and look at what listens there" });
}

/** Needs no database: an administrator may set the network up before anything else. */
async function lookAtNetwork(settings: Settings): Promise<string> {
  const { findings } = await buildPlaceOf(settings).network.check();
  const bad = findings.find(({ state }) => state === "bad");
  if (bad) throw appError(bad.code ?? "engine.network-unknown", `${bad.name}: ${bad.message}`, optionalHint(bad.hint));
  return findings.map(({ message }) => message).join("; ");
}

function optionalHint(hint: string | undefined): { hint?: string } {
  return hint === undefined ? {} : { hint };
}

/** How flibs stands with a forge of others: a GitHub App is compared with flibs' own app.yml, on Pagure tokens and rights are tried. */
function forgeChecks(settings: Settings, open: () => Promise<App>): readonly Check[] {
  const doctor = async (): Promise<ForgeDoctor> => {
    const { forgeDoctor } = await open();
    if (forgeDoctor === undefined) throw new Error("the forge of these settings has no doctor");
    return forgeDoctor;
  };
  const isGithub = settings.forge.kind === "github";
  const needs = async () => ({
    ...(isGithub ? readAppNeeds(parse(await readFile(join(import.meta.dirname, "../app.yml"), "utf8"))) : { permissions: {}, events: [] }),
    hookUrl: `${publicUrlOf(settings)}/hooks/${settings.forge.kind}`,
  });
  const label = isGithub ? "GitHub" : "Pagure";
  return [
    { name: isGithub ? "GitHub App" : "Pagure bot", look: async () => (await doctor()).lookAtIdentity() },
    { name: `${label} permissions`, look: async () => (await doctor()).lookAtGrants(await needs()) },
    { name: `${label} repositories`, look: async () => (await doctor()).lookAtRepositories() },
    { name: `${label} deliveries`, look: async () => (await doctor()).lookAtDeliveries(await needs()) },
  ];
}

async function lookAtDirectory(path: string): Promise<string> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw appError("config.unreadable", `${path} is not there or not writable`, { hint: "Make it, or correct the settings", cause });
  }
  const { bavail, bsize } = await statfs(path);
  const free = bavail * bsize;
  const mode = (await stat(join(path))).mode & 0o777;
  if (free >= leastFreeBytes) return `${path}, mode ${mode.toString(8)}, ${formatBytes(free)} free`;
  throw appError("config.unreadable", `${path} has only ${formatBytes(free)} free`, {
    hint: `Make room: builds need ${formatBytes(leastFreeBytes)}`,
  });
}
