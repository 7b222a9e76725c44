import { describe, expect, test } from "@jest/globals";
import { openLimits } from "../../../src/forge/github/limits.ts";
import { openTransport, type RequestTold } from "../../../src/forge/github/transport.ts";
import { silentLog } from "../../../src/log.ts";

const sending = { lane: "1", release: false, authorization: "token secret", where: "containers/cockpit" };
const route = "GET /repos/{owner}/{repo}/pulls";
const parameters = { owner: "containers", repo: "cockpit" };

/** A transport on answers that are given one after the other; an Error is a broken connection. */
function transportOn(...answers: readonly (Response | Error | "never")[]) {
  const left = [...answers];
  const requests: { readonly url: string; readonly headers: Headers }[] = [];
  const told: RequestTold[] = [];
  const transport = openTransport({
    ...{ api: "https://api.example.test", limits: openLimits({ now: Date.now }), log: silentLog, timeoutMs: 30 },
    onRequest: (one) => void told.push(one),
    fetch: async (url, init) => {
      requests.push({ url: String(url), headers: new Headers(init?.headers) });
      const next = left.shift();
      if (next === "never") return new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
      if (next instanceof Response) return next;
      throw next ?? new Error("no more answers");
    },
  });
  return { transport, requests, told, list: () => transport.send(route, parameters, sending) };
}

const json = (body: unknown, init: ResponseInit = {}) => Response.json(body, init);

describe("a request to GitHub", () => {
  test("is asked again with the entity tag, and what was known stands for 304", async () => {
    const link = '<https://api.example.test/repositories/1/pulls?page=2>; rel="next"';
    const { list, requests, told } = transportOn(
      json([{ number: 1 }], { headers: { etag: '"one"', link, "x-ratelimit-remaining": "4999" } }),
      new Response(null, { status: 304, headers: { etag: '"one"', "x-ratelimit-remaining": "4999" } }),
      json([{ number: 2 }], { headers: { etag: '"two"' } }),
    );
    expect((await list()).data).toMatchObject([{ number: 1 }]);
    const again = await list();
    expect(again.data).toMatchObject([{ number: 1 }]);
    expect(again.headers.link).toBe(link);
    expect((await list()).data).toMatchObject([{ number: 2 }]);
    expect(requests.map((one) => one.headers.get("if-none-match"))).toEqual([null, '"one"', '"one"']);
    expect(told).toEqual([
      { operation: route, status: 200, remaining: 4999 },
      { operation: route, status: 304, remaining: 4999 },
      { operation: route, status: 200, remaining: undefined },
    ]);
  });

  test.each<[string, Response | Error | "never", string, string]>([
    [
      "that is answered with 502",
      new Response("<html>", { status: 502 }),
      "forge.unreachable",
      `GitHub answered ${route} on containers/cockpit with 502`,
    ],
    ["whose connection breaks", new TypeError("fetch failed"), "forge.unreachable", `GitHub did not answer ${route} on containers/cockpit`],
    ["that is never answered", "never", "forge.unreachable", `GitHub did not answer ${route} on containers/cockpit`],
    [
      "whose answer breaks off",
      new Response('[{"number": 1', { headers: { "content-type": "application/json" } }),
      "forge.unreachable",
      "an answer of GitHub broke off in the middle",
    ],
    [
      "that the App may not make",
      json({ message: "Resource not accessible by integration" }, { status: 403 }),
      "forge.app-denied",
      `GitHub refused ${route} on containers/cockpit: Resource not accessible by integration`,
    ],
    [
      "that is wrong",
      json({ message: "Validation Failed", errors: [{ code: "invalid" }] }, { status: 422 }),
      "forge.refused",
      `GitHub answered ${route} on containers/cockpit with 422: Validation Failed: {"code":"invalid"}`,
    ],
  ])("%s is told so, and is not repeated", async (_name, answer, code, message) => {
    const { list, requests, told } = transportOn(answer);
    const error = await list().catch((one: Error) => one);
    expect(error).toMatchObject({ code, message });
    expect(requests).toHaveLength(1);
    expect(told).toHaveLength(1);
    expect(JSON.stringify(error)).not.toContain("secret");
  });
});
