import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { NetworkReport } from "../../../src/engines/build-network.ts";
import { allPlaces, type NetworkWorld, networkWorld, type Place, placesIn } from "./network-world.ts";

// One world, in which things happen one after the other: closed, opened behind flibs' back, closed again.
let world: NetworkWorld;
const listed: readonly Place[] = ["allowed", "allowed by address"];
const script = `${import.meta.dirname}/../../../src/main.ts`;

beforeAll(async () => {
  world = await networkWorld();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

async function build(key: string, dockerfile = world.context.dockerfile) {
  return world.flibs.call<{ outcome: { outcome: string; imageId: string }; log: string }>(
    "build",
    key,
    world.context.directory,
    dockerfile,
  );
}

/** The command line, on the machine that builds. */
async function flibs(...words: string[]) {
  return world.machine.try(process.execPath, script, "--config", world.settingsFile, ...words);
}

async function faults(): Promise<readonly string[]> {
  const { findings } = await world.flibs.call<NetworkReport>("check");
  return findings.filter(({ state }) => state === "bad").map(({ message }) => message);
}

test("before anything is set up, a build is refused", async () => {
  await expect(build("early")).rejects.toMatchObject({
    code: "engine.network-open",
    message: `the build network is not closed, so nothing is built: there is no bridge ${world.bridge}`,
    hint: "Mend it: flibs network ensure",
  });
});

test("flibs makes bridge and rules and starts an engine for builds, and says so", async () => {
  expect(await world.flibs.call("open")).toEqual({
    closed: true,
    findings: [
      { name: "bridge", state: "ok", message: `${world.bridge} 10.213.77.1/24, without IPv6` },
      { name: "rules", state: "ok", message: "everything is closed but 2 of address and port, for 2 hosts" },
      { name: "engine", state: "ok", message: `builds of /run/flibs-${world.bridge}/docker.sock sit on ${world.bridge}` },
      { name: "names", state: "ok", message: "flibs answers builds on 10.213.77.1, and only names of the allow-list" },
    ],
  });
  await world.startContainer();
});

let image: string;
let log: string;

test("a build with the classic builder reaches what is on the list, and nothing else", async () => {
  const built = await build("classic");
  expect(built.outcome.outcome).toBe("built");
  expect(placesIn(built.log)).toEqual(listed);
  image = built.outcome.imageId;
  log = built.log;
});

test("a BuildKit build reaches the same", async () => {
  expect(await world.reachedByBuildKit()).toEqual(listed);
});

test("BuildKit of flibs' engine lets nobody have the machine's own network", async () => {
  await expect(world.buildOnHostNetwork()).rejects.toThrow(
    "granting entitlement network.host is not allowed by build daemon configuration",
  );
});

test("a container on the network reaches the same", async () => {
  expect(await world.reachedByContainer()).toEqual(listed);
});

test("a test container of flibs reaches nothing at all", async () => {
  const run = await world.flibs.call<{ log: string }>("run", "test", image, ["/bin/busybox", "sh", "/try"]);
  // The image holds what its own build has reached before.
  expect(placesIn(run.log.slice(run.log.lastIndexOf("allowed:")))).toEqual([]);
});

test("names are no way out: only those of the list are answered, and no question leaves the machine", async () => {
  expect(log).toContain("own name server: 1");
  expect(await world.heard()).toEqual([]);
});

test("IPv6 is no way out, also for containers that switch it on", async () => {
  const [one, other] = await Promise.all([containerWithIpv6("six-one"), containerWithIpv6("six-other")]);
  const knock = () => world.exec(one.name, "/bin/busybox", "nc", "-w", "1", `${other.address}%eth0`, "7070");
  expect(await knock()).toBe("");
  await world.machine.run("ip6tables", "-t", "security", "-F");
  expect(await knock()).toBe("other");
  expect(await faults()).toEqual([
    `ip6tables -t security has other rules in FLIBS-${world.bridge}-V6 than it should; ip6tables -t security lacks in INPUT: -i ${world.bridge} -j FLIBS-${world.bridge}-V6; ip6tables -t security lacks in FORWARD: -i ${world.bridge} -j FLIBS-${world.bridge}-V6; and 2 more`,
  ]);
  await world.flibs.call("ensure");
  expect(await faults()).toEqual([]);
});

test("what others accept in the firewall, as Docker does when it starts anew, opens nothing", async () => {
  for (const chain of ["FORWARD", "INPUT"]) await world.machine.run("iptables", "-I", chain, "1", "-j", "ACCEPT");
  expect(await world.ask("198.51.100.10", 443)).toBe("");
  expect(await world.ask("192.0.2.1", 5000)).toBe("");
  expect(await world.ask("198.51.100.20", 443)).toBe("allowed");
  expect(await faults()).toEqual([]);
});

test("a rule that somebody puts before ours is seen", async () => {
  const rule = ["FORWARD", "-s", "10.213.77.9/32", "-j", "ACCEPT"];
  await world.machine.run("iptables", "-t", "security", "-I", ...rule);
  expect(await faults()).toEqual(["iptables -t security has another rule in FORWARD before those of flibs"]);
  await world.flibs.call("ensure");
  expect(await faults()).toEqual([]);
  await world.machine.run("iptables", "-t", "security", "-D", ...rule);
});

test("when a name moves, the next build finds it, and its old address is not cut off yet", async () => {
  await world.flibs.call("setNames", { "mirror.test": ["198.51.100.21"] });
  await world.flibs.call("demandClosed");
  const rules = await world.machine.run("iptables", "-t", "security", "-S", `FLIBS-${world.bridge}-OUT`);
  expect(rules).toContain("-d 198.51.100.20/32 -p tcp -m tcp --dport 443 -j ACCEPT");
  expect(rules).toContain("-d 198.51.100.21/32 -p tcp -m tcp --dport 443 -j ACCEPT");
  await world.flibs.call("setNames", { "mirror.test": ["198.51.100.20"] });
});

test("a name that DNS points at the site's own machines stays closed", async () => {
  await world.flibs.call("setNames", { "mirror.test": ["172.17.0.2", "169.254.169.254", "198.51.100.20"] });
  await world.flibs.call("demandClosed");
  const rules = await world.machine.run("iptables", "-t", "security", "-S");
  expect(rules).toContain("-d 198.51.100.20/32 ");
  expect(rules).not.toMatch(/-d (?:172|169)/);
  await world.flibs.call("setNames", { "mirror.test": ["198.51.100.20"] });
});

test("the engine for builds is started again when it has died, behind its rules", async () => {
  const pid = Number(readFileSync(`/run/flibs-${world.bridge}/docker.pid`, "utf8"));
  process.kill(pid, "SIGKILL");
  while (isAlive(pid)) await delay(20);
  await world.flibs.call("demandClosed");
  expect(await faults()).toEqual([]);
  expect(Number(readFileSync(`/run/flibs-${world.bridge}/docker.pid`, "utf8"))).not.toBe(pid);
  await world.startContainer();
});

test("the command line checks with a container that tries to get out", async () => {
  const { code, out } = await flibs("network", "check", "--probe", "--json");
  const { closed, findings }: NetworkReport = JSON.parse(out);
  expect({ code, closed }).toEqual({ code: 0, closed: true });
  expect(findings.filter(({ state }) => state === "bad")).toEqual([]);
  expect(findings.map(({ name, message }) => `${name}: ${message.replace(/:\d{4,}/, ":PORT")}`)).toEqual(
    expect.arrayContaining([
      "this machine: 10.213.77.1:PORT was not reached",
      "this machine: 192.0.2.1:PORT was not reached",
      "metadata service: 169.254.169.254:80 was not reached",
      "unlisted name: the name not-on-the-list.flibs.invalid was not answered",
      "allowed host: mirror.test:443 was reached",
    ]),
  );
});

test("who may not look at the firewall is told so, and what to run", async () => {
  const nobody = ["--user", process.execPath, script, "--config", world.settingsFile, "network"];
  const checked = await world.machine.try("unshare", ...nobody, "check");
  expect(checked.code).toBe(1);
  expect(checked.out).toMatch(/BAD {3}rules {12}this process may not run ip6?tables --wait 5 -t /);
  expect(checked.out).toContain("Run it as root, or let the service have CAP_NET_ADMIN; docs/build-network.md tells how");
  const ensured = await world.machine.try("unshare", ...nobody, "ensure");
  expect(ensured.code).toBe(4);
  expect(ensured.err).toContain("Run it as root");
});

test("a build during which the firewall is flushed is ended and not used", async () => {
  const running = build("flushed", 'FROM scratch\nCOPY . /\nRUN ["/bin/busybox", "sleep", "60"]\n');
  const ended = expect(running).rejects.toMatchObject({
    code: "engine.network-open",
    message: expect.stringContaining("the build network did not stay closed, so the build is not used: "),
  });
  while (!(await sleeping())) await delay(20);
  await world.openFirewall();
  await ended;
  expect(await sleeping()).toBe(false);
});

test("without the rules everything is reached: what stands there does answer", async () => {
  expect(await world.reachedByContainer()).toEqual(allPlaces);
  expect(await world.reachedByBuildKit()).toEqual(allPlaces);
  expect((await world.heard()).join()).toContain("secret");
});

test("then the next build is refused, and nothing of it is run", async () => {
  const before = await world.docker.listContainers({ all: true });
  await expect(build("refused")).rejects.toMatchObject({
    code: "engine.network-open",
    message: expect.stringContaining("the build network is not closed, so nothing is built: iptables -t security has other rules"),
    hint: "Mend it: flibs network ensure",
  });
  expect(await world.docker.listContainers({ all: true })).toHaveLength(before.length);
  expect((await world.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => tag.includes("krefused"))).toEqual([]);
  const checked = await flibs("network", "check", "--probe");
  expect(checked.code).toBe(1);
  expect(checked.out).toContain("BAD   rules            iptables -t security has other rules");
  expect(checked.out).toContain("BAD   metadata service 169.254.169.254:80 was reached from a container");
});

test("flibs network ensure closes it again", async () => {
  const { code, out } = await flibs("network", "ensure");
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining("ok    rules            everything is closed but ") });
  expect(placesIn((await build("closed-again")).log)).toEqual(listed);
});

test("flibs network remove leaves nothing behind, and can be called again", async () => {
  const first = await flibs("network", "remove", "--json");
  expect(first).toMatchObject({ code: 0 });
  expect(JSON.parse(first.out)).toEqual({
    removed: ["the Docker Engine for builds, with its containers", "the rules of the firewall", `the bridge ${world.bridge}`],
  });
  expect(await world.flibs.call("remove")).toEqual([]);
  for (const table of ["security", "filter", "nat"]) {
    expect(await world.machine.run("iptables", "-t", table, "-S")).not.toContain("FLIBS");
  }
  expect(await world.machine.run("ip", "link")).not.toContain(world.bridge);
});

/** It answers `other` on IPv6, at an address that the kernel has made sure of. */
async function containerWithIpv6(name: string): Promise<{ name: string; address: string }> {
  const container = await world.docker.createContainer({
    name,
    Image: "everything",
    Cmd: ["/bin/busybox", "nc", "-ll", "-p", "7070", "-e", "/bin/busybox", "echo", "other"],
    StopSignal: "SIGKILL",
    HostConfig: { Sysctls: Object.fromEntries(["all", "default"].flatMap((place) => ipv6At(`net.ipv6.conf.${place}`))) },
  });
  await container.start();
  for (;;) {
    const shown = await world.exec(name, "/bin/busybox", "ip", "-6", "address", "show", "eth0");
    const address = /inet6 (fe80[0-9a-f:]+)\/64(?!.*tentative)/.exec(shown)?.[1];
    if (address !== undefined) return { name, address };
    await delay(50);
  }
}

/** On, and without asking the neighbours for a second whether the address is free. */
function ipv6At(place: string): readonly (readonly [string, string])[] {
  return [
    [`${place}.disable_ipv6`, "0"],
    [`${place}.accept_dad`, "0"],
  ];
}

async function sleeping(): Promise<boolean> {
  return (await world.docker.listContainers()).some(({ Command }) => Command.includes("sleep 60"));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}
