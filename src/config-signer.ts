import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { duration } from "./config-durations.ts";
import { absoluteSigning } from "./config-load.ts";
import { RegistrySettings } from "./config-registries.ts";
import { Secret } from "./config-secret.ts";
import { SigningSettings, signingKeyName } from "./config-signing.ts";
import { appError } from "./domain/errors.ts";

/** Settings of `flibs signer`, a file of its own: this process has the keys, and nothing of what the service has. */
export const SignerSettings = z
  .strictObject({
    socket: z.string().describe("Unix socket it listens on; its group is who may ask"),
    stateDirectory: z.string().describe("Its own directory, for its clone of the registry manifests; relative to this file"),
    manifests: z
      .strictObject({
        url: z
          .string()
          .regex(/^(https?:\/\/[^@\s]+|\/[^\s]+)$/, "write an https address without a name in it, or an absolute path")
          .describe("Where it fetches the registry-manifest repository itself: https, or the path of a bare repository on this machine"),
        branch: z.string().default("main").describe("Only what this branch's head reaches is signed"),
        username: z.string().optional().describe("Name for the address, with a password"),
        password: Secret.optional().describe("A token that may read this one repository"),
      })
      .describe("Registry manifests"),
    registries: z
      .record(z.string().regex(/^[a-z][a-z0-9-]*$/), RegistrySettings)
      .describe(
        "The same registries as the service's, each with a credential of the signer's own, which must read and, for cosign signatures, write",
      ),
    signing: SigningSettings.omit({ signer: true }).describe(
      "Keys of all registries but candidate; the lookaside is the directory that the service serves, written by the signer alone",
    ),
    timeout: duration("5m", "Longest work on one image file"),
    log: z.strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error"]).default("info") }).prefault({}),
  })
  .superRefine((settings, context) => {
    const add = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    const released = Object.keys(settings.registries).filter((name) => name !== "candidate");
    if (!Object.hasOwn(settings.registries, "candidate") || released.length === 0) add(["registries"], "needs candidate and another one");
    for (const name of released) {
      const keys = signingKeyName(settings, name);
      if (!Object.hasOwn(settings.signing.keys, keys)) add(["signing", "keys"], `has no keys "${keys}" for the registry ${name}`);
      if (keys === signingKeyName(settings, "candidate")) add(["registries", name, "signingKey"], "candidate's keys must not sign here");
    }
    // Not needed here, and what is not here can't be misused from here.
    if (Object.hasOwn(settings.signing.keys, signingKeyName(settings, "candidate"))) {
      add(["signing", "keys"], "the signer needs no keys of candidate: the service signs candidates itself");
    }
  });
export type SignerSettings = z.infer<typeof SignerSettings>;

/** Settings of a signer with absolute paths; throws `config.invalid` and `config.unreadable`. */
export function loadSignerSettings(file: string): SignerSettings {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw appError("config.unreadable", `the settings file ${file} cannot be read`, { file, hint: "docs/signer.md shows one", cause });
  }
  let raw: unknown;
  try {
    raw = parseYaml(text, { maxAliasCount: 0, uniqueKeys: true });
  } catch (error) {
    throw appError("config.invalid", `${file} is not YAML: ${error instanceof Error ? error.message : String(error)}`, { file });
  }
  const parsed = SignerSettings.safeParse(raw);
  if (!parsed.success) {
    throw appError("config.invalid", `${file} is not valid:\n${z.prettifyError(parsed.error)}`, { file, hint: "docs/signer.md shows one" });
  }
  const base = dirname(resolve(file));
  const settings = parsed.data;
  const at = (path: string) => resolve(base, path);
  const secret = (value: Secret): Secret => ("file" in value ? { file: at(value.file) } : value);
  const { password, ...manifests } = settings.manifests;
  const stateDirectory = at(settings.stateDirectory);
  return {
    ...settings,
    socket: at(settings.socket),
    stateDirectory,
    manifests: password === undefined ? manifests : { ...manifests, password: secret(password) },
    registries: Object.fromEntries(
      Object.entries(settings.registries).map(([name, one]) => [name, one.password ? { ...one, password: secret(one.password) } : one]),
    ),
    signing: absoluteSigning(settings.signing, base, stateDirectory),
  };
}
