import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { readContainerYaml } from "../../src/distgit/container-yaml.ts";
import { memoryTree } from "../../src/distgit/tree.ts";

const read = (text: string) => readContainerYaml(memoryTree({ "container.yaml": text }));
/** `line severity: message | fix` of every finding. */
const said = async (text: string) => (await read(text)).findings.map((one) => `${one.line} ${one.severity}: ${one.message} | ${one.fix}`);

const editor = new Ajv2020({ strictRequired: false, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(join(import.meta.dirname, "../../schemas/container-yaml.json"), "utf8")),
);

describe("what a build reads", () => {
  test.each([
    ["nothing", "", { not: [] }],
    ["null", "null\n", { not: [] }],
    ["only a comment", "# later\n", { not: [] }],
    ["null keys", "platforms:\ncompose:\nautorebuild:\nflatpak:\nremote_source:\ntags:\n", { not: [] }],
    ["one platform as a word", "platforms:\n  only: x86_64\n", { only: ["x86_64"], not: [] }],
    ["lists of platforms", "platforms:\n  only: [x86_64, s390x]\n  not: [s390x]\n", { only: ["x86_64", "s390x"], not: ["s390x"] }],
    ["null lists of platforms", "platforms:\n  only:\n  not: null\n", { not: [] }],
    ["tags", 'tags: ["{version}", latest]\n', { not: [], tags: ["{version}", "latest"] }],
    ["no tags at all", "tags: []\n", { not: [], tags: [] }],
    ["a limit", "buildtime_limit: 600\n", { not: [], buildtimeLimit: 600 }],
    ["no limit", "buildtime_limit: 0\n", { not: [] }],
    ["a variable for the release", "set_release_env: OS_BUILD\n", { not: [], releaseEnv: "OS_BUILD" }],
    ["a version", "version: 1\n", { not: [] }],
  ])("%s", async (_, text, settings) => {
    expect(await read(text)).toEqual({ settings, findings: [] });
    expect(editor(parse(text) ?? null)).toBe(true);
  });
});

describe("what flibs does not act upon is checked and said", () => {
  const keep = "Leave it when other systems need it, else remove it";
  const sources = "no source is fetched, and REMOTE_SOURCES, REMOTE_SOURCES_DIR and cachito.env are not there in the build";
  const source = `repo: https://git.example.test/a.git\nref: ${"b".repeat(40)}\n`;
  const indented = source.replaceAll(/^/gm, "  ").trimEnd();
  test.each([
    [
      "version: 1\nautorebuild:\n  from_latest: true\n  add_timestamp_to_release: false\n  ignore_isolated_builds: true\n",
      `2 warning: "autorebuild" is not acted upon: a new build of the base image starts no rebuild, and no time is added to the release | ${keep}`,
    ],
    [
      "compose:\n  packages: []\n  pulp_repos: true\n  modules: [a:b, a:b:1:c/p]\n  signing_intent: release\n  inherit: true\n  ignore_absent_pulp_repos: false\n  include_unpublished_pulp_repos: false\n  multilib_method: [devel, runtime]\n  multilib_arches: [x86_64]\n  modular_koji_tags: true\n  module_resolve_tags: [f42-modules]\n  build_only_content_sets:\n    x86_64: [a-rpms]\n",
      `1 warning: "compose" is not acted upon: no compose is made; packages come from the repositories of the base image, of the request and of the site | ${keep}`,
    ],
    [
      "compose:\n  packages:\n  modules: null\n  multilib_method:\n  modular_koji_tags:\n  build_only_content_sets:\n",
      `1 warning: "compose" is not acted upon: no compose is made; packages come from the repositories of the base image, of the request and of the site | ${keep}`,
    ],
    [
      "go:\n  modules:\n    - module: example.test/go/a\n      archive: a.tar.gz\n      path: a-1\n",
      `1 warning: "go" is not acted upon: it is deprecated, and the modules are neither fetched nor recorded | ${keep}`,
    ],
    [
      "image_build_method: imagebuilder\n",
      `1 warning: "image_build_method" is not acted upon: it is deprecated, and the site chooses the builder | ${keep}`,
    ],
    [
      "operator_manifests:\n  manifests_dir: manifests\n  enable_digest_pinning: true\n  enable_repo_replacements: true\n  enable_registry_replacements: false\n  repo_replacements:\n    - registry: r.example.test\n      package_mappings: {a: b/c}\n  skip_all: false\n",
      `1 warning: "operator_manifests" is not acted upon: no digest is pinned and nothing is replaced in the manifests, which are taken as they are | ${keep}`,
    ],
    [
      `remote_source:\n${indented}\n  pkg_managers: [gomod, npm]\n  flags: [cgo-disable]\n  packages:\n    npm: [{path: client}]\n`,
      `1 warning: "remote_source" is not acted upon: ${sources} | ${keep}`,
    ],
    [
      `remote_source:\n${indented}\n  pkg_managers:\n  flags:\n  packages:\n`,
      `1 warning: "remote_source" is not acted upon: ${sources} | ${keep}`,
    ],
    [
      `remote_sources:\n  - name: a_b-1\n    remote_source:\n${source.replaceAll(/^(?=.)/gm, "      ")}`,
      `1 warning: "remote_sources" is not acted upon: ${sources} | ${keep}`,
    ],
    [
      "remote_sources_version: 2\n",
      `1 warning: "remote_sources_version" is not acted upon: there is no service that fetches remote sources | ${keep}`,
    ],
  ])("%j", async (text, expected) => {
    expect(await said(text)).toEqual([expected]);
    expect(editor(parse(text))).toBe(true);
  });

  test("a flatpak is no container image", async () => {
    const text = "flatpak:\n  id: org.example.App\n  branch: stable\n  anything: [else]\n";
    expect(await said(text)).toEqual([
      '1 error: "flatpak" asks for a flatpak, and flibs builds container images only | Build flatpaks elsewhere, or remove the key',
    ]);
    expect(editor(parse(text))).toBe(true);
  });
});

describe("bad input", () => {
  test.each([
    ["platfroms: {}\n", '1 error: the file: Unrecognized key: "platfroms" | Remove or correct "platfroms"'],
    ["platforms:\n  onyl: x86_64\n", '2 error: platforms: Unrecognized key: "onyl" | Remove or correct "onyl"'],
    ["compose:\n  pakages: []\n", '2 error: compose: Unrecognized key: "pakages" | Remove or correct "pakages"'],
    [
      "autorebuild:\n  from_latest: perhaps\n",
      "2 error: autorebuild.from_latest: Invalid input: expected boolean, received string | Make it a value of type boolean",
    ],
    ["buildtime_limit: 1h\n", "1 error: buildtime_limit: Invalid input: expected number, received string | Make it a value of type number"],
    ["buildtime_limit: -1\n", "1 error: buildtime_limit: Too small: expected number to be >=0 | Correct the value"],
    ["buildtime_limit: 1.5\n", "1 error: buildtime_limit: Invalid input: expected int, received number | Make it a value of type int"],
    ["version: 0\n", "1 error: version: Too small: expected number to be >=1 | Correct the value"],
    ["tags: latest\n", "1 error: tags: Invalid input: expected array, received string | Make it a value of type array"],
    [
      "tags:\n  - latest\n  - 1.0\n",
      "3 error: tags.1: Invalid input: expected string, received number | Write a text; put a number in quotes",
    ],
    [
      "set_release_env: 1A\n",
      "1 error: set_release_env: must be the name of a variable: letters, digits and underscores, not starting with a digit | Correct the value",
    ],
    [
      "image_build_method: docker\n",
      '1 error: image_build_method: Invalid option: expected one of "docker_api"|"imagebuilder"|"buildah_bud" | Correct the value',
    ],
    [
      "compose:\n  modules: [name]\n",
      "2 error: compose.modules.0: write name:stream, with :version, :context or /profile behind it | Correct the value",
    ],
    [
      "compose:\n  multilib_method: [some]\n",
      '2 error: compose.multilib_method.0: Invalid option: expected one of "none"|"iso"|"runtime"|"devel"|"all" | Correct the value',
    ],
    [
      "compose:\n  build_only_content_sets: {x86_64: []}\n",
      "2 error: compose.build_only_content_sets.x86_64: Too small: expected array to have >=1 items | Correct the value",
    ],
    [
      "compose:\n  build_only_content_sets: {x86_64: [a]}\n",
      "2 error: compose.build_only_content_sets.x86_64.0: a content set's name ends in -rpms | Correct the value",
    ],
    [
      "operator_manifests: {}\n",
      "1 error: operator_manifests.manifests_dir: Invalid input: expected string, received undefined | Add manifests_dir",
    ],
    [
      "operator_manifests:\n  manifests_dir: /m\n",
      "2 error: operator_manifests.manifests_dir: must be a path within the repository, without / at its start | Correct the value",
    ],
    [
      "remote_source:\n  repo: a\n  ref: main\n",
      "3 error: remote_source.ref: must be a whole commit id of 40 characters | Correct the value",
    ],
    ["remote_sources: []\n", "1 error: remote_sources: Too small: expected array to have >=1 items | Correct the value"],
    ["remote_sources_version: 3\n", "1 error: remote_sources_version: must be 1 or 2 | Correct the value"],
    ["go:\n  modules: [{path: a}]\n", "2 error: go.modules.0.module: Invalid input: expected string, received undefined | Add module"],
    ["go: {}\nremote_source:\n", '2 error: remote_source: "go" and "remote_source" exclude each other | Keep one of them'],
    ["flatpak: yes please\n", "1 error: flatpak: Invalid input: expected object, received string | Make it a value of type object"],
    ["- a\n", "1 error: the file: Invalid input: expected object, received array | Make it a value of type object"],
    [
      "tags: [a\n",
      "2 error: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ] | Mend the line",
    ],
  ])("%j is told with its line", async (text, expected) => {
    expect(await said(text)).toEqual([expected]);
    if (!text.includes("[a\n")) expect(editor(parse(text))).toBe(false);
  });

  test.each([
    [["container.yml"], ["container.yml: Rename it: git mv container.yml container.yaml"]],
    [["container.yaml", "container.yml"], ["container.yml: Remove it: git rm container.yml"]],
    [["Container.YAML"], ["Container.YAML: Rename it: git mv Container.YAML container.yaml"]],
    [["dir/container.yml"], []],
  ])("%j", async (paths, expected) => {
    const { findings } = await readContainerYaml(memoryTree(Object.fromEntries(paths.map((path) => [path, ""]))));
    expect(findings.map((one) => `${one.file}: ${one.fix}`)).toEqual(expected);
    for (const one of findings) expect(one.message).toBe(`${one.file} is not read; the file is called container.yaml`);
  });
});
