import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { servedDirectory } from "../../src/web/directory/served-directory.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { type WebWorld, webWorld } from "../support/web-world.ts";

const image = `f40/cockpit@sha256=${"a".repeat(64)}`;
let scratch: ScratchDirectory;
let world: WebWorld;
beforeEach(async () => {
  scratch = await scratchDirectory();
  const lookaside = join(scratch.path, "lookaside");
  await mkdir(join(lookaside, image), { recursive: true });
  await mkdir(join(lookaside, ".locks"));
  await writeFile(join(lookaside, image, "signature-1"), Buffer.from([0x90, 0, 255]));
  await writeFile(join(lookaside, ".locks", "x"), "x");
  await writeFile(join(scratch.path, "secret"), "secret");
  await symlink(join(scratch.path, "secret"), join(lookaside, image, "signature-2"));
  await symlink(scratch.path, join(lookaside, "out"));
  world = webWorld({}, { lookasides: { production: servedDirectory(lookaside, 1000) } });
});
afterEach(async () => {
  await world.server.close();
  await scratch.remove();
});
const get = (url: string) => world.server.inject({ method: "GET", url });

test.each([
  `/lookaside/production/${image}/signature-1`,
  `/lookaside/production//${image}/signature-1`,
  `/lookaside/production/${image.replace("@", "%40").replace("=", "%3D")}/signature-1`,
])("%s is the signature, byte for byte, and not kept long", async (url) => {
  const answer = await get(url);
  expect([answer.statusCode, [...answer.rawPayload], answer.headers["cache-control"]]).toEqual([
    200,
    [0x90, 0, 255],
    "public, max-age=60, must-revalidate",
  ]);
});

test("a cache asks by the tag of the bytes and by HEAD, and is told 404 once the signature is gone", async () => {
  const url = `/lookaside/production/${image}/signature-1`;
  const { etag } = (await get(url)).headers;
  expect(etag).toMatch(/^"[0-9a-f]{64}"$/);
  const ask = (headers: Record<string, string>) => world.server.inject({ method: "GET", url, headers });
  const same = await ask({ "if-none-match": `"x", W/${etag}` });
  expect([same.statusCode, same.body, same.headers.etag]).toEqual([304, "", etag]);
  expect((await ask({ "if-none-match": '"x"' })).statusCode).toBe(200);
  const head = await world.server.inject({ method: "HEAD", url });
  expect([head.statusCode, head.body, head.headers.etag, head.headers["content-length"]]).toEqual([200, "", etag, "3"]);
  await rm(join(scratch.path, "lookaside", image, "signature-1"));
  expect((await ask({ "if-none-match": String(etag) })).statusCode).toBe(404);
  expect((await world.server.inject({ method: "HEAD", url })).statusCode).toBe(404);
});

test.each([
  ["an absent one", `/lookaside/production/${image}/signature-3`],
  ["an absent image", `/lookaside/production/f41/none@sha256=${"b".repeat(64)}/signature-1`],
  ["a directory", `/lookaside/production/${image}`],
  ["the top", "/lookaside/production/"],
  ["a file as a directory", `/lookaside/production/${image}/signature-1/signature-1`],
  ["a symbolic link", `/lookaside/production/${image}/signature-2`],
  ["a path through a link", "/lookaside/production/out/secret"],
  ["locks", "/lookaside/production/.locks/x"],
  ["dots", "/lookaside/production/f40/%2e%2e/%2e%2e/secret"],
  ["encoded slashes", "/lookaside/production/..%2f..%2fsecret"],
  ["a zero byte", "/lookaside/production/a%00b"],
  ["a very long name", `/lookaside/production/${"x".repeat(300)}`],
  ["another stage", `/lookaside/candidate/${image}/signature-1`],
  ["an inherited name", "/lookaside/constructor/x"],
])("%s is 404 and plain text, nothing else", async (_, url) => {
  const answer = await get(url);
  expect([answer.statusCode, answer.headers["content-type"]]).toEqual([404, "text/plain; charset=utf-8"]);
  expect(answer.body).not.toContain("secret");
});

test("dots that a client does not take out itself lead nowhere", async () => {
  const url = new URL(await world.server.listen());
  const status = await new Promise((done) => {
    request({ host: url.hostname, port: url.port, path: "/lookaside/production/../../secret" }, (response) => {
      response.resume();
      done(response.statusCode);
    }).end();
  });
  expect(status).toBe(404);
});

test("consumer files are served with their types, and nothing beside them", async () => {
  const answer = await get("/consumer/policy.json");
  expect([answer.statusCode, answer.body, answer.headers["content-type"]]).toEqual([200, "{}", "application/json"]);
  for (const name of ["", "policy", "toString", "../consumer"]) expect(await get(`/consumer/${name}`)).toMatchObject({ statusCode: 404 });
});
