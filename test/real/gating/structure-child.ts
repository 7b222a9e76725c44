import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { structureRunner } from "../../../src/gating/structure/structure-runner.ts";
import type { TestRequest } from "../../../src/gating/test-runner.ts";

/** A flibs that runs one suite, to be killed: prints the log. Its argument is the JSON of {@link StructureChild}. */
export interface StructureChild {
  readonly engine: Parameters<typeof dockerEngine>[0];
  readonly key: string;
  readonly request: TestRequest;
}

const { engine, key, request } = JSON.parse(process.argv[2] ?? "") as StructureChild;
const sink = (text: string) => process.stdout.write(text) || true;
await structureRunner({ engine: dockerEngine(engine) }).run(key, request, sink, new AbortController().signal);
