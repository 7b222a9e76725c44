import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { signedHeaders, type WebWorld, webWorld } from "../support/web-world.ts";

let world: WebWorld;
beforeEach(() => {
  world = webWorld();
});
afterEach(() => world.server.close());

const send = (payload: string | Buffer, headers: Record<string, string> = signedHeaders(payload), url = "/hooks/local") =>
  world.server.inject({ method: "POST", url, payload, headers });
const counted = async (outcome: string) =>
  (await world.ports.metrics.text()).includes(`flibs_deliveries_total{forge="local",outcome="${outcome}"} 1`);

describe("a delivery", () => {
  test("is stored byte for byte and answered with 202", async () => {
    const body = Buffer.from('{ "a" : 1,\r\n "b":"\u00e9" }  \n');
    const answer = await send(body);
    expect([answer.statusCode, answer.body]).toEqual([202, "taken\n"]);
    expect(world.deliveries).toEqual([expect.objectContaining({ forge: "local", deliveryId: "d1" })]);
    expect(Buffer.from(world.deliveries[0]?.body ?? [])).toEqual(body);
    expect(await counted("stored")).toBe(true);
  });

  test("that comes twice is answered with 200 and stored once", async () => {
    await send("{}");
    const again = await send("{}");
    expect([again.statusCode, world.deliveries.length]).toEqual([200, 1]);
    expect(await counted("duplicate")).toBe(true);
  });

  test.each([
    ["without a signature", { "x-delivery": "d1", "content-type": "application/json" }],
    ["with another body's signature", signedHeaders("{} ")],
  ])("%s is refused with one and the same answer", async (_, headers) => {
    const answer = await send("{}", headers);
    expect([answer.statusCode, answer.body]).toEqual([401, "the delivery's signature is missing or wrong\n"]);
    expect(world.deliveries).toEqual([]);
    expect(await counted("refused")).toBe(true);
  });

  test("without an id is malformed", async () => {
    expect(await send("{}", signedHeaders("{}", ""))).toMatchObject({ statusCode: 400 });
  });

  test.each(["/hooks/github", "/hooks/__proto__", "/hooks/constructor"])("for an unknown forge (%s) is not taken", async (url) => {
    expect(await send("{}", signedHeaders("{}"), url)).toMatchObject({ statusCode: 404 });
  });

  test("that is too large is refused with the limit, and counted", async () => {
    const answer = await send("x".repeat(1001));
    expect([answer.statusCode, answer.body]).toEqual([413, "the delivery is larger than 1000 bytes\n"]);
    expect(await counted("too-large")).toBe(true);
  });

  test("that can't be written down is asked for again, without telling why", async () => {
    world.storeDown = true;
    const answer = await send("{}");
    expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "10"]);
    expect(answer.body).not.toContain("10.0.0.5");
    world.storeDown = false;
    expect(await send("{}")).toMatchObject({ statusCode: 202 });
  });

  test("of any content type, or none, reaches the signature check as it is", async () => {
    for (const type of ["application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-8", undefined]) {
      const headers: Record<string, string> = signedHeaders("{not json", `t-${type}`);
      if (type === undefined) delete headers["content-type"];
      else headers["content-type"] = type;
      expect(await send("{not json", headers)).toMatchObject({ statusCode: 202 });
    }
  });
});

test("headers larger than 16 KiB end the connection with 431", async () => {
  const url = new URL(await world.server.listen());
  const said = await new Promise<string>((done) => {
    let text = "";
    const socket = connect(Number(url.port), url.hostname, () =>
      socket.write(`POST /hooks/local HTTP/1.1\r\nhost: x\r\nx: ${"a".repeat(20_000)}\r\n\r\n`),
    );
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => done(text));
    socket.on("close", () => done(text));
  });
  expect(said).toContain("431");
});
