import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Digest } from "../../../src/domain/digest.ts";
import { imageCopier } from "../../../src/registry/image-copier.ts";
import { inMemoryMountMemory } from "../../../src/registry/mount-memory.ts";
import { namedRegistries } from "../../../src/registry/named-registries.ts";
import { type RegistryClient, registryClient } from "../../../src/registry/registry-client.ts";
import { type RunningRegistry, startDockerRegistry } from "../../support/docker-registry.ts";
import { putImage } from "../../support/registry-image.ts";
import { startTokenIssuer } from "./token-issuer.ts";

/** Copies between docker-registries with something in between that breaks. */
jest.setTimeout(180_000);
const oci = "application/vnd.oci.image.manifest.v1+json";
const never = new AbortController().signal;
let from: RunningRegistry;
let source: RegistryClient;
beforeAll(async () => {
  from = await startDockerRegistry();
  source = registryClient({ endpoint: from.endpoint, plainHttp: true });
});
afterAll(async () => {
  source.close();
  await from.stop();
});

async function pushImage(repository: string, layers: readonly number[]): Promise<Digest> {
  const manifest = await putImage(source, repository, oci, [...layers]);
  return source.putManifest(repository, manifest.digest, manifest);
}

const copyTo = (destination: RegistryClient, repository: string, digest: Digest) =>
  imageCopier(namedRegistries({ candidate: source, production: destination }), { transfers: 2, mountMemory: inMemoryMountMemory() }).copy(
    { source: { registry: "candidate", repository, digest }, destination: { registry: "production", repository } },
    never,
  );

/** Passes everything on to a registry, but for what `fault` does to uploads; answers name the proxy. */
async function startProxy(
  target: RunningRegistry,
  fault: (attempt: number) => "pass" | 429 | 500 | "close",
): Promise<Server & { endpoint: string }> {
  let attempts = 0;
  const server = createServer((asked, answer) => {
    const isUpload = asked.method === "PUT" && asked.url?.includes("/blobs/uploads/");
    const what = isUpload ? fault(attempts++) : "pass";
    if (what === 429 || what === 500) {
      asked.resume();
      return void asked.on("end", () => answer.writeHead(what, what === 429 ? { "retry-after": "0" } : {}).end());
    }
    if (what === "close") {
      let seen = 0;
      asked.on("end", () => asked.socket.destroy());
      return void asked.on("data", (chunk: Buffer) => {
        seen += chunk.length;
        if (seen > 300_000) asked.socket.destroy();
      });
    }
    const [host = "", port = ""] = target.endpoint.split(":");
    const headers = { ...asked.headers, host: asked.headers.host };
    const passed = request({ host, port, method: asked.method, path: asked.url, headers }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    asked.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(server, { endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}` });
}

describe("an upload that breaks", () => {
  test.each([
    ["429", [429, 429]],
    ["500", [500]],
    ["a connection closed in the middle", ["close", "close"]],
    ["one after the other", [500, "close", 429]],
  ] as const)("by %s is begun again, and the image arrives whole", async (_name, faults) => {
    const to = await startDockerRegistry();
    const proxy = await startProxy(to, (attempt) => faults[attempt] ?? "pass");
    const client = registryClient({ endpoint: proxy.endpoint, plainHttp: true });
    try {
      const digest = await pushImage("f40/app", [1_000_000]);
      await copyTo(client, "f40/app", digest);
      expect(await client.findManifest("f40/app", digest)).toMatchObject({ digest });
      const report = await copyTo(client, "f40/app", digest);
      expect(report).toMatchObject({ blobsPresent: 2, blobsStreamed: 0, bytesStreamed: 0 });
    } finally {
      client.close();
      proxy.closeAllConnections();
      proxy.close();
      await to.stop();
    }
  });
});

test("DG8: a token that dies in the middle of a long upload is replaced for what comes after it", async () => {
  const credential = { username: "alice", password: "secret" };
  const issuer = await startTokenIssuer(credential, 62, 2);
  const to = await startDockerRegistry({ extraConfig: issuer.config });
  const client = registryClient({ endpoint: to.endpoint, plainHttp: true, ...credential });
  // The source drips, so that the upload outlives its token, which is promised for two seconds.
  const slow = {
    ...source,
    openBlob: async (...args: Parameters<RegistryClient["openBlob"]>) => {
      const stream = await source.openBlob(...args);
      await new Promise((resolve) => setTimeout(resolve, 3000));
      return stream;
    },
  };
  try {
    const digest = await pushImage("f40/slow", [500_000, 600_000]);
    const copier = imageCopier(namedRegistries({ candidate: slow, production: client }), {
      transfers: 1,
      mountMemory: inMemoryMountMemory(),
    });
    const request = {
      source: { registry: "candidate", repository: "f40/slow", digest },
      destination: { registry: "production", repository: "f40/slow" },
    };
    const report = await copier.copy(request, never);
    expect(report.blobsStreamed).toBe(3);
    expect(await client.findManifest("f40/slow", digest)).toMatchObject({ digest });
    expect(issuer.issued()).toBeGreaterThan(2);
  } finally {
    client.close();
    await to.stop();
    await issuer.close();
  }
});

describe("one process copies", () => {
  const child = (to: RunningRegistry, repository: string, digest: Digest) => {
    const script = join(import.meta.dirname, "copy-process.ts");
    return spawn(
      process.execPath,
      ["--expose-gc", "--disable-warning=ExperimentalWarning", script, from.endpoint, to.endpoint, repository, digest],
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, NODE_OPTIONS: "" },
      },
    );
  };
  const ended = async (running: ReturnType<typeof child>) => {
    let out = "";
    running.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    const [code] = (await once(running, "close")) as [number | null];
    return {
      code,
      lines: out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { done?: boolean; rss?: number; blobsStreamed: number; blobsPresent: number }),
    };
  };

  test("its memory does not grow with the blob", async () => {
    const to = await startDockerRegistry();
    try {
      const [small, large] = [await pushImage("f40/small", [8 * 2 ** 20]), await pushImage("f40/large", [256 * 2 ** 20])];
      const peak = async (repository: string, digest: Digest) => {
        const { code, lines } = await ended(child(to, repository, digest));
        expect(code).toBe(0);
        return lines.at(-1)?.rss ?? Number.POSITIVE_INFINITY;
      };
      const [few, many] = [await peak("f40/small", small), await peak("f40/large", large)];
      // 248 MiB more go through; what is allowed is buffers and a lazy collector.
      expect(many - few).toBeLessThan(96 * 2 ** 20);
    } finally {
      await to.stop();
    }
  });

  test("killed in the middle, the next one goes on with the blobs that are there", async () => {
    const to = await startDockerRegistry();
    try {
      const digest = await pushImage("f40/killed", [1000, 2000, 3000, 96 * 2 ** 20]);
      const first = child(to, "f40/killed", digest);
      for await (const text of first.stdout.setEncoding("utf8")) {
        if (String(text).includes('"blobsStreamed":3')) break;
      }
      first.kill("SIGKILL");
      const { code, lines } = await ended(child(to, "f40/killed", digest));
      expect(code).toBe(0);
      const report = lines.at(-1);
      expect(report?.blobsPresent).toBeGreaterThanOrEqual(3);
      expect((report?.blobsPresent ?? 0) + (report?.blobsStreamed ?? 0)).toBe(5);
    } finally {
      await to.stop();
    }
  });
});

test("DG7: a mount of what no repository has is a 202 and no success: the bytes are sent, and no session is left", async () => {
  const to = await startDockerRegistry();
  const client = registryClient({ endpoint: to.endpoint, plainHttp: true });
  try {
    const digest = await pushImage("f40/mounted", [5000]);
    const copier = imageCopier(namedRegistries({ candidate: source, production: client }), {
      transfers: 1,
      mountMemory: inMemoryMountMemory(),
    });
    const copy = (repository: string, mountFrom: readonly string[]) =>
      copier.copy(
        {
          source: { registry: "candidate", repository: "f40/mounted", digest },
          destination: { registry: "production", repository },
          mountFrom,
        },
        never,
      );
    expect(await copy("f40/a", ["f40/nobody"])).toMatchObject({ blobsMounted: 0, blobsStreamed: 2, bytesMounted: 0 });
    const second = await copy("f40/b", []);
    expect(second).toMatchObject({ blobsMounted: 2, blobsStreamed: 0, bytesStreamed: 0 });
    expect(second.bytesMounted).toBeGreaterThan(5000);
  } finally {
    client.close();
    await to.stop();
  }
});
