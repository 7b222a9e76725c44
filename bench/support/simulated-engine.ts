import { setTimeout as delay } from "node:timers/promises";
import { type Digest, digestOf } from "../../src/domain/digest.ts";
import type { Engine } from "../../src/engines/engine.ts";
import type { Registry } from "../../src/registry/registry.ts";

/** When a slot was taken and given back, milliseconds. */
export interface Busy {
  readonly from: number;
  to: number;
}

/**
 * An engine whose builds take a slot for as long as a build lasts, wait for one as a real engine does, and push an image of no layers to the candidate
 * registry. What `inner` does beside that stays as it is.
 */
export function simulatedEngine(
  inner: Engine,
  registry: Registry,
  options: { readonly slots: number; readonly buildMs: { readonly from: number; readonly to: number }; readonly busy: Busy[] },
): Engine {
  const { buildMs, busy } = options;
  let free = options.slots;
  const waiting: (() => void)[] = [];
  const images = new Map<Digest, Buffer>();
  return {
    ...inner,
    async build(key, request, sink, signal) {
      if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      else free -= 1;
      const one = { from: performance.now(), to: Number.POSITIVE_INFINITY };
      busy.push(one);
      await delay(buildMs.from + Math.random() * (buildMs.to - buildMs.from));
      one.to = performance.now();
      // The slot goes to the next one as it is.
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
      const made = digestOf(`${key} ${request.dockerfile} ${signal.aborted} ${sink("built\n")}`);
      const config = Buffer.from(JSON.stringify({ os: "linux", author: made, rootfs: { type: "layers", diff_ids: [] } }));
      images.set(digestOf(config), config);
      return { outcome: "built", imageId: digestOf(config) };
    },
    async push(_, imageId, { repository, tag }) {
      const config = images.get(imageId as Digest);
      if (config === undefined) throw new Error(`${imageId} was not built`);
      images.delete(imageId as Digest);
      await registry.putBlob(repository, config);
      const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
      const configType = "application/vnd.docker.container.image.v1+json";
      const described = { mediaType: configType, digest: imageId, size: config.length };
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config: described, layers: [] }));
      const digest = await registry.putManifest(repository, tag, { mediaType, bytes, digest: digestOf(bytes) });
      return { digest, size: bytes.length };
    },
  };
}
