import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { localForgeOf, sizeBytes } from "../../src/config.ts";
import { durationMs } from "../../src/config-durations.ts";
import { formatSettingsPage, settingLines } from "../../src/config-explain.ts";
import { loadSettings, parseSettings, readSecret } from "../../src/config-load.ts";
import { publicNamed, registryNames, registryOf } from "../../src/config-values.ts";
import { verbs } from "../../src/domain/verbs.ts";

const unsigned = `
forge: {kind: local, directory: git, hookSecrets: [{file: hook.secret}]}
manifests: {repository: releng/manifests}
registries: {candidate: {endpoint: "127.0.0.1:5001"}, production: {endpoint: "127.0.0.1:5002"}}
`;
const least = `${unsigned}
signing: {gnupgHome: gpg, keys: {candidate: {openpgp: [{fingerprint: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}]}, production: {openpgp: [{fingerprint: BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB}]}}}
`;
const directory = mkdtempSync(join(tmpdir(), "flibs-config-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("settings", () => {
  test("the least file gives all defaults", () => {
    const settings = parseSettings(least, "flibs.yaml");
    expect(settings.limits).toMatchObject({ buildTime: "3h", processes: 1024 });
    expect(settings.containers.branches).toEqual(["main", "rawhide", "f*", "epel*"]);
    expect(settings.engines).toEqual([{ kind: "docker", name: "docker", host: "unix:///var/run/docker.sock", slots: 2, builder: "auto" }]);
  });
  test("an unknown key is named with its place", () => {
    expect(() => parseSettings(`${least}web: {lisen: "x"}\n`, "flibs.yaml")).toThrow(/lisen[\s\S]*at web/);
  });
  test.each([
    ["a list", "- a\n", /is not a mapping/],
    ["broken YAML", "a: [\n", /is not YAML/],
    ["an alias bomb", "a: &a [1]\nb: [*a, *a]\n", /is not YAML/],
    ["a duration without unit", `${least}limits: {buildTime: "30"}\n`, /write a number and ms, s, m, h or d/],
    ["nothing", "", /forge/],
    ["the engine of older releases", `${least}engine: {kind: docker, socket: /run/docker.sock}\n`, /Unrecognized key: "engine"/],
    ["no engine", `${least}engines: []\n`, /engines/],
    ["two engines of one name", `${least}engines: [{kind: docker}, {kind: docker}]\n`, /two engines have one name/],
    ["a bare path", `${least}engines: [{kind: docker, host: /run/docker.sock}]\n`, /write unix:\/\/\/path\/of\/docker.sock/],
    ["an option for ssh", `${least}engines: [{kind: docker, host: "ssh://-oProxyCommand=evil"}]\n`, /write unix:\/\/\/path/],
    ["TCP without certificates", `${least}engines: [{kind: docker, host: "tcp://10.0.0.1:2376"}]\n`, /tcp:\/\/ needs tls/],
    ["a cgroup elsewhere", `${least}engines: [{kind: docker, host: "ssh://a", buildCgroup: /b}]\n`, /host must be unix:\/\//],
    ["a cgroup above", `${least}engines: [{kind: docker, buildCgroup: /a/../b}]\n`, /write it as in \/flibs-builds/],
    ["no candidate registry", least.replace("candidate: {", "staging: {"), /registries.candidate/],
    ["no production registry", least.replace(/, production: .*\}\}/, "}"), /name at least one production registry/],
    ["a registry's name that is no word", least.replace("production: {", '"../x": {'), /at most 40 lower-case letters/],
    ["two registries of one public name", least.replace("5002", "5001"), /their signatures could not be told apart/],
    ["an unknown key of a registry", least.replace('5002"', '5002", colour: red'), /colour[\s\S]*at registries.production/],
    ["a cgroup for the classic builder", `${least}engines: [{kind: docker, builder: classic, buildCgroup: /b}]\n`, /leave buildCgroup out/],
    ...verbs.map(
      (verb) =>
        [`the prefix ${verb}`, `${least}commands: {prefix: ${verb}}\n`, /are commands themselves[\s\S]*at commands.prefix/] as const,
    ),
  ])("%s is refused", (_name, text, why) => {
    expect(() => parseSettings(text, "flibs.yaml")).toThrow(why);
  });
  test.each([
    "sweeps: {forge: 25d}",
    "sweeps: {release: 2073600001ms}",
    "sweeps: {deliveries: 600h}",
    "sweeps: {promotions: 25d}",
    "sweeps: {statuses: 25d}",
    "limits: {buildTime: 25d}",
    "limits: {testTime: 25d}",
    "gating: {retryPause: 25d}",
    "gating: {greenwave: {url: 'http://g', timeout: 40000m}}",
    "scanner: {command: [scan], time: 25d}",
  ])("%s is refused: a timer of more than 24 days would end at once", (text) => {
    expect(() => parseSettings(`${least}${text}\n`, "flibs.yaml")).toThrow(/at most 24 days/);
  });
  test("what is no timer may be any time", () => {
    const text = `${least}sweeps: {forge: 24d, audit: 30d, deepAudit: 90d}\nlimits: {logRetention: 3650d}\n`;
    expect(parseSettings(text, "flibs.yaml")).toMatchObject({
      sweeps: { audit: "30d", deepAudit: "90d" },
      limits: { logRetention: "3650d" },
    });
  });
  test("there may be any number of production registries", () => {
    const text = least.replace(
      /production: \{/,
      'mirror: {endpoint: "m.test", password: {file: m.secret}, username: m, signingKey: production}, production: {',
    );
    const file = join(directory, "several.yaml");
    writeFileSync(file, text);
    const settings = loadSettings(file, {});
    expect(registryNames(settings)).toEqual(["candidate", "mirror", "production"]);
    expect(registryOf(settings, "mirror")).toMatchObject({ endpoint: "m.test", password: { file: join(directory, "m.secret") } });
    expect(publicNamed(settings, "production")).toEqual({ endpoint: "127.0.0.1:5002", publicName: "127.0.0.1:5002" });
    expect(() => registryOf(settings, "constructor")).toThrow(/there is no registry "constructor"/);
    expect(settingLines().map((line) => line.path.join("."))).toContain("registries.<name>.endpoint");
  });
  test("the environment comes before the file", () => {
    const settings = parseSettings(least, "flibs.yaml", { FLIBS_WEB_LISTEN: "0.0.0.0:1", FLIBS_LIMITS_BUILDS: "5" });
    expect(settings.web.listen).toBe("0.0.0.0:1");
    expect(settings.limits.builds).toBe(5);
  });
  test("paths are relative to the file, not to where flibs was started", () => {
    const file = join(directory, "flibs.yaml");
    writeFileSync(file, least);
    const settings = loadSettings(file, {});
    expect(settings.stateDirectory).toBe(join(directory, "var/flibs"));
    expect(localForgeOf(settings).hookSecrets).toEqual([{ file: join(directory, "hook.secret") }]);
    expect(settings.signing.lookaside).toBe(join(directory, "var/flibs/lookaside"));
    expect(loadSettings(undefined, { FLIBS_CONFIG: file }).manifests.repository).toBe("releng/manifests");
  });
  test("a missing file says how to make one", () => {
    expect(() => loadSettings(join(directory, "none.yaml"), {})).toThrow(/cannot be read/);
  });
});

describe("secrets", () => {
  test("are read from a file or the environment, trimmed", () => {
    writeFileSync(join(directory, "s"), "top\n");
    expect(readSecret({ file: join(directory, "s") }, {})).toBe("top");
    expect(readSecret({ env: "X" }, { X: "y" })).toBe("y");
  });
  test("that are missing are named, not guessed", () => {
    expect(() => readSecret({ env: "NOT_SET" }, {})).toThrow(/NOT_SET is not set/);
    expect(() => readSecret({ file: "/nonexistent/s" }, {})).toThrow(/cannot be read/);
  });
});

test("each setting is described and has a type; variables do not clash", () => {
  const lines = settingLines();
  const variables = lines.flatMap((line) => (line.variable ? [line.variable] : []));
  expect(new Set(variables).size).toBe(variables.length);
  for (const line of lines) expect({ path: line.path.join("."), described: line.description !== "" }).toMatchObject({ described: true });
  expect(formatSettingsPage()).toContain("| `web.listen` | string |");
});

test("durations and sizes have units", () => {
  expect(durationMs("30m")).toBe(1_800_000);
  expect(durationMs("10ms")).toBe(10);
  expect(sizeBytes("512MiB")).toBe(536_870_912);
});
