import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chown, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parseSubnet } from "../../../src/domain/ipv4.ts";
import type { NetworkReport } from "../../../src/engines/build-network.ts";
import { pinnedAddresses } from "../../../src/engines/network/pinned-addresses.ts";
import { confiningTables } from "../../../src/engines/network/rules.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";
import { type Namespace, namespace } from "./namespace.ts";
import type { NetworkProcess } from "./network-process.ts";

let machine: Namespace;
let scratch: ScratchDirectory;
beforeAll(async () => {
  machine = await namespace(`flt-${randomBytes(3).toString("hex")}`);
  scratch = await scratchDirectory();
  await machine.run("ip", "link", "set", "lo", "up");
});
afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
  await scratch?.remove();
});

const subnet = parseSubnet("10.213.77.0/24") ?? { first: 0, bits: 32 };
const tables = confiningTables({
  ...{ bridge: "a-long-bridge-0", subnet, gateway: "10.213.77.1" },
  openings: [
    { to: "203.0.113.7/32", port: "443" },
    { to: "198.51.100.0/24", port: "8000:8010" },
  ],
});

test.each(["nft", "legacy"])("rules are read back by iptables-%s as they were written, and taken away without a trace", async (variant) => {
  const rules = await machine.start(join(import.meta.dirname, "firewall-process.ts"), { variant });
  const save = async () => (await machine.run(`iptables-${variant}-save`)).replaceAll(/^#.*\n|\[\d+:\d+\]/gm, "");
  const others = "*filter\n:MINE - [0:0]\n-A FORWARD -j MINE\n-A MINE -s 192.0.2.9/32 -j ACCEPT\nCOMMIT\n";
  await machine.feed(others, `iptables-${variant}-restore`, "--noflush");
  expect(await rules.call("faults", tables)).not.toEqual([]);
  await rules.call("apply", tables);
  expect(await rules.call("faults", tables)).toEqual([]);
  const written = await save();
  await rules.call("apply", tables);
  expect(await save()).toBe(written);

  await machine.run(`iptables-${variant}`, "-t", "security", "-D", "FLIBS-a-long-bridge-0-OUT", "1");
  await machine.run(`iptables-${variant}`, "-t", "filter", "-I", "FORWARD", "-i", "a-long-bridge-0", "-j", "FLIBS-a-long-bridge-0-OUT");
  expect(await rules.call("faults", tables)).toEqual(["iptables -t security has other rules in FLIBS-a-long-bridge-0-OUT than it should"]);
  await rules.call("apply", tables);
  expect(await rules.call("faults", tables)).toEqual([]);

  expect(await rules.call("remove", tables)).toBe(true);
  expect(await rules.call("remove", tables)).toBe(false);
  const left = await save();
  expect(left).not.toContain("FLIBS");
  expect(left).toContain("-A MINE -s 192.0.2.9/32 -j ACCEPT");
});

/** A Docker Engine that only says what its default network stands on. */
async function siteEngine(answer: { bridge?: string; ipv6?: boolean }) {
  const socket = join(scratch.path, `${randomBytes(3).toString("hex")}.sock`);
  const server = createServer((request, response) => {
    const there = request.url === "/networks/bridge" && answer.bridge !== undefined;
    response.writeHead(there ? 200 : 404);
    response.end(JSON.stringify({ EnableIPv6: answer.ipv6 ?? false, Options: { "com.docker.network.bridge.name": answer.bridge } }));
  });
  server.listen(socket);
  await once(server, "listening");
  const close = () => void server.close();
  return { socket, answer, close, [Symbol.asyncDispose]: async () => close() };
}

async function flibsOn(more: Pick<NetworkProcess, "daemon" | "bridge">, allow: NetworkProcess["allow"] = []) {
  const options: NetworkProcess = { subnet: "10.213.77.0/24", stateDirectory: scratch.path, installation: "test", allow, ...more };
  return machine.start(join(import.meta.dirname, "network-process.ts"), options);
}

const bad = (report: NetworkReport) =>
  report.findings.filter(({ state }) => state === "bad").map(({ message, hint }) => `${message}. ${hint}`);

test("an engine of the site is closed in on the bridge that it builds on, and on no other", async () => {
  await using engine = await siteEngine({ bridge: "site0" });
  await using flibs = await flibsOn({ bridge: "site0", daemon: { kind: "site", socket: engine.socket } });
  await expect(flibs.call("ensure")).rejects.toMatchObject({
    code: "engine.network-failed",
    message: "there is no bridge site0",
    hint: "Start the Docker Engine that network.bridge belongs to, or let flibs start one: network.daemon: own",
  });
  await machine.run("ip", "link", "add", "site0", "type", "bridge");
  await machine.run("ip", "address", "add", "10.213.77.1/24", "dev", "site0");
  expect(bad(await flibs.call("ensure"))).toEqual(["the bridge site0 is down. Mend it: flibs network ensure"]);
  await machine.run("ip", "link", "set", "site0", "up");
  expect(await flibs.call("open")).toMatchObject({ closed: true });
  await flibs.call("demandClosed");

  const hint = "Start it with --bridge site0 --ipv6=false, or let flibs start one: network.daemon: own";
  engine.answer.bridge = "docker0";
  expect(bad(await flibs.call("check"))).toEqual([
    `Docker Engine on ${engine.socket} puts builds on the bridge docker0, not on site0. ${hint}`,
  ]);
  await expect(flibs.call("demandClosed")).rejects.toMatchObject({ code: "engine.network-open" });
  engine.answer.bridge = "site0";
  engine.answer.ipv6 = true;
  expect(bad(await flibs.call("check"))).toEqual([`Docker Engine on ${engine.socket} gives containers IPv6 addresses. ${hint}`]);
  delete engine.answer.bridge;
  expect(bad(await flibs.call("check"))).toEqual([`Docker Engine on ${engine.socket} has no default network. ${hint}`]);
  engine.close();
  await expect(flibs.call("demandClosed")).rejects.toMatchObject({ code: "engine.unreachable" });

  expect(await flibs.call("remove")).toEqual(["the rules of the firewall"]);
  expect(await machine.run("ip", "link")).toContain("site0");
  await machine.run("ip", "link", "delete", "site0");
});

test("frames between containers, a lost address and IPv6 on the bridge are seen", async () => {
  await using engine = await siteEngine({ bridge: "site0" });
  await using flibs = await flibsOn({ bridge: "site0", daemon: { kind: "site", socket: engine.socket } });
  await machine.run("ip", "link", "add", "site0", "up", "type", "bridge");
  await machine.run("ip", "address", "add", "10.213.77.1/24", "dev", "site0");
  expect(await flibs.call("open")).toMatchObject({ closed: true });
  await machine.run("ip", "link", "set", "site0", "type", "bridge", "nf_call_iptables", "0");
  await machine.feed("0", "tee", "/proc/sys/net/ipv6/conf/site0/disable_ipv6");
  await machine.run("ip", "address", "delete", "10.213.77.1/24", "dev", "site0");
  expect(bad(await flibs.call("check"))).toEqual([
    "the bridge site0 does not have the address 10.213.77.1/24; traffic between containers on site0 does not pass the firewall; IPv6 is on at site0. Mend it: flibs network ensure",
  ]);
  await flibs.call("remove");
  await machine.run("ip", "link", "delete", "site0");
});

test("flibs takes neither a bridge nor a subnet that somebody else has", async () => {
  const own = { bridge: "mine0", daemon: { kind: "own", directory: join(scratch.path, "daemon") } } as const;
  await using flibs = await flibsOn(own);
  await machine.run("ip", "link", "add", "mine0", "type", "bridge");
  const hint = "Give the build network another name or subnet: network.bridge, network.subnet";
  const taken = (message: string) => ({ code: "engine.network-taken", message, hint });
  await expect(flibs.call("ensure")).rejects.toMatchObject(taken("there is an interface mine0 that flibs has not made"));
  expect(await flibs.call("remove")).toEqual([]);
  expect(await machine.run("ip", "link")).toContain("mine0");
  await machine.run("ip", "link", "delete", "mine0");
  await machine.run("ip", "link", "add", "lan0", "type", "bridge");
  await machine.run("ip", "address", "add", "10.213.0.5/16", "dev", "lan0");
  await expect(flibs.call("ensure")).rejects.toMatchObject(taken("10.213.77.0/24 overlaps with the network of lan0"));
  expect(await machine.run("ip", "link")).not.toContain("mine0");
  await machine.run("ip", "link", "delete", "lan0");
});

test("what root remembers belongs to whoever has the state directory, and no link leads it astray", async () => {
  const state = join(scratch.path, "of-somebody");
  const victim = join(scratch.path, "victim");
  await mkdir(state);
  await writeFile(victim, "untouched");
  await chown(state, 65_534, 65_534);
  const allow = [{ host: "gone.test", ports: ["443"], addresses: [], private: false }];
  const pinned = pinnedAddresses({
    file: join(state, "network/addresses.json"),
    allow,
    resolve: async () => ["203.0.113.7"],
    now: () => 1,
  });
  await pinned.write(await pinned.resolve());
  for (const path of ["network", "network/addresses.json"]) {
    const { uid, gid } = await stat(join(state, path));
    expect([path, uid, gid]).toEqual([path, 65_534, 65_534]);
  }
  await symlink(victim, join(state, `network/addresses.json.${process.pid}`));
  await pinned.write(await pinned.resolve());
  expect(await readFile(victim, "utf8")).toBe("untouched");
  expect(Object.fromEntries(await pinned.read())).toEqual({ "gone.test": ["203.0.113.7"] });
});

test("a machine that forwards nothing, and a name without address, are told as what they are: builds lack something", async () => {
  await using engine = await siteEngine({ bridge: "site0" });
  const allow = [{ host: "gone.test", ports: ["443"], addresses: [], private: false }];
  await using flibs = await flibsOn({ bridge: "site0", daemon: { kind: "site", socket: engine.socket } }, allow);
  await machine.run("ip", "link", "add", "site0", "up", "type", "bridge");
  await machine.run("ip", "address", "add", "10.213.77.1/24", "dev", "site0");
  await machine.feed("0", "tee", "/proc/sys/net/ipv4/ip_forward");
  const report = await flibs.call<NetworkReport>("open");
  expect(report.closed).toBe(true);
  expect(report.findings.filter(({ state }) => state === "warning")).toEqual([
    { name: "allowed host", state: "warning", message: "gone.test: DNS: queryA ENOTFOUND gone.test" },
    {
      name: "forwarding",
      state: "warning",
      message: "this machine forwards nothing, so builds reach none of the allowed hosts",
      hint: "Run sysctl -w net.ipv4.ip_forward=1, and see docs/build-network.md first",
    },
  ]);
  await flibs.call("remove");
});
