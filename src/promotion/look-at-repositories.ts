import type { PromotionPorts } from "./promotion-ports.ts";
import { imagePath } from "./registry-manifest.ts";
import { releaseSubject } from "./release-flow.ts";
import { reconciledKey } from "./release-store.ts";

/**
 * Starts a release of each repository of one destination that somebody hinted at: it tells drift and makes good what is missing. Only of images
 * that were released there before, and none whose run waits already; so no hint, however often it comes, makes more runs than there are images.
 * Returns the runs.
 */
export async function lookAtRepositories(
  ports: PromotionPorts,
  registry: string,
  repositories: readonly string[],
): Promise<readonly string[]> {
  const { repository } = ports.settings;
  const known = await ports.releases.listReconciled(repository);
  const runs: string[] = [];
  for (const imageRepository of repositories) {
    const path = imagePath(imageRepository);
    const commit = known.get(reconciledKey(registry, path))?.commit;
    if (commit === undefined) continue;
    const subject = releaseSubject(registry, path);
    const open = await ports.runs.list({ flow: "release", subject, status: ["queued", "waiting"], limit: 1 });
    if (open.length > 0) continue;
    const intent = { repository, registry, path, commit };
    const key = `${subject} hint ${ports.now().toISOString()}`;
    runs.push(await ports.runs.start({ flow: "release", subject, intent, key, whenBusy: "queue" }));
  }
  return runs;
}
