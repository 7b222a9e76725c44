import { z } from "zod";
import { appError } from "../../domain/errors.ts";
import { type ResultsDb, resultKey } from "../resultsdb.ts";

export interface ResultsDbClientOptions {
  /** Without `/api/v2.0`. */
  readonly url: string;
  /** Sent as a bearer token. */
  readonly token?: string;
  readonly userAgent: string;
  /** Longest answer, milliseconds; 30 s when left out. */
  readonly timeoutMs?: number;
}

const Posted = z.object({ id: z.int() });
const Found = z.object({ data: z.array(Posted) });
const mostBytes = 1024 * 1024;

/** {@link ResultsDb} over HTTP, its API's version 2. */
export function resultsDbClient({ url, token, userAgent, timeoutMs = 30_000 }: ResultsDbClientOptions): ResultsDb {
  const api = `${url.replace(/\/+$/, "")}/api/v2.0/results`;
  const headers = {
    accept: "application/json",
    "user-agent": userAgent,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };

  async function ask(address: string, init: RequestInit, signal: AbortSignal): Promise<unknown> {
    let answer: Response;
    let text: string;
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      // A redirect could take the token, and what is posted, elsewhere.
      answer = await fetch(address, { ...init, redirect: "manual", signal: limit });
      text = await readText(answer);
    } catch (cause) {
      signal.throwIfAborted();
      throw appError("gating.resultsdb-unavailable", "it does not answer", { cause });
    }
    if (answer.ok) return parseJson(text);
    const said = `it answered ${answer.status}${messageOf(text)}`;
    // Those in between ask to come again.
    const isPassing = answer.status >= 500 || [408, 425, 429].includes(answer.status);
    if (isPassing) throw appError("gating.resultsdb-unavailable", said);
    throw appError("gating.resultsdb-refused", `ResultsDB refused a result: ${said}`, {
      hint: "Look at gating.resultsdb in the settings, and whether it takes the outcome ERROR (ADDITIONAL_RESULT_OUTCOMES)",
    });
  }

  return {
    async find(testcase, key, signal) {
      const query = new URLSearchParams({ testcases: testcase, [resultKey]: key, limit: "1" });
      const found = Found.safeParse(await ask(`${api}?${query}`, { headers }, signal));
      if (!found.success) throw notUnderstood();
      return found.data.data[0]?.id;
    },
    async post(result, signal) {
      const init = { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(result) };
      const posted = Posted.safeParse(await ask(api, init, signal));
      if (!posted.success) throw notUnderstood();
      return posted.data.id;
    },
  };
}

/** A page of a proxy in its place: it may be there again later. */
function notUnderstood(): Error {
  return appError("gating.resultsdb-unavailable", "what it answered is not ResultsDB's");
}

async function readText(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.length;
    if (bytes > mostBytes) throw new Error(`an answer of more than ${mostBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Its own words, bounded. */
function messageOf(text: string): string {
  const message = z.object({ message: z.string() }).safeParse(parseJson(text)).data?.message;
  return message === undefined ? "" : `: ${message.slice(0, 300)}`;
}
