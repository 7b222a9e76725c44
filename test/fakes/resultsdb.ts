import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeResultsDb extends AsyncDisposable {
  /** Without `/api/v2.0`. */
  readonly url: string;
  /** As they are answered, oldest first. */
  readonly results: readonly StoredResult[];
  /** Method and path with query of each request. */
  readonly asked: readonly string[];
  readonly tokens: readonly (string | undefined)[];
  /** What the next requests of a method are answered in the place of the real answer; `hang-up` after the work is done. */
  fail(method: "GET" | "POST", ...answers: readonly (number | "hang-up" | "page" | "redirect")[]): void;
}

export interface StoredResult {
  readonly id: number;
  readonly href: string;
  readonly testcase: { readonly name: string; readonly ref_url: string | null; readonly href: string };
  readonly outcome: string;
  readonly note: string | null;
  readonly ref_url: string | null;
  readonly submit_time: string;
  readonly groups: readonly string[];
  readonly data: Readonly<Record<string, readonly string[]>>;
}

const known = ["PASSED", "INFO", "FAILED", "NEEDS_INSPECTION", "ERROR", "QUEUED", "RUNNING"];

/**
 * A ResultsDB in memory, its API's version 2: makes texts of all data as Python does, refuses colons in keys and unknown outcomes, in the words of
 * the captured answers. It fails when it is told to.
 */
export async function fakeResultsDb(): Promise<FakeResultsDb> {
  const results: StoredResult[] = [];
  const asked: string[] = [];
  const tokens: (string | undefined)[] = [];
  const failures: Record<string, (number | "hang-up" | "page" | "redirect")[]> = { GET: [], POST: [] };
  let url = "";

  const server = createServer(async (request, reply) => {
    const answer = (status: number, body: unknown) =>
      reply.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    asked.push(`${request.method} ${request.url}`);
    tokens.push(request.headers.authorization);
    const fault = failures[request.method ?? ""]?.shift();
    if (typeof fault === "number") return answer(fault, { message: `told to answer ${fault}` });
    if (fault === "page") return reply.writeHead(200, { "content-type": "text/html" }).end("<h1>proxy</h1>");
    if (fault === "redirect") return reply.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
    if (pathname !== "/api/v2.0/results") return answer(404, { message: "Not found" });
    if (request.method === "GET") return answer(200, { data: find(searchParams), next: null, prev: null });
    const { status, body } = store(JSON.parse(await textOf(request)));
    if (fault === "hang-up") return request.socket.destroy();
    return answer(status, body);
  });

  function store(posted: Record<string, unknown>): { status: number; body: unknown } {
    const outcome = String(posted.outcome ?? "").toUpperCase();
    if (!known.includes(outcome))
      return { status: 400, body: { message: `outcome must be one of (${known.map((one) => `'${one}'`).join(", ")})` } };
    const data = Object.entries((posted.data ?? {}) as Record<string, unknown>);
    const colons = data.map(([key]) => key).filter((key) => key.includes(":"));
    if (colons.length > 0)
      return { status: 400, body: { message: `Colon not allowed in key name: [${colons.map((one) => `'${one}'`).join(", ")}]` } };
    const testcase =
      typeof posted.testcase === "string" ? { name: posted.testcase } : (posted.testcase as { name: string; ref_url?: string });
    const id = results.length + 1;
    const result: StoredResult = {
      id,
      href: `${url}/api/v2.0/results/${id}`,
      testcase: { name: testcase.name, ref_url: testcase.ref_url ?? null, href: `${url}/api/v2.0/testcases/${testcase.name}` },
      outcome,
      note: (posted.note as string | undefined) ?? null,
      ref_url: (posted.ref_url as string | undefined) ?? null,
      submit_time: `${new Date((posted.submit_time as number | undefined) ?? 0).toISOString().slice(0, 23)}000`,
      groups: ((posted.groups ?? []) as (string | { uuid: string })[]).map((one) => (typeof one === "string" ? one : one.uuid)),
      data: Object.fromEntries(data.map(([key, value]) => [key, (Array.isArray(value) ? value : [value]).map(pythonText)])),
    };
    results.push(result);
    return { status: 201, body: result };
  }

  function find(wanted: URLSearchParams): readonly StoredResult[] {
    const conditions = [...wanted].filter(([key]) => !["limit", "page", "testcases"].includes(key));
    const testcases = wanted.get("testcases")?.split(",");
    return results
      .filter((one) => testcases?.includes(one.testcase.name) ?? true)
      .filter((one) => conditions.every(([key, value]) => value.split(",").some((text) => one.data[key]?.includes(text))))
      .toReversed()
      .slice(0, Number(wanted.get("limit") ?? 20));
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    results,
    asked,
    tokens,
    fail: (method, ...answers) => void failures[method]?.push(...answers),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** As `str()` of Python writes it. */
function pythonText(value: unknown): string {
  return typeof value === "boolean" ? (value ? "True" : "False") : String(value);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
