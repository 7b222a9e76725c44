import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildRecord } from "../../src/builds/build-record.ts";
import { silentLog } from "../../src/log.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import type { Run } from "../../src/workflow/run.ts";

/**
 * Reads the embedded database of a service in another process. A test that waits looks twenty times a second; a `flibs` command for each
 * look would take more of the machine than the service itself.
 */
export interface Onlooker {
  builds(repository: string): Promise<readonly BuildRecord[]>;
  /** As `flibs show --json` tells it, without the journal. */
  show(build: string): Promise<BuildRecord & { readonly run: Run }>;
  /** Beginning of one of its logs; empty when there is none. */
  log(build: string, name: string): Promise<string>;
  /** Lets go of the database, which may be gone already; the next look finds the one that runs then. */
  close(): Promise<void>;
}

export function onlooker(stateDirectory: string): Onlooker {
  let open: { readonly url: string; readonly store: Promise<Store> } | undefined;

  async function store(): Promise<Store> {
    const { url } = JSON.parse(await readFile(join(stateDirectory, "postgres/connection.json"), "utf8")) as { url: string };
    if (open?.url !== url) {
      await close();
      open = { url, store: openStore({ url, log: silentLog, connections: 2 }) };
    }
    return await open.store;
  }

  async function close(): Promise<void> {
    const was = open;
    open = undefined;
    await was?.store.then((one) => one.close());
  }

  return {
    close,
    builds: async (repository) => (await store()).builds.list({ repository, limit: 100 }),
    async show(build) {
      const { builds, journal } = await store();
      const [record, run] = [await builds.find(build), await journal.find(build)];
      if (record === undefined || run === undefined) throw new Error(`there is no build ${build}`);
      return { ...record, run };
    },
    log: async (build, name) => (await (await store()).logs.read(build, name, 0, 256 * 1024)).text,
  };
}
