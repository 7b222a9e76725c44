import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { removeTree } from "../../../src/builds/workspace/remove-tree.ts";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { stiRunner } from "../../../src/gating/sti/sti-runner.ts";
import type { TestResult } from "../../../src/gating/test-runner.ts";
import { busyboxTree } from "../../support/busybox-tree.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

export interface StiRun {
  readonly result: TestResult;
  /** What the live log got. */
  readonly log: string;
  /** Texts of the artifacts that the result names; of large ones the beginning. */
  readonly artifacts: Readonly<Record<string, string>>;
  /** Everything in the directory of artifacts, named or not. */
  readonly kept: readonly string[];
}

export interface StiOptions {
  /** More files below `tests/`. */
  readonly files?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly diskBytes?: number;
  /** Characters that the live log takes. */
  readonly logLength?: number;
  readonly signal?: AbortSignal;
  readonly branch?: string;
  /** The world's own, of busybox, when left out. */
  readonly image?: string;
}

/** A real engine with a real image, of busybox and without Python, and a runner for one playbook after the other. */
export async function stiWorld() {
  const docker = await requireDocker();
  const scratch = await scratchDirectory();
  const installation = `sti-${randomBytes(4).toString("hex")}`;
  const engine = dockerEngine({ host: `unix://${dockerSocket}`, installation, stateDirectory: join(scratch.path, "state"), slots: 2 });
  const [platform = "linux/amd64" as const] = await engine.platforms();
  const context = join(scratch.path, "image");
  await busyboxTree(context);
  await writeFile(join(context, "hello"), "hello\n");
  const limits = { timeoutMs: 60_000, memoryBytes: 2 ** 28, processes: 100 };
  let number = 0;

  async function buildImage(lines: string): Promise<string> {
    const request = {
      platform,
      context,
      // No other world's image is the same: what it is called marks its processes.
      dockerfile: `FROM scratch\nLABEL world=${installation}\nCOPY bin /bin\nCOPY hello /etc/hello\n${lines}\n`,
      parents: [],
      buildArguments: {},
      limits,
    };
    const built = await engine.build(`image-${++number}`, request, () => true, new AbortController().signal);
    if (built.outcome !== "built") throw new Error(JSON.stringify(built));
    return built.imageId;
  }
  const image = await buildImage('RUN /bin/busybox mkdir -m 1777 /tmp && /bin/busybox --install -s /bin\nUSER 65534\nCMD ["/bin/sh"]');

  /** Runs `tests/tests.yml`. */
  async function run(playbook: string, options: StiOptions = {}): Promise<StiRun> {
    const own = join(scratch.path, `run-${++number}`);
    const artifacts = join(own, "artifacts");
    for (const [name, text] of Object.entries({ "tests.yml": playbook, ...options.files })) {
      await mkdir(dirname(join(own, "tree/tests", name)), { recursive: true });
      await writeFile(join(own, "tree/tests", name), text, { mode: name === "inventory" ? 0o755 : 0o644 });
    }
    await mkdir(artifacts, { mode: 0o700 });
    let log = "";
    const result = await stiRunner({ engine, removeTree }).run(
      `sti-${number}`,
      {
        suite: { name: "tests", kind: "sti", definition: { playbook: "tests/tests.yml" }, required: true },
        image: options.image ?? image,
        platform,
        tree: join(own, "tree"),
        artifacts,
        limits: {
          ...limits,
          timeoutMs: options.timeoutMs ?? 60_000,
          ...(options.diskBytes === undefined ? {} : { diskBytes: options.diskBytes }),
        },
        ...(options.branch === undefined ? {} : { branch: options.branch }),
      },
      (text) => {
        if (log.length < 200_000) log += text;
        return log.length < (options.logLength ?? 200_000);
      },
      options.signal ?? new AbortController().signal,
    );
    const texts: Record<string, string> = {};
    for (const name of result.artifacts ?? []) texts[name] = (await readFile(join(artifacts, name), "utf8")).slice(0, 10_000);
    return { result, log, artifacts: texts, kept: await readdir(artifacts, { recursive: true }) };
  }

  return {
    ...{ engine, docker, scratch: scratch.path, run, platform, image, context, buildImage },
    /** Stands in the environment of every process of a playbook of the world's own image. */
    mark: `TEST_SUBJECTS=docker:${image}`,
    /** Names of containers that this world has left on the engine. */
    containers: async () => {
      const all = await docker.listContainers({ all: true });
      return all.flatMap((one) => one.Names).filter((name) => name.includes(installation));
    },
    sizeOf: (path: string) => stat(path).then(({ size }) => size),
    async close() {
      await engine.cleanUp(() => false);
      await engine.close();
      await scratch.remove();
    },
  };
}

/** A playbook of one play on the subject, in which `tasks` are indented by four. */
export function playbook(tasks: string, play = "hosts: subjects"): string {
  return `- ${play}\n  gather_facts: false\n  tags: [container]\n  tasks:\n${tasks}`;
}

/** A task on the host's side, and one in the container, without which nothing would have been tested. */
export function besideContainer(task: string): string {
  return playbook(task, "hosts: localhost\n  connection: local") + playbook("    - raw: exit 0\n");
}

/** A task on the host's side that writes `results.yml`. */
export function resultsTask(text: string): string {
  return `    - copy: {dest: "{{ lookup('env', 'TEST_ARTIFACTS') }}/results.yml", content: ${JSON.stringify(text)}}\n      delegate_to: localhost\n`;
}
