import { z } from "zod";
import { Secret } from "./config-secret.ts";
import { keyName } from "./config-signing.ts";

/** How one registry is reached, and what it is called. */
export const RegistrySettings = z.strictObject({
  endpoint: z.string().describe("host[:port] that flibs and the engine push to"),
  publicName: z.string().optional().describe("host[:port] that users type and signatures name; the endpoint when left out"),
  childTags: z
    .boolean()
    .default(true)
    .describe(
      "Of a production registry: tag each platform of a release as <release>-<architecture>, since docker-registry's garbage-collect --delete-untagged removes what has no tag of its own",
    ),
  plainHttp: z.boolean().default(false).describe("Talk HTTP instead of HTTPS; only for registries on this machine"),
  username: z.string().optional().describe("Name for basic or token authentication; anonymous when left out"),
  hookToken: Secret.optional().describe(
    "Of a production registry: the token with which it tells of pushes (docker-registry's notifications) at /hooks/registry/<name>; without it there is no such address",
  ),
  password: Secret.optional().describe("Password or robot token that goes with the name"),
  signingKey: keyName.optional().describe("Which of signing.keys signs what is in it; the registry's own name when left out"),
});
export type RegistrySettings = z.infer<typeof RegistrySettings>;

/** Also names of directories and parts of addresses (lookasides), so nothing but this. */
const registryName = /^[a-z][a-z0-9-]{0,39}$/;

/**
 * Setting `registries`: `candidate`, and production registries by names of the operator's own; the names stand in policy.yaml too. Two with
 * one public name are refused: one's signatures would do for the other.
 */
export const registriesSetting = z
  .object({ candidate: RegistrySettings })
  .catchall(RegistrySettings)
  .superRefine((registries, context) => {
    const refuse = (name: string, message: string) => context.addIssue({ code: "custom", path: [name], message });
    const names = Object.keys(registries);
    if (names.length < 2) context.addIssue({ code: "custom", message: "name at least one production registry besides candidate" });
    const known = new Map<string, string>();
    for (const name of names) {
      if (!registryName.test(name)) refuse(name, "a registry's name has at most 40 lower-case letters, digits and dashes");
      const publicName = registries[name]?.publicName ?? registries[name]?.endpoint ?? "";
      const other = known.get(publicName);
      if (other !== undefined) refuse(name, `has the public name ${publicName}, as ${other} has: their signatures could not be told apart`);
      known.set(publicName, name);
    }
  })
  .describe("Every successful build goes to candidate; merged promotions go to the production registries that policy.yaml names");
export type RegistriesSettings = z.infer<typeof registriesSetting>;
