import { createServer } from "node:http";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

test("an engine is asked for its version once, then only whether it is there; one that was away or replaced is asked anew", async () => {
  await using scratch = await scratchDirectory();
  const socket = join(scratch.path, "d.sock");
  const asked: string[] = [];
  let arch = "amd64";
  let version = "1.41";
  let isAway = false;
  const server = createServer((request, response) => {
    if (isAway) return void request.socket.destroy();
    asked.push(request.url ?? "");
    const isVersion = request.url === "/version";
    response.writeHead(200, { "content-type": isVersion ? "application/json" : "text/plain", "api-version": version });
    response.end(isVersion ? JSON.stringify({ ApiVersion: version, Os: "linux", Arch: arch }) : "OK");
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const engine = dockerEngine({ host: `unix://${socket}`, installation: "version", stateDirectory: scratch.path, slots: 1 });
  try {
    for (const _ of [1, 2, 3]) expect(await engine.platforms()).toEqual(["linux/amd64"]);
    expect(asked).toEqual(["/version", "/_ping", "/_ping"]);
    isAway = true;
    await expect(engine.platforms()).rejects.toMatchObject({ code: "engine.unreachable", kind: "transient" });
    [isAway, arch] = [false, "arm64"];
    expect(await engine.platforms()).toEqual(["linux/arm64"]);
    // Replaced in between, without anybody noticing.
    [version, arch] = ["1.47", "amd64"];
    expect(await engine.platforms()).toEqual(["linux/amd64"]);
    expect(await engine.platforms()).toEqual(["linux/amd64"]);
    expect(asked.slice(-3)).toEqual(["/_ping", "/version", "/_ping"]);
  } finally {
    await engine.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
