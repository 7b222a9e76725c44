import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Digest } from "../../src/domain/digest.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { readImageDigests } from "../../src/signing/image-digests.ts";

/** Says why a (digest, public name) is not signed now; undefined when it is. Must ask the disk, not the signer. */
export type FindUnsigned = (digest: Digest, publicName: string) => Promise<string | undefined>;

export interface UnsignedWatch {
  /** For a proxy: looks at the very moment at which somebody writes a tag, before the registry has it. */
  onRequest(method: string, path: string): Promise<void>;
  /** Ends looking; everything that was visible (or would have been) without its signatures, and how often was looked. */
  stop(): Promise<{ readonly violations: readonly string[]; readonly looks: number; readonly tagsWritten: number }>;
}

export interface WatchedRegistry {
  /** Straight to the registry: faults in between are not the watcher's. */
  readonly registry: Registry;
  readonly repository: string;
  /** `registry.example.test/f40/cockpit` */
  readonly publicName: string;
  readonly findUnsigned: FindUnsigned;
  /** What the tag is about to become is read from the body; proxies tell the path only, so the caller says what is wanted. */
  digestOf(tag: string): Digest | undefined;
}

/** Watches that no tag can be seen at any moment without a signature for each digest below it and its own name. */
export function watchUnsigned(at: WatchedRegistry, pauseMs = 5): UnsignedWatch {
  const violations = new Set<string>();
  let [looks, tagsWritten] = [0, 0];
  const stopping = new AbortController();
  // What a digest is never changes; only whether it is signed, and that is asked each time.
  const known = new Map<Digest, Awaited<ReturnType<typeof readImageDigests>>>();

  async function check(tag: string, digest: Digest, when: string): Promise<void> {
    const parts = known.get(digest) ?? (await readImageDigests(at.registry, at.repository, digest));
    known.set(digest, parts);
    for (const part of parts) {
      const why = await at.findUnsigned(part.digest, `${at.publicName}:${tag}`);
      if (why !== undefined) violations.add(`${when}: ${tag} (${part.what}): ${why}`);
    }
  }

  async function look(): Promise<void> {
    for (const tag of await at.registry.listTags(at.repository)) {
      if (/^sha256-/.test(tag)) continue;
      const digest = (await at.registry.findManifest(at.repository, tag))?.digest;
      if (digest !== undefined) await check(tag, digest, "visible");
    }
    looks += 1;
  }

  const looking = (async () => {
    while (!stopping.signal.aborted) {
      await look();
      await delay(pauseMs);
    }
  })();
  looking.catch(() => {});

  return {
    async onRequest(method, path) {
      const tag = new RegExp(`^/v2/${at.repository}/manifests/([^:]+)$`).exec(path)?.[1];
      if (method !== "PUT" || tag === undefined || /^sha256-/.test(tag)) return;
      tagsWritten += 1;
      const digest = at.digestOf(tag);
      if (digest === undefined) violations.add(`written: ${tag}, which nobody wants`);
      else await check(tag, digest, "written");
    },
    async stop() {
      stopping.abort();
      await looking;
      await look();
      return { violations: [...violations], looks, tagsWritten };
    },
  };
}

/**
 * Reads what stands in the lookaside, as a client counts: 1, 2, … The payload stands in the message as it is (gpg is told not to compress), so a
 * look is quick enough to be repeated all the time; whether the signatures are good is the audit's and skopeo's to say.
 */
export function findUnsignedOnDisk(lookaside: string, repository: string): FindUnsigned {
  return async (digest, publicName) => {
    const directory = join(lookaside, `${repository}@${digest.replace(":", "=")}`);
    const count = (await readdir(directory).catch(() => [])).length;
    for (let n = 1; n <= count; n += 1) {
      const text = (await readFile(join(directory, `signature-${n}`)).catch(() => Buffer.alloc(0))).toString("latin1");
      if (text.includes(`"docker-reference":"${publicName}"`) && text.includes(`"docker-manifest-digest":"${digest}"`)) return undefined;
    }
    return `none of ${count} signatures of ${digest} is for ${publicName}`;
  };
}
