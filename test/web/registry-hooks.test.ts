import { afterEach, beforeEach, expect, test } from "@jest/globals";
import fc from "fast-check";
import { appError } from "../../src/domain/errors.ts";
import { parseNotification } from "../../src/registry/notification.ts";
import { type WebWorld, webWorld } from "../support/web-world.ts";

let world: WebWorld;
let looks: (readonly string[])[];
let broken = false;
beforeEach(() => {
  looks = [];
  broken = false;
  const look = async (repositories: readonly string[]) => {
    if (broken) throw appError("registry.unreachable", "the database is away");
    looks.push(repositories);
    return ["run-1"];
  };
  world = webWorld({}, { registryHooks: { production: { token: "open-sesame", look } } });
});
afterEach(() => world.server.close());

const event = (repository: string, action = "push", useragent = "docker/24") => ({
  ...{ id: "1", action, target: { repository, digest: `sha256:${"a".repeat(64)}`, tag: "latest" }, request: { useragent } },
});
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const send = (payload: string | Buffer, authorization: string | undefined = "Bearer open-sesame", url = "/hooks/registry/production") =>
  world.server.inject({
    ...{ method: "POST", url, payload },
    headers: {
      "content-type": "application/vnd.docker.distribution.events.v2+json",
      ...(authorization === undefined ? {} : { authorization }),
    },
  });

test("RG12: a push of a stranger starts a look at just that repository, once", async () => {
  const answer = await send(
    bytes({ events: [event("f40/cockpit"), event("f40/cockpit"), event("f40/web", "delete"), event("f40/a", "pull")] }),
  );
  expect(answer.statusCode).toBe(202);
  expect(looks).toEqual([["f40/cockpit", "f40/web"]]);
});

test("RG12: what flibs wrote itself starts none", async () => {
  await send(bytes({ events: [event("f40/cockpit", "push", "flibs/0.1.0")] }));
  expect(looks).toEqual([[]]);
});

test.each([
  ["no token", "", 401],
  ["a wrong token", "Bearer open-sesam", 401],
  ["another scheme", "Basic open-sesame", 401],
])("%s is refused and nothing is looked at", async (_name, authorization, status) => {
  expect((await send(bytes({ events: [event("f40/cockpit")] }), authorization)).statusCode).toBe(status);
  expect(looks).toEqual([]);
});

test.each(["/hooks/registry/mirror", "/hooks/registry/__proto__", "/hooks/registry/constructor"])("%s has no hook", async (url) => {
  expect((await send(bytes({ events: [event("f40/cockpit")] }), undefined, url)).statusCode).toBe(404);
});

test("a body beyond a MiB is not read, one that is no notification refused", async () => {
  expect((await send(Buffer.alloc(1024 * 1024 + 1, "x"))).statusCode).toBe(413);
  for (const body of ["", "[]", '{"events": 1}', "\u0000"]) expect((await send(body)).statusCode).toBe(400);
  expect(looks).toEqual([]);
});

test.each<[string, unknown]>([
  ["a program with a long name", event("f40/other", "pull", "x".repeat(5000))],
  ["a long action", event("f40/other", "x".repeat(100))],
  ["a repository that is a number", { ...event("f40/other"), target: { repository: 1 } }],
  ["no object", 1],
])("an event of %s is passed over: refused, the registry would send it for ever and nothing after it", async (_name, odd) => {
  expect((await send(bytes({ events: [odd, event("f40/cockpit")] }))).statusCode).toBe(202);
  expect(looks).toEqual([["f40/cockpit"]]);
});

test("more events than are looked through are cut, not refused", async () => {
  const events = Array.from({ length: 2500 }, (_, i) => ({ action: "push", target: { repository: `f40/a${i % 3}` } }));
  expect((await send(bytes({ events }))).statusCode).toBe(202);
  expect(looks).toEqual([["f40/a0", "f40/a1", "f40/a2"]]);
});

test("what cannot be followed now is asked for again, without telling why", async () => {
  broken = true;
  const answer = await send(bytes({ events: [event("f40/cockpit")] }));
  expect([answer.statusCode, answer.body]).toEqual([503, "please send it again\n"]);
});

test("no name is taken that is no repository, and never more than a hundred", () => {
  for (const name of ["../x", "F40/A", "a b", "", "a/../b", "x".repeat(301)])
    expect(parseNotification(bytes({ events: [event(name)] })) ?? []).toEqual([]);
  expect(parseNotification(bytes({ events: Array.from({ length: 900 }, (_, i) => event(`f40/a${i}`)) }))).toHaveLength(100);
});

test("no bytes make the parser throw", () => {
  fc.assert(fc.property(fc.uint8Array(), (body) => void parseNotification(body)));
  fc.assert(fc.property(fc.json(), (text) => void parseNotification(Buffer.from(text))));
});
