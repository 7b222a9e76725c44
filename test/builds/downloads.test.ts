import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { httpDownloads } from "../../src/builds/download/http-downloads.ts";
import { isPrivateAddress } from "../../src/builds/download/private-addresses.ts";

let server: http.Server;
let host: string;
const asked: string[] = [];

beforeAll(async () => {
  server = http.createServer((request, response) => {
    const path = request.url ?? "";
    asked.push(path);
    const redirect = (to: string) => response.writeHead(302, { location: to }).end("not this");
    if (path === "/file") response.end("hello");
    else if (path === "/again") redirect("/file");
    else if (path === "/loop") redirect("/loop");
    else if (path === "/elsewhere") redirect(`http://localhost:${(server.address() as AddressInfo).port}/file`);
    else if (path === "/scheme") redirect("file:///etc/passwd");
    else if (path === "/metadata") redirect("http://169.254.169.254/latest");
    else if (path === "/busy") response.writeHead(503).end("later");
    else if (path === "/packed") response.writeHead(200, { "content-encoding": "gzip" }).end("x");
    else if (path === "/short") {
      response.writeHead(200, { "content-length": "10" }).write("abc");
      setImmediate(() => response.destroy());
    } else if (path === "/silent") response.writeHead(200).write("abc");
    else if (path === "/endless") {
      response.writeHead(200);
      const more = () => {
        while (response.write("x".repeat(1024)) && !response.destroyed);
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    } else response.writeHead(404).end("no");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface Wanted {
  readonly privateHosts?: readonly string[];
  readonly mayAsk?: (host: string) => boolean;
  readonly timeoutMs?: number;
  readonly idleMs?: number;
  readonly signal?: AbortSignal;
}

async function read(url: string, { privateHosts = [host], mayAsk = () => true, timeoutMs = 30_000, idleMs = 30_000, signal }: Wanted = {}) {
  const downloads = httpDownloads({ privateHosts, userAgent: "flibs test", idleMs });
  let text = "";
  const request = { mayAsk, maxBytes: 100, timeoutMs, signal: signal ?? new AbortController().signal };
  for await (const chunk of downloads.read(url, request)) text += Buffer.from(chunk).toString();
  return text;
}

test("a file comes, also over a redirect", async () => {
  expect(await read(`http://${host}/file`)).toBe("hello");
  expect(await read(`http://${host}/again`)).toBe("hello");
});

describe("what is refused", () => {
  const at = (path: string) => () => `http://${host}${path}`;
  test.each([
    ["a file that is not there", at("/none"), {}, "builds.download-missing", /\/none came back with 404$/],
    ["a server that is busy", at("/busy"), {}, "builds.download-failed", /\/busy came back with 503$/],
    ["more than is allowed", at("/endless"), {}, "builds.download-too-large", /\/endless has more than 100 B$/],
    ["an answer that breaks off", at("/short"), {}, "builds.download-failed", /\/short did not answer$/],
    ["silence", at("/silent"), { idleMs: 50 }, "builds.download-failed", /\/silent sent nothing for 0\.05 seconds$/],
    [
      "an answer that takes too long",
      at("/silent"),
      { timeoutMs: 50 },
      "builds.download-failed",
      /\/silent took longer than 0\.05 seconds$/,
    ],
    ["an encoding", at("/packed"), {}, "builds.download-failed", /\/packed came in the encoding gzip$/],
    ["a loop", at("/loop"), {}, "builds.download-failed", /\/loop is redirected more than 5 times$/],
    [
      "a redirect to a file of this machine",
      at("/scheme"),
      {},
      "builds.download-refused",
      /^"file:\/\/\/etc\/passwd" is no http or https address/,
    ],
    [
      "a redirect to cloud metadata",
      at("/metadata"),
      {},
      "builds.download-refused",
      /^http:\/\/169\.254\.169\.254\/latest is in a private network$/,
    ],
    [
      "a redirect to a host that may not be asked",
      at("/elsewhere"),
      { mayAsk: (one: string) => one === host },
      "builds.download-refused",
      /^http:\/\/localhost:\d+\/file is on no host that may be asked$/,
    ],
    [
      "a redirect to a name of this machine",
      at("/elsewhere"),
      {},
      "builds.download-refused",
      /^http:\/\/localhost:\d+\/file is in a private network$/,
    ],
    ["this machine", at("/file"), { privateHosts: [] }, "builds.download-refused", /\/file is in a private network$/],
    [
      "this machine, written otherwise",
      () => `http://0x7f.1:${host.split(":")[1]}/file`,
      { privateHosts: [] },
      "builds.download-refused",
      /^http:\/\/127\.0\.0\.1:\d+\/file is in a private network$/,
    ],
    ["this machine as IPv6 of IPv4", () => "http://[::ffff:127.0.0.1]/file", {}, "builds.download-refused", /is in a private network$/],
    [
      "another scheme",
      () => "ftp://x.test/a",
      {},
      "builds.download-refused",
      /^"ftp:\/\/x\.test\/a" is no http or https address without a name and password$/,
    ],
    ["a password", () => "https://a:b@x.test/a", {}, "builds.download-refused", /is no http or https address without a name and password$/],
    ["no address", () => "hello", {}, "builds.download-refused", /^"hello" is no http or https address/],
    [
      "nobody there",
      () => "http://127.0.0.1:1/",
      { privateHosts: ["127.0.0.1"] },
      "builds.download-failed",
      /^http:\/\/127\.0\.0\.1:1\/ did not answer$/,
    ],
  ] as [string, () => string, Wanted, string, RegExp][])("%s", async (_, url, wanted, code, message) => {
    asked.length = 0;
    await expect(read(url(), wanted)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    if (code === "builds.download-refused") expect(asked).not.toContain("/file");
  });

  test("a call that is cancelled ends with its reason", async () => {
    const stop = new AbortController();
    setImmediate(() => stop.abort(new Error("the build was cancelled")));
    await expect(read(`http://${host}/silent`, { signal: stop.signal })).rejects.toThrow("the build was cancelled");
  });
});

test.each([
  ...["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"],
  ...["::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"],
])("%s is private", (address) => {
  expect(isPrivateAddress(address)).toBe(true);
});

test.each(["8.8.8.8", "172.32.0.1", "100.128.0.1", "2a00:1450:4001::1", "2606:4700::1"])("%s is public", (address) => {
  expect(isPrivateAddress(address)).toBe(false);
});

test("every address of private networks is found", () => {
  fc.assert(
    fc.property(fc.constantFrom("10", "127", "0", "240", "224"), fc.ipV4(), (first, address) => {
      expect(isPrivateAddress(address.replace(/^\d+/, first))).toBe(true);
    }),
  );
});
