import { once } from "node:events";
import { connect, type Socket } from "node:net";
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

describe("before its signature is looked at", () => {
  const sockets: Socket[] = [];
  beforeEach(() => {
    world = webWorld({ maxBodyBytes: 1000, mostBodyBytes: 2500 });
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  /** A request whose head and beginning have been sent. */
  async function begun(forge: string, headers: string, beginning: string): Promise<Socket> {
    const url = new URL(world.server.address ?? (await world.server.listen()));
    const socket = connect(Number(url.port), url.hostname);
    sockets.push(socket);
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(`POST /hooks/${forge} HTTP/1.1\r\nhost: flibs\r\n${headers}\r\n\r\n${beginning}`);
    return socket;
  }
  const answerOf = async (socket: Socket) => String((await once(socket, "data"))[0]);
  const waiting = () => begun("local", "content-length: 1000", "x".repeat(900));

  test("a body for an unknown forge is not waited for", async () => {
    expect(await answerOf(await begun("gitlab", "content-length: 1000", ""))).toMatch(/^HTTP\/1\.1 404 /);
  });

  test("bodies under way hold so much together, whoever sends more is asked to come again, and what has gone makes room", async () => {
    const three = [await waiting(), await waiting(), await waiting()];
    const refused = await Promise.race(three.map(answerOf));
    expect(refused).toMatch(/^HTTP\/1\.1 503 /);
    expect(refused).toMatch(/^retry-after: 10\r$/m);
    expect((await send("y".repeat(900))).statusCode).toBe(503);
    for (const socket of three) socket.destroy();
    let answer = await send("y".repeat(900));
    while (answer.statusCode === 503) answer = await send("y".repeat(900));
    expect(answer.statusCode).toBe(202);
  });

  test("what was answered makes room", async () => {
    for (let i = 0; i < 10; i++) expect((await send("z".repeat(900), signedHeaders("z".repeat(900), `d${i}`))).statusCode).toBe(202);
  });

  test("a body that is being verified counts although its sender has gone", async () => {
    const verifying: ((id: string) => void)[] = [];
    const local = { verifyDelivery: () => new Promise<string>((resolve) => verifying.push(resolve)) };
    world = webWorld({ maxBodyBytes: 1000, mostBodyBytes: 2500 }, { inboxes: { local } });
    const two = [
      await begun("local", "content-length: 900", "x".repeat(900)),
      await begun("local", "content-length: 900", "x".repeat(900)),
    ];
    while (verifying.length < 2) await new Promise(setImmediate);
    for (const socket of two) socket.resetAndDestroy();
    // The server has heard of it when it answers somebody who came later.
    await (await fetch(new URL("/healthz", world.server.address))).text();
    expect((await send("y".repeat(900))).statusCode).toBe(503);
    for (const verified of verifying.splice(0)) verified("d1");
    while (world.deliveries.length === 0) await new Promise(setImmediate);
    const third = send("y".repeat(900));
    while (verifying.length === 0) await new Promise(setImmediate);
    verifying[0]?.("d2");
    expect((await third).statusCode).toBe(202);
  });

  test("a body in many small pieces counts for what they cost, not for its bytes", async () => {
    const pieces = "1\r\nx\r\n".repeat(20);
    expect(await answerOf(await begun("local", "transfer-encoding: chunked", pieces))).toMatch(/^HTTP\/1\.1 503 /);
  });

  test("a body that does not say its length is taken, and refused when it gets too long", async () => {
    const signed = Object.entries(signedHeaders("{}")).map((header) => header.join(": "));
    const headers = [...signed, "transfer-encoding: chunked"].join("\r\n");
    expect(await answerOf(await begun("local", headers, "2\r\n{}\r\n0\r\n\r\n"))).toMatch(/^HTTP\/1\.1 202 /);
    expect(await answerOf(await begun("local", headers, `3e9\r\n${"x".repeat(1001)}\r\n`))).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("a sender who goes away in the middle of a body is no error of ours", async () => {
    (await waiting()).destroy();
    while (!(await counted("malformed"))) await send("{}");
  });

  test("only deliveries may be as large as deliveries", async () => {
    world = webWorld({ maxBodyBytes: 1_000_000 });
    const large = JSON.stringify("x".repeat(100_000));
    expect((await send(large)).statusCode).toBe(202);
    expect((await send(large, { "content-type": "application/json" }, "/nothing")).statusCode).toBe(413);
  });
});
