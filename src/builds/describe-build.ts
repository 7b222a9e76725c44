import { createHash } from "node:crypto";
import { buildDocuments } from "../documents/build-documents.ts";
import type { DescribedLog } from "../documents/finished-build.ts";
import type { Digest } from "../domain/digest.ts";
import { buildLogs, readBuildLog } from "../koji/build-logs.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildRecord, BuildRequested } from "./build-record.ts";
import { maskSecrets } from "./mask-secrets.ts";

/**
 * Makes and keeps the documents of a build whose images are all in the registry: before it is recorded as complete, so that no complete build is
 * without them. Done again it replaces them.
 */
export async function describeBuild(
  ports: BuildPorts,
  id: string,
  request: BuildRequested,
  { index, engine }: { readonly index: Digest; readonly engine: string },
): Promise<void> {
  const { builds, candidate, settings } = ports;
  const build = await builds.find(id);
  if (build?.plan === undefined) throw new Error(`build ${id} has no record or no plan when it is described`);
  const list = await candidate.registry.readManifest(build.plan.imageRepository, index);
  const documents = buildDocuments({
    build: withoutSecrets(build, maskSecrets(ports.secrets)),
    described: {
      finishedAt: new Date().toISOString(),
      source: ports.forge(request.forge).sourceUrl(request.repository),
      index: { digest: index, mediaType: list.mediaType },
      engine,
      logs: await describeLogs(ports, id, build.plan.platforms),
    },
    publicName: candidate.publicName,
    maker: { name: "flibs", version: settings.version, url: settings.publicUrl },
  });
  await builds.saveDocuments(id, documents);
}

/** An address may have a secret of the site in it, and documents are read by everybody. */
function withoutSecrets(build: BuildRecord, mask: (text: string) => string): BuildRecord {
  return build.yumRepositories === undefined ? build : { ...build, yumRepositories: build.yumRepositories.map(mask) };
}

async function describeLogs({ logs }: BuildPorts, id: string, platforms: Parameters<typeof buildLogs>[0]): Promise<DescribedLog[]> {
  const existing = (await logs.list(id)).map(({ name }) => name);
  const described: DescribedLog[] = [];
  for (const log of buildLogs(platforms, existing)) {
    const hash = createHash("sha256");
    let sizeBytes = 0;
    for await (const bytes of readBuildLog(logs, id, log)) {
      hash.update(bytes);
      sizeBytes += bytes.length;
    }
    described.push({ filename: log.filename, architecture: log.architecture, sizeBytes, sha256: hash.digest("hex") });
  }
  return described;
}
