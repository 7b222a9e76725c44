import { spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gitEnvironment } from "../../src/forge/git/git.ts";

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

/** git's smart HTTP: `git http-backend` as a CGI program, behind whatever check the caller has made. */
export function runHttpBackend(request: IncomingMessage, response: ServerResponse, call: BackendCall): void {
  const child = spawn("git", ["http-backend"], {
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
  });
  request.pipe(child.stdin);
  // A client that goes away ends the program; a program that ends early closes its input.
  child.stdin.on("error", () => {});
  child.stderr.resume();
  child.on("error", () => response.destroy());
  response.on("close", () => child.kill());
  passOn(child.stdout, response, call.ended);
}

/** CGI: head lines, an empty line, the body. */
function passOn(output: NodeJS.ReadableStream, response: ServerResponse, ended: BackendCall["ended"]): void {
  let head = Buffer.alloc(0);
  output.on("data", (chunk: Buffer) => {
    if (response.headersSent) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const lines = head.subarray(0, end).toString().split("\r\n");
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
    );
    const { status, ...rest } = headers;
    response.writeHead(Number.parseInt(status ?? "200", 10), rest);
    response.write(head.subarray(end + 4));
  });
  output.on("end", () => {
    if (ended === undefined) return void response.end();
    ended().then(
      () => response.end(),
      () => response.destroy(),
    );
  });
}
