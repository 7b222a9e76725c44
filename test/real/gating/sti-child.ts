// Started by sti-killed.test.ts, and killed while a suite hangs: a process of its own, as flibs is one.
import { removeTree } from "../../../src/builds/workspace/remove-tree.ts";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { stiRunner } from "../../../src/gating/sti/sti-runner.ts";

const [host = "", installation = "", stateDirectory = "", image = "", platform = "", tree = "", artifacts = ""] = process.argv.slice(2);
const engine = dockerEngine({ host, installation, stateDirectory, slots: 1 });
await stiRunner({ engine, removeTree }).run(
  "killed",
  {
    suite: { name: "tests", kind: "sti", definition: { playbook: "tests/tests.yml" }, required: true },
    image,
    platform: platform as `${string}/${string}`,
    tree,
    artifacts,
    limits: { timeoutMs: 300_000, memoryBytes: 2 ** 28, processes: 100 },
  },
  (text) => process.stdout.write(text),
  new AbortController().signal,
);
