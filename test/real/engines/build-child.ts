import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import type { BuildRequest } from "../../../src/engines/engine.ts";

/** A flibs of one build, to be killed: prints the log, and at last the outcome. Its argument is the JSON of {@link BuildChild}. */
export interface BuildChild {
  readonly engine: Parameters<typeof dockerEngine>[0];
  readonly key: string;
  readonly request: BuildRequest;
}

const { engine, key, request } = JSON.parse(process.argv[2] ?? "") as BuildChild;
const sink = (text: string) => process.stdout.write(text) || true;
const outcome = await dockerEngine(engine).build(key, request, sink, new AbortController().signal);
process.stdout.write(`\noutcome ${JSON.stringify(outcome)}\n`);
