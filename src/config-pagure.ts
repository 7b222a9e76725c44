import { z } from "zod";
import { Secret } from "./config-secret.ts";

const expires = z.iso.date().optional();
const project = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._+-]*\/[A-Za-z0-9_][A-Za-z0-9._+-]*$/, "write namespace/name");

/** `forge.kind: pagure`. */
export const PagureSettings = z.strictObject({
  kind: z.literal("pagure").describe("A Pagure, as src.fedoraproject.org; docs/pagure.md tells what is to be done there"),
  url: z
    .url({ protocol: /^https?$/ })
    .default("https://src.fedoraproject.org")
    .describe("Address of the instance"),
  user: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/, "write the login name")
    .describe("Login of the bot: whose tokens these are. What it says itself is not obeyed"),
  email: z
    .string()
    .regex(/^[^\s@<>]+@[^\s@<>]+$/, "write an e-mail address")
    .describe("The bot's address, for the commits of promotions"),
  token: Secret.describe("Token for flags and comments; ACLs commit_flag and pull_request_comment"),
  tokenExpires: expires.describe("Its last day, as 2027-01-31, which Pagure never tells: warned of thirty days ahead"),
  promotionToken: Secret.optional().describe(
    "Token for promotions, of the same user; token when left out. ACLs pull_request_create, pull_request_update, pull_request_close, and commit unless push is by ssh",
  ),
  promotionTokenExpires: expires.describe("Its last day; tokenExpires when promotionToken is left out, too"),
  push: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("https").describe("Over HTTPS with the token for promotions") }),
      z.strictObject({
        kind: z.literal("ssh").describe("Over SSH with a key of the bot"),
        url: z
          .string()
          .regex(/^ssh:\/\/[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+(?::\d{1,5})?$/, "write ssh://user@host")
          .describe("As ssh://git@pagure.io, or ssh://USER@pkgs.fedoraproject.org"),
        key: z.string().describe("File of the private key; relative to the settings file"),
        knownHosts: z.string().describe("File that the server's key stands in; relative to the settings file"),
      }),
    ])
    .default({ kind: "https" })
    .describe("How branches of promotions get there: Pagure has no API for files"),
  hookKeys: z
    .record(project, z.array(Secret).min(1).max(2))
    .default({})
    .describe("Hook keys by project, two while one is being replaced; those of other projects are read from Pagure"),
  readHookKeys: z
    .boolean()
    .default(true)
    .describe("Ask Pagure for hook keys that hookKeys does not name; the bot needs ticket access to the projects for it"),
  acceptSha1: z.boolean().default(false).describe("Believe deliveries that are signed with SHA-1 only; for a Pagure that sends no SHA-256"),
});
