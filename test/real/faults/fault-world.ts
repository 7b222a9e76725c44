import { setTimeout as delay } from "node:timers/promises";
import type { Digest } from "../../../src/domain/digest.ts";
import { errorKind } from "../../../src/domain/errors.ts";
import { silentLog } from "../../../src/log.ts";
import { carryOutAudit } from "../../../src/promotion/audit-run.ts";
import { childTag, findImage } from "../../../src/promotion/image-children.ts";
import { registryClient } from "../../../src/registry/registry-client.ts";
import { memoryAuditStore } from "../../fakes/audit-store.ts";
import { type FaultProxy, startFaultProxy } from "../../support/fault-proxy.ts";
import { findUnsignedOnDisk, watchUnsigned } from "../../support/unsigned-watch.ts";
import { type RealWorldFaults, realWorld } from "../promotion/real-world.ts";

/** An image that was merged, and what each of its tags is to become. */
export interface Merged {
  readonly image: string;
  readonly wanted: ReadonlyMap<string, Digest>;
}

const mostTries = 30;

/**
 * Releases of two platforms to a real registry through a proxy that fails on demand. Everything that moves is watched: by polling the registry
 * itself, and at each writing of a tag, before the registry has it.
 */
export async function faultWorld(more: Pick<RealWorldFaults, "auth"> = {}) {
  let proxy: FaultProxy | undefined;
  const at = await realWorld(["linux/amd64", "linux/arm64"], true, {
    ...more,
    front: async (endpoint) => {
      proxy = await startFaultProxy(endpoint);
      return proxy.endpoint;
    },
    // As patient as the real one, in a hurry.
    retry: { delay: async (ms) => void (await delay(Math.min(ms, 20))) },
    isKill: (error) => errorKind(error) === "transient",
  });
  const front = proxy as unknown as FaultProxy;
  const credential = more.auth ? { username: more.auth.username, password: more.auth.password } : {};
  const direct = registryClient({ endpoint: at.servers.production.endpoint, plainHttp: true, ...credential });
  let serial = 0;

  /** What is wanted of each tag once this build is released. */
  async function wantedOf(image: string, digest: Digest, release: string): Promise<ReadonlyMap<string, Digest>> {
    const found = await findImage(at.clients.candidate, image, digest);
    const own = [release, "323", "latest"].map((tag) => [tag, digest] as const);
    return new Map([...own, ...(found?.children ?? []).map((child) => [childTag(release, child), child.digest] as const)]);
  }

  return {
    ...{ at, proxy: front },
    /** Proposes and merges the first build of a new image; nothing is released yet. */
    async merge(): Promise<Merged> {
      serial += 1;
      const image = `f40/image-${serial}`;
      const build = await at.build({ id: `20261101-${String(serial).padStart(4, "0")}`, release: "1.fc40", repository: image });
      await at.merge((await at.propose(build.id)).number);
      return { image, wanted: await wantedOf(image, build.digest as Digest, "323-1.fc40") };
    },
    /**
     * Releases what was merged, again and again as a worker would, until nothing transient is left; `between` is called after each try that ended
     * early. Returns how many tries it took, how the last run ended, and what the watch saw.
     */
    async release({ image, wanted }: Merged, between: () => Promise<void> = async () => {}) {
      const findUnsigned = findUnsignedOnDisk(at.lookasides.production, image);
      const publicName = `${at.names.production}/${image}`;
      const watch = watchUnsigned(
        { registry: direct, repository: image, publicName, findUnsigned, digestOf: (tag) => wanted.get(tag) },
        20,
      );
      front.onRequest = (method, path) => watch.onRequest(method, path);
      let [tries, endings] = [1, [] as readonly string[]];
      try {
        for (; ; tries += 1) {
          try {
            endings = (await at.scan()).filter((run) => run.subject.startsWith("release ")).map((run) => run.ending.status);
            break;
          } catch (error) {
            if (errorKind(error) !== "transient" || tries >= mostTries) throw error;
            await between();
          }
        }
      } finally {
        front.onRequest = undefined;
      }
      return { tries, endings, ...(await watch.stop()) };
    },
    /** A deep audit of one image; `latest missing: …` for what is not in order. */
    async audit(image: string): Promise<readonly string[]> {
      const said: string[] = [];
      const ports = { ...at.ports, audits: memoryAuditStore(), log: silentLog };
      await carryOutAudit(ports, "look", { deep: true, imageRepository: image }, new AbortController().signal, ({ lines, failed }) => {
        if (failed !== undefined) said.push(`not looked at: ${failed}`);
        for (const line of lines) if (line.state !== "ok") said.push(`${line.tag} ${line.state}: ${line.message}`);
      });
      return said;
    },
    async stop() {
      direct.close();
      await front.close();
      await at.stop();
    },
  };
}

export type FaultWorld = Awaited<ReturnType<typeof faultWorld>>;
