import { constants, createWriteStream } from "node:fs";
import { lstat, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { isAppError } from "../../domain/errors.ts";
import { type CallLimits, limitCall } from "../../engines/call-limits.ts";
import type { Engine, LogSink, TestContainer } from "../../engines/engine.ts";
import { maxLeftYamlBytes, type ParsedYaml } from "../left-yaml.ts";
import { parseYamlApart } from "../parse-yaml-apart.ts";
import type { TestRequest, TestResult, TestRunner } from "../test-runner.ts";
import { ansibleArguments, ansibleEnvironment } from "./ansible-call.ts";
import { boundedLog } from "./bounded-log.ts";
import { type ClosedEnd, runClosed } from "./closed-process.ts";
import { type Collected, collectArtifacts } from "./collect-artifacts.ts";
import { countCalls } from "./count-calls.ts";
import { demandPrograms, programs } from "./programs.ts";
import { maxAliases, type Reading, readResults } from "./read-results.ts";
import { findRefused } from "./refused.ts";
import { serveSubject } from "./subject-server.ts";
import { layOutWorkspace } from "./workspace.ts";

export interface StiRunnerOptions {
  readonly engine: Pick<Engine, "open">;
  /** Removes a directory with everything below, also what its owner has locked or nested too deep for a path. */
  readonly removeTree: (path: string) => Promise<void>;
  /** Milliseconds; for durations. */
  readonly now?: () => number;
}

/** In the directory of artifacts, where a suite's own files of these names have no place. */
const logName = "ansible.log";
const workspaceName = ".workspace";

/** What `tests/tests*.yml` declares; the distgit room reads it. */
const StiSuite = z.strictObject({ playbook: z.string().regex(/^tests\/[a-z0-9_-]+\.yml$/) });

/**
 * Standard Test Interface 2.0.0: the repository's playbook runs on this machine, in a closed workspace that reaches nothing but one container of the
 * image, through a connection of ours; see docs/decisions/0032. Not carried out to its end is an error: it says nothing about the image.
 */
export function stiRunner({ engine, removeTree, now = () => performance.now() }: StiRunnerOptions): TestRunner {
  return {
    kind: "sti",
    async run(key, request, sink, signal) {
      const startedAt = now();
      const workspace = join(request.artifacts, workspaceName);
      try {
        const result = await runSuite(engine, key, request, workspace, sink, signal);
        return { suite: request.suite.name, durationMs: Math.round(now() - startedAt), ...result };
      } finally {
        await removeTree(workspace);
      }
    },
  };
}

type Result = Pick<TestResult, "outcome" | "message" | "cases" | "artifacts" | "final">;

async function runSuite(
  engine: StiRunnerOptions["engine"],
  key: string,
  request: TestRequest,
  workspace: string,
  sink: LogSink,
  signal: AbortSignal,
): Promise<Result> {
  const parsed = StiSuite.safeParse(request.suite.definition);
  if (!parsed.success) return forGood(`the suite is not valid: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, " ").slice(0, 400)}`);
  try {
    await demandPrograms();
  } catch (error) {
    if (isAppError(error)) return forGood(`${error.message}: ${error.hint}`);
    throw error;
  }
  using limits = limitCall(sink, signal, request.limits.timeoutMs);
  await mkdir(workspace);
  const subject = `docker:${request.image}`;
  const left = await layOutWorkspace(workspace, { tree: request.tree, subject, branch: request.branch });
  for (const one of left) limits.say(`left out: ${one}\n`);
  const refused = await findRefused(join(workspace, "tests"), parsed.data.playbook);
  if (refused !== undefined) return forGood(refused);
  const opened = await engine.open(key, request, sinkOf(limits), limits.signal);
  if (opened.outcome !== "open") {
    if (opened.outcome === "not-started") return failed(`the container could not be started: ${opened.message}`);
    return endedEarly(limits, request);
  }
  try {
    return await playAndRead(opened.container, workspace, request, parsed.data.playbook, limits);
  } finally {
    await opened.container.close();
  }
}

/** What the engine says of the pull goes into the same log, and counts. */
function sinkOf(limits: CallLimits): LogSink {
  return (text) => {
    limits.say(text);
    return !limits.signal.aborted;
  };
}

async function playAndRead(
  container: TestContainer,
  workspace: string,
  request: TestRequest,
  playbook: string,
  limits: CallLimits,
): Promise<Result> {
  const counted = countCalls(container);
  const end = await play(counted.container, workspace, request, playbook, limits);
  // The engine has limits of its own, and a playbook may go on without the container.
  if (container.ended() === "disk-limit") limits.stop("disk-limit");
  const own = join(workspace, "artifacts");
  // The suite may have put a link in its place: what that leads to is the whole machine's.
  if (!(await lstat(own).catch(() => undefined))?.isDirectory()) {
    return { ...forGood("the suite took the artifacts folder away"), artifacts: [logName] };
  }
  const bytes = await readFileOf(join(own, "results.yml"));
  const [results] = await parseYamlApart({ files: bytes === undefined ? [] : [bytes], maxAliases });
  const collected = await collectArtifacts(own, request.artifacts, [logName, workspaceName]);
  for (const one of collected.left) limits.say(`artifact ${one}\n`);
  const artifacts = [...collected.files, logName];
  // A playbook whose plays are for others, or have other tags, ends well too.
  const isIdle = results === undefined && counted.calls() === 0;
  const reading = judge(end, isIdle, results, collected, limits, request);
  const told = collected.left.length === 0 ? "" : `; ${collected.left.length} of the artifacts left out or cut, see the log`;
  return { ...reading, message: `${reading.message}${told}`, artifacts };
}

function judge(
  end: ClosedEnd,
  isIdle: boolean,
  results: ParsedYaml | undefined,
  { placeOf }: Collected,
  limits: CallLimits,
  request: TestRequest,
): Reading {
  if (limits.ended() !== undefined) return endedEarly(limits, request);
  if (end.kind === "stopped") return failed(`the playbook was stopped: ${end.problem}`);
  if (isIdle && end.exitCode === 0)
    return forGood("nothing was carried out: no command reached the container, and there is no results.yml");
  return readResults({ exitCode: end.exitCode, results, placeOf });
}

async function play(
  container: TestContainer,
  workspace: string,
  request: TestRequest,
  playbook: string,
  limits: CallLimits,
): Promise<ClosedEnd> {
  const server = await serveSubject(workspace, container, limits.signal);
  const file = createWriteStream(join(request.artifacts, logName), { mode: 0o600 });
  const log = boundedLog(file);
  const decoder = new TextDecoder();
  try {
    return await runClosed(
      {
        workspace,
        program: programs.ansible,
        args: await ansibleArguments(workspace, playbook),
        env: ansibleEnvironment(request.image),
        take: (bytes) => {
          log.write(bytes);
          limits.say(decoder.decode(bytes, { stream: true }));
        },
      },
      limits.signal,
    );
  } finally {
    await server.close();
    await log.close();
  }
}

function endedEarly(limits: CallLimits, { limits: { timeoutMs } }: TestRequest): Reading {
  switch (limits.ended()) {
    case "timed-out":
      return failed(`did not end within ${timeoutMs / 1000} s`);
    case "log-limit":
      return forGood("printed more than the log limit allows");
    case "disk-limit":
      return forGood("wrote more on the container's disk than is allowed");
    default:
      return forGood("cancelled");
  }
}

function failed(message: string): Reading {
  return { outcome: "error", message, cases: [] };
}

/** Another try would come to the same. */
function forGood(message: string): Reading {
  return { ...failed(message), final: true };
}

/** At most one byte more than the reading takes. A link, or something that is no file, is as good as nothing. */
async function readFileOf(path: string): Promise<Uint8Array | undefined> {
  const found = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined);
  if (found === undefined) return undefined;
  try {
    if (!(await found.stat()).isFile()) return undefined;
    const { buffer, bytesRead } = await found.read(Buffer.alloc(maxLeftYamlBytes + 1), 0, maxLeftYamlBytes + 1, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await found.close();
  }
}
