import { existsSync } from "node:fs";
import { readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { type SetupMachine, setupMachine } from "../../support/setup-machine.ts";

const sources = `Types: deb
# where packages come from
URIs: https://debian.example.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://debian.example.test/security
Suites: bookworm-security
Components: main
`;

/** apt-get that would install what `plan` says; keeps the sources and pins that it was given. */
async function apt(machine: SetupMachine, plan = "Inst cosign (2.5.0 Debian:13 [amd64])") {
  await machine.without("cosign");
  await machine.program(
    "apt-get",
    `echo "$*" >>"$CALLS"
for word; do case "$word" in
  Dir::Etc::SourceList=*) cp "\${word#*=}" "$BIN/../given-sources";;
  Dir::Etc::Preferences=*) cp "\${word#*=}" "$BIN/../given-pins";;
esac; done
case "$*" in
  -s*) printf '%s\\n' "${plan}";;
  *update*) ;;
  *install*) echo "#!/bin/sh" >"$BIN/cosign"; /bin/chmod 755 "$BIN/cosign";;
esac`,
  );
}

test("on bookworm cosign comes from the next suite, which is known to this one call only", async () => {
  await using machine = await setupMachine();
  await apt(machine);
  await writeFile(join(machine.aptDirectory, "sources.list.d/debian.sources"), sources);
  const result = await machine.setup("--tests");
  expect(result).toMatchObject({ exitCode: 0, stderr: "" });
  expect(result.stdout).toContain("setup: installing cosign for its tests\n");
  expect(await readFile(join(machine.bin, "../given-sources"), "utf8")).toBe(`Types: deb
# where packages come from
URIs: https://debian.example.test/debian
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`);
  expect(await readFile(join(machine.bin, "../given-pins"), "utf8")).toBe("Package: *\nPin: release *\nPin-Priority: 100\n");
  expect(existsSync(join(machine.root, "var/setup/next-suite"))).toBe(false);
  expect(await readFile(join(machine.aptDirectory, "sources.list.d/debian.sources"), "utf8")).toBe(sources);
  expect(await machine.setup("--tests")).toEqual({ exitCode: 0, stdout: "", stderr: "" });
});

test("a source in one line works too", async () => {
  await using machine = await setupMachine();
  await apt(machine);
  await writeFile(
    join(machine.aptDirectory, "sources.list"),
    "# deb cdrom\ndeb [arch=amd64] https://debian.example.test/debian bookworm main\n",
  );
  await machine.setup("--tests");
  expect(await readFile(join(machine.bin, "../given-sources"), "utf8")).toBe(
    "deb [arch=amd64] https://debian.example.test/debian trixie main\n",
  );
});

test("a distribution that has cosign itself is asked as it is", async () => {
  await using machine = await setupMachine();
  await apt(machine);
  await writeFile(join(machine.aptDirectory, "sources.list.d/debian.sources"), sources.replaceAll("bookworm", "trixie"));
  expect((await machine.setup("--tests")).exitCode).toBe(0);
  const plain = "-qy -o DPkg::Lock::Timeout=300 install --no-install-recommends cosign";
  expect(await machine.calls()).toEqual([`-s ${plain}`, plain]);
});

test.each([
  ["upgrade another package", "Inst libc6 [2.36] (2.41 Debian:13)\\nInst cosign (2.5.0 Debian:13)", "libc6"],
  ["remove another package", "Remv docker.io [20.10]\\nInst cosign (2.5.0 Debian:13)", "docker.io"],
])("cosign that would %s is left out, and nothing fails", async (_what, plan, named) => {
  await using machine = await setupMachine();
  await apt(machine, plan.replaceAll("\\n", "\n"));
  const result = await machine.setup("--tests");
  expect(result.exitCode).toBe(0);
  expect(result.stdout).toContain(`without cosign (it would change other packages: ${named}): tests that ask it are skipped\n`);
  expect(existsSync(join(machine.bin, "cosign"))).toBe(false);
});

test("where it cannot be had the reason is remembered for a day, and a second run asks nobody", async () => {
  await using machine = await setupMachine();
  await machine.without("cosign");
  await machine.program("apt-get", 'echo "$*" >>"$CALLS"; echo "E: Unable to locate package cosign" >&2; exit 100');
  expect((await machine.setup("--tests")).stdout).toContain("without cosign (E: Unable to locate package cosign)");
  const asked = (await machine.calls()).length;
  expect(await machine.setup("--tests")).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  expect(await machine.calls()).toHaveLength(asked);
  const check = await machine.setup("--check", "--tests");
  expect(check).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("without cosign: E: Unable to locate package cosign\n") });
  const yesterday = new Date(Date.now() - 25 * 3_600_000);
  await utimes(join(machine.root, "var/setup/no-cosign"), yesterday, yesterday);
  await machine.setup("--tests");
  expect((await machine.calls()).length).toBeGreaterThan(asked);
});

test("only the tests want it, and at a terminal nothing is installed without --yes", async () => {
  await using machine = await setupMachine();
  await apt(machine);
  await machine.setup();
  expect(await machine.calls()).toEqual([]);
  const refused = await machine.setupAtTerminal("--tests");
  expect(refused.exitCode).toBe(0);
  expect(refused.stdout).toContain("without cosign (it needs --yes)");
  expect(await machine.calls()).toEqual([]);
});
