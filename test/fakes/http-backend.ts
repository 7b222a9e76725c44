import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { gitEnvironment } from "../../src/forge/git/git.ts";
import { runProgram } from "../../src/programs/run-program.ts";

export interface BackendCall {
  /** Directory that holds the bare repositories. */
  readonly root: string;
  /** `/<path of the repository>.git/<service>` below it. */
  readonly path: string;
  readonly url: URL;
  readonly user: string;
  /** Refuses what is wanted by an id that no ref shows: without protocol 2, git does. */
  readonly refsOnly?: boolean;
  /** After git has ended, before the client hears the end. */
  readonly ended?: () => Promise<void>;
}

/** No request and no answer of a test is larger. */
const maxBytes = 256 * 2 ** 20;

/**
 * git's smart HTTP: `git http-backend` as a CGI program, behind whatever check the caller has made. Requests and answers are held whole: those of
 * tests are small, and so the program can be started as all others are.
 */
export async function runHttpBackend(request: IncomingMessage, response: ServerResponse, call: BackendCall): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  try {
    const end = await runProgram(
      {
        program: "git",
        args: ["http-backend"],
        env: {
          ...gitEnvironment(),
          GIT_PROJECT_ROOT: call.root,
          GIT_HTTP_EXPORT_ALL: "1",
          PATH_INFO: call.path,
          QUERY_STRING: call.url.search.slice(1),
          REQUEST_METHOD: request.method ?? "GET",
          CONTENT_TYPE: request.headers["content-type"] ?? "",
          HTTP_CONTENT_ENCODING: String(request.headers["content-encoding"] ?? ""),
          GIT_PROTOCOL: call.refsOnly ? "" : String(request.headers["git-protocol"] ?? ""),
          REMOTE_USER: call.user,
        },
        inputs: { 0: await buffer(request) },
        outputs: { 1: { maxBytes, beyond: "end" } },
        timeoutMs: 300_000,
        // A client that goes away ends the program and what it has started.
        ownGroup: true,
      },
      gone.signal,
    );
    await call.ended?.();
    const { status, headers, body } = parseCgi(Buffer.from(end.outputs[1] ?? []));
    response.writeHead(status, headers).end(body);
  } catch {
    response.destroy();
  }
}

/** CGI: head lines, an empty line, the body. */
function parseCgi(output: Buffer) {
  const end = output.indexOf("\r\n\r\n");
  if (end < 0) throw new Error("git http-backend gave no answer");
  const lines = output.subarray(0, end).toString().split("\r\n");
  const { status = "200", ...headers } = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  return { status: Number.parseInt(status, 10), headers, body: output.subarray(end + 4) };
}
