import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, readdir, realpath, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { playbook, resultsTask, stiWorld } from "./sti-world.ts";

// Each starts Ansible and a container; slow when other tests use both cores.
jest.setTimeout(120_000);

let world: Awaited<ReturnType<typeof stiWorld>>;
beforeAll(async () => {
  world = await stiWorld();
});
afterAll(() => world.close());

/** The system's Python with what it needs to start: programs of the image's own. */
async function pythonTree(directory: string): Promise<void> {
  const run = promisify(execFile);
  const python = (await run("/usr/bin/python3", ["-c", "import sys; print(sys.executable, sys.version_info[0], sys.version_info[1])"]))
    .stdout;
  const [, major, minor] = python.trim().split(" ");
  const program = await realpath("/usr/bin/python3");
  const libraries = [...(await run("ldd", [program])).stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path ?? "");
  const standard = `/usr/lib/python${major}.${minor}`;
  const lazy = (await readdir(`${standard}/lib-dynload`)).map((name) => `${standard}/lib-dynload/${name}`);
  const more = await Promise.all(lazy.map(async (path) => (await run("ldd", [path])).stdout));
  for (const [, path] of more.join("").matchAll(/ => (\/\S+) \(0x/g)) libraries.push(path ?? "");
  for (const path of new Set([program, ...libraries])) {
    await mkdir(join(directory, path, ".."), { recursive: true });
    await copyFile(path, join(directory, path));
  }
  const filter = (path: string) => !/__pycache__|\/(?:test|dist-packages|ensurepip|idlelib|config-[^/]*)$/.test(path);
  await cp(standard, join(directory, standard), { recursive: true, filter });
  await symlink(basename(program), join(directory, "usr/bin/python3"));
}

const writeArtifact = (name: string, text: string) =>
  `    - copy: {dest: "{{ lookup('env', 'TEST_ARTIFACTS') }}/${name}", content: ${JSON.stringify(text)}}\n      delegate_to: localhost\n`;

describe("Standard Test Interface with Ansible and Docker", () => {
  test("a suite that passes has its cases, its log and its artifacts; the image has no Python", async () => {
    const { result, artifacts, kept } = await world.run(
      playbook(
        `    - raw: cat /etc/hello\n      register: said\n    - assert: {that: "'hello' in said.stdout"}\n` +
          writeArtifact("test.log", "hello was said\n") +
          resultsTask("results:\n- {test: says hello, result: pass, logs: [test.log]}\n"),
      ),
    );
    expect(result).toMatchObject({
      ...{ suite: "tests", outcome: "pass", message: "1 passed" },
      cases: [{ name: "says hello", outcome: "pass", log: "test.log" }],
      artifacts: ["test.log", "results.yml", "ansible.log"],
    });
    expect(artifacts["test.log"]).toBe("hello was said\n");
    expect(artifacts["ansible.log"]).toContain("PLAY RECAP");
    expect([...kept].sort()).toEqual(["ansible.log", "results.yml", "test.log"]);
    expect(await world.containers()).toEqual([]);
  });

  test("TR10: exit code 0 says that the tests were carried out; results.yml says that one failed", async () => {
    const { result } = await world.run(
      playbook(
        writeArtifact("second.log", "was not there\n") +
          resultsTask("results:\n- {test: first, result: pass}\n- {test: second, result: fail, logs: [second.log]}\n"),
      ),
    );
    expect(result).toMatchObject({ outcome: "fail", message: "second: failed" });
    expect(result.cases[1]).toMatchObject({ outcome: "fail", log: "second.log" });
  });

  test("trouble that results.yml tells of is an error", async () => {
    const { result } = await world.run(playbook(resultsTask("results:\n- {test: first, result: error}\n- {test: second, result: fail}\n")));
    expect(result).toMatchObject({ outcome: "error", message: "first: could not be carried out" });
  });

  test.each([
    ["0: every task went well", playbook("    - raw: exit 0\n"), "pass"],
    ["1: a role that is not there", "- hosts: subjects\n  gather_facts: false\n  roles: [absent-role]\n", "error"],
    ["2: a task failed, as suites of version 1 say that a test does", playbook("    - raw: exit 1\n"), "fail"],
    ["4: not to be understood", "- hosts: subjects\n  tasks:\n    - no_such_module_at_all:\n", "error"],
    ["4: the container was not reached", playbook("    - raw: yes\n"), "error"],
  ])("without results.yml the exit code decides: %s", async (name, text, outcome) => {
    const { result } = await world.run(text);
    expect(result).toMatchObject({ outcome, cases: [] });
    expect(result.message).toContain(outcome === "pass" ? "no results.yml" : `exit code ${name[0]}`);
  });

  test("commands run as the image's user, as another one when the playbook says so, and the branch is a plain text", async () => {
    const tasks =
      "    - raw: id -u\n      register: own\n    - raw: id -u\n      become: true\n      register: root\n" +
      "    - raw: id -u\n      become: true\n      become_user: '1234'\n      register: other\n" +
      `    - fail: {msg: "own={{ own.stdout | trim }} root={{ root.stdout | trim }} other={{ other.stdout | trim }} branch={{ git_branch }}"}\n`;
    const { log } = await world.run(playbook(tasks), { branch: "f42-{{1+1}}" });
    expect(log).toContain("own=65534 root=0 other=1234 branch=f42-{{1+1}}");
  });

  test("a script goes into the container, though there is no Python", async () => {
    const tasks = `    - script: look.sh\n      register: looked\n    - assert: {that: "'looked around' in looked.stdout"}\n`;
    const { result } = await world.run(playbook(tasks), { files: { "look.sh": "#!/bin/sh\necho looked around\n" } });
    expect(result).toMatchObject({ outcome: "pass" });
  });

  test("an image with Python takes every module: facts, files into it and out of it, another user", async () => {
    await pythonTree(join(world.context, "python"));
    const image = await world.buildImage("RUN /bin/busybox mkdir -m 1777 /tmp\nCOPY python /\nUSER 65534");
    const tasks =
      "    - setup: {gather_subset: [min]}\n" +
      "    - copy: {src: given.txt, dest: /tmp/given.txt}\n    - file: {path: /tmp/of-root, state: touch}\n      become: true\n" +
      "    - stat: {path: /tmp/of-root}\n      register: touched\n" +
      `    - fetch: {src: /tmp/given.txt, dest: "{{ lookup('env', 'TEST_ARTIFACTS') }}/fetched", flat: true}\n` +
      `    - assert: {that: ["touched.stat.uid == 0", "ansible_facts.python.version.major == 3"]}\n`;
    const { result, artifacts, log } = await world.run(playbook(tasks), { image, files: { "given.txt": "given\n" } });
    expect([result.outcome, log]).toEqual(["pass", expect.any(String)]);
    expect(artifacts.fetched).toBe("given\n");
  });

  test("the convention's environment, variables and working directory are there", async () => {
    const tasks =
      `    - fail: {msg: "{{ lookup('env', 'TEST_SUBJECTS') }} {{ lookup('env', 'TEST_ARTIFACTS') }} ` +
      `{{ query('fileglob', lookup('env', 'TEST_ARTIFACTS') + '/*') }} {{ taskotron_item == lookup('env', 'TEST_SUBJECTS') }} {{ playbook_dir }}"}\n`;
    const { log } = await world.run(playbook(tasks));
    expect(log).toContain(`docker:${world.image} /workspace/artifacts [] True /workspace/tests`);
  });

  test("only what has the tag container is run, and a suite of which nothing is has tested nothing", async () => {
    const classic = "- hosts: subjects\n  gather_facts: false\n  tags: [classic]\n  tasks:\n    - raw: exit 1\n";
    expect((await world.run(classic + playbook("    - raw: exit 0\n"))).result.outcome).toBe("pass");
    const { result } = await world.run(classic);
    const message = "nothing was carried out: no command reached the container, and there is no results.yml";
    expect(result).toMatchObject({ outcome: "error", final: true, message });
  });

  test("the repository's own inventory is taken when there is one", async () => {
    const inventory = '#!/bin/sh\necho \'{"mine": {"hosts": ["it"], "vars": {"ansible_connection": "flibs"}}}\'\n';
    const tasks = `    - raw: cat /etc/hello\n      register: said\n    - fail: {msg: "{{ inventory_hostname }} {{ said.stdout | trim }}"}\n`;
    const { log } = await world.run(playbook(tasks, "hosts: mine"), { files: { inventory } });
    expect(log).toContain("it hello");
  });

  test("more rights for the container are refused", async () => {
    const inventory = "#!/bin/sh\nexport TEST_DOCKER_EXTRA_ARGS=--privileged\nexec merge-standard-inventory\n";
    const { result } = await world.run(playbook("    - raw: exit 0\n"), { files: { inventory } });
    expect(result).toMatchObject({ outcome: "error", message: expect.stringContaining("tests/inventory sets TEST_DOCKER_EXTRA_ARGS") });
  });

  test("a results.yml whose log leads out of the artifacts is an error", async () => {
    const tasks =
      `    - file: {src: /etc/passwd, dest: "{{ lookup('env', 'TEST_ARTIFACTS') }}/test.log", state: link}\n      delegate_to: localhost\n` +
      resultsTask("results:\n- {test: one, result: pass, logs: [test.log]}\n");
    const { result, kept } = await world.run(playbook(tasks));
    expect(result).toMatchObject({ outcome: "error", message: expect.stringContaining("is a symbolic link") });
    expect(kept).not.toContain("test.log");
  });
});
