import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseRange } from "../../src/web/log-routes.ts";
import { logCleaner, sameLengthText } from "../../src/web/log-text.ts";
import { type WebWorld, webWorld } from "../support/web-world.ts";

let world: WebWorld;
beforeEach(() => {
  world = webWorld({ maxLiveLogs: 1 });
});
afterEach(() => world.server.close());
const path = "/builds/1/logs/linux%2Famd64";
const get = (url: string, headers: Record<string, string> = {}) => world.server.inject({ method: "GET", url, headers });

describe("a log as plain text", () => {
  test("is whole, or from an offset, or a range", async () => {
    world.logs.set("1|linux/amd64", { text: "one\ntwo\nthree\n", closed: true });
    expect((await get(path)).body).toBe("one\ntwo\nthree\n");
    expect((await get(`${path}?offset=8`)).body).toBe("three\n");
    const range = await get(path, { range: "bytes=4-6" });
    expect([range.statusCode, range.body, range.headers["content-range"]]).toEqual([206, "two", "bytes 4-6/14"]);
    expect((await get(path, { range: "bytes=-6" })).body).toBe("three\n");
    expect(await get(path, { range: "bytes=14-" })).toMatchObject({ statusCode: 416 });
    expect((await get(path)).headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(await get("/builds/1/logs/other")).toMatchObject({ statusCode: 404 });
  });

  test("is as long as was promised, also when it is pruned meanwhile", async () => {
    world.logs.set("1|linux/amd64", { text: "x".repeat(5000), closed: true });
    // What the store says of a log without text: that it ends further on.
    (world.ports.logs as { read: unknown }).read = async () => ({ text: "", next: 5000, closed: true });
    const range = await get(path, { range: "bytes=0-999" });
    expect([range.statusCode, range.body, range.headers["content-length"]]).toEqual([206, "\n".repeat(1000), "1000"]);
  });

  test("is as long as was promised, also when a character ends behind the range", async () => {
    world.logs.set("1|linux/amd64", { text: "ab\u{1F600}cd", closed: true });
    // The store gives whole characters, however few bytes were asked for.
    (world.ports.logs as { read: unknown }).read = async () => ({ text: "ab\u{1F600}", next: 6, closed: false });
    const range = await get(path, { range: "bytes=0-2" });
    expect([range.statusCode, range.rawPayload.length]).toEqual([206, 3]);
    expect(range.rawPayload.subarray(0, 2).toString()).toBe("ab");
  });

  test("cannot drive a terminal, and keeps its length", () => {
    const text = "\u001b[2Jhi\rthere\u009b1m\u202e";
    expect(sameLengthText(text)).toBe("?[2Jhi\nthere\u00b71m\ufffd");
    fc.assert(fc.property(fc.string({ unit: "binary" }), (any) => Buffer.byteLength(sameLengthText(any)) === Buffer.byteLength(any)));
  });

  test.each([
    ["bytes=0-", { start: 0, end: 10 }],
    ["bytes=3-4", { start: 3, end: 5 }],
    ["bytes=3-400", { start: 3, end: 10 }],
    ["bytes=-3", { start: 7, end: 10 }],
    ["bytes=10-", "unsatisfiable"],
    ["bytes=4-3", undefined],
    ["bytes=0-1,3-4", undefined],
    ["lines=1-2", undefined],
  ])("range %s", (header, expected) => {
    expect(parseRange(header, 10)).toEqual(expected);
  });
});

describe("a live log", () => {
  test("grows as events, resumes where the reader was, and ends", async () => {
    world.logs.set("1|linux/amd64", { text: "one\n", closed: false });
    const reading = get(`${path}/events`);
    world.logs.set("1|linux/amd64", { text: "one\ntwo\n", closed: true });
    const all = (await reading).body;
    expect(all).toContain('id: 8\ndata: "one\\ntwo\\n"\n\n');
    expect(all).toMatch(/event: end\nid: 8\ndata: \n\n$/);
    expect((await get(`${path}/events`, { "last-event-id": "4" })).body).toContain('id: 8\ndata: "two\\n"\n\n');
  });

  test("has no escape sequences, even when one is cut in two", () => {
    const cleaner = logCleaner();
    expect(cleaner.clean("a\u001b[3")).toBe("a");
    expect(cleaner.keptBytes).toBe(3);
    expect(cleaner.clean("1mred\u001b]0;title\u0007!\r\n10%\r20%\u0000")).toBe("red!\n10%\n20%");
    expect(cleaner.keptBytes).toBe(0);
  });

  test("whatever is printed and wherever it is cut, no control character is left", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom("\u001b", "[", "]", "3", "m", "\u0007", "x", "\r", "\n", "\u009b") })),
        (pieces) => {
          const cleaner = logCleaner();
          // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
          expect(pieces.map((piece) => cleaner.clean(piece)).join("")).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
        },
      ),
    );
  });

  test("readers beyond the limit are asked to come again; stopping the server ends live logs", async () => {
    world.logs.set("1|linux/amd64", { text: "one\n", closed: false });
    const url = await world.server.listen();
    const first = await fetch(`${url}${path}/events`);
    const second = await fetch(`${url}${path}/events`);
    expect([first.status, second.status, second.headers.get("retry-after")]).toEqual([200, 503, "30"]);
    await second.text();
    const rest = first.text();
    await world.server.close();
    expect(await rest).toContain('data: "one\\n"');
  });
});
