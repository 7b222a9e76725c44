import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parse, stringify } from "yaml";
import type { Settings } from "../../src/config.ts";
import { loadSettings } from "../../src/config-load.ts";
import { makeCosignKey } from "./cosign-key.ts";

/** Gives every key set of an installation a cosign key beside what it has; returns the settings as they are then. */
export async function withCosign(settingsFile: string): Promise<Settings> {
  const settings = parse(await readFile(settingsFile, "utf8"));
  for (const [name, keys] of Object.entries(settings.signing.keys as Record<string, { cosign?: unknown }>)) {
    const file = `cosign-${name}.key`;
    await writeFile(join(dirname(settingsFile), file), makeCosignKey().privatePem, { mode: 0o600 });
    keys.cosign = [{ privateKey: { file } }];
  }
  await writeFile(settingsFile, stringify(settings));
  return loadSettings(settingsFile, {});
}
