import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { ParsedYaml } from "./left-yaml.ts";

export interface ApartRequest {
  readonly files: readonly Uint8Array[];
  /** How often anchors of one file may be used. */
  readonly maxAliases: number;
}

/** Of all files of a call. */
const maxBytes = 256 * 1024;
/** Of all files of a call, from when the thread has started: on a busy machine that alone may take a second. */
const maxParsingMs = 2000;

/**
 * YAML that tests have left, in a thread of its own: whoever wrote it may have made it so that reading takes minutes or gigabytes, in which this process
 * would do nothing else. Each file has its answer, in their order; where bytes, time or memory run out, all have that. Rejects only when no thread can be
 * started.
 */
export async function parseYamlApart(request: ApartRequest): Promise<readonly ParsedYaml[]> {
  const { files, maxAliases } = request;
  const all = (problem: string) => files.map(() => ({ problem }));
  if (files.length === 0) return [];
  if (files.reduce((sum, { length }) => sum + length, 0) > maxBytes) return all(`it has, with others, more than ${maxBytes / 1024} KiB`);
  const worker = new Worker(join(import.meta.dirname, "yaml-worker.ts"), {
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 },
  });
  try {
    await once(worker, "message");
    worker.postMessage({ files, maxAliases });
    const [parsed] = await once(worker, "message", { signal: AbortSignal.timeout(maxParsingMs) });
    return parsed as readonly ParsedYaml[];
  } catch (error) {
    const { name, code } = error as { name?: unknown; code?: unknown };
    if (name === "AbortError") return all("it takes too long to be read");
    if (code === "ERR_WORKER_OUT_OF_MEMORY") return all("it takes too much memory to be read");
    // Nested so deep that it can't be handed over.
    if (name === "RangeError" || name === "DataCloneError") return all("it is nested too deep");
    throw error;
  } finally {
    await worker.terminate();
  }
}
