import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Pagure, startPagure } from "../test/fakes/pagure/pagure.ts";
import { readFiles } from "../test/support/template-files.ts";
import { firstManifests, hello, manifests, moveSettings } from "./first-manifests.ts";

/** Login of flibs there. */
export const bot = "flibs-bot";

/**
 * Pagure as the double plays it, with both projects, the bot with its two tokens, and the settings of the installation that `flibs init`
 * made moved from the local forge to it. Webhooks begin once the projects name an address.
 */
export async function startPagureDouble(request: { readonly root: string; readonly installation: string }): Promise<Pagure> {
  const pagure = await startPagure();
  try {
    for (const name of ["alice", "mallory", "rel", bot]) pagure.user(name);
    const template = await readFiles(join(request.root, "containers-repo-template"));
    await pagure.createProject(hello, { files: template, owner: "alice", users: { ticket: [bot] } });
    await pagure.createProject(manifests, { files: await firstManifests(request.installation), owner: "rel", users: { commit: [bot] } });
    await moveSettings(request.installation, await writeTokens(request.installation, pagure));
    return pagure;
  } catch (error) {
    await pagure.close();
    throw error;
  }
}

/** As docs/pagure.md says: one token made by an administrator, one by the bot, each with the least that it needs. */
async function writeTokens(installation: string, pagure: Pagure): Promise<Record<string, unknown>> {
  const [token, promotionToken] = ["pagure-reports.token", "pagure-promotions.token"];
  const reports = pagure.createToken({ user: bot, acls: ["commit_flag", "pull_request_comment"] });
  const acls = ["commit", "pull_request_create", "pull_request_update", "pull_request_close"];
  await writeFile(join(installation, token), `${reports}\n`, { mode: 0o600 });
  await writeFile(join(installation, promotionToken), `${pagure.createToken({ user: bot, acls })}\n`, { mode: 0o600 });
  return {
    ...{ kind: "pagure", url: pagure.url, user: bot, email: `${bot}@example.test` },
    ...{ token: { file: token }, promotionToken: { file: promotionToken } },
  };
}
