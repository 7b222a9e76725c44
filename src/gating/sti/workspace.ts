import { chmod, copyFile, lchown, lstat, mkdir, readdir, readlink, symlink, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { nobody, workspacePath } from "./closed-command.ts";

/** What the layout needs to know of a suite. */
export interface WorkspaceRequest {
  /** The repository's tree. */
  readonly tree: string;
  /** `docker:<pull spec>`. */
  readonly subject: string;
  readonly branch: string | undefined;
}

/**
 * Makes the workspace, an empty directory up to now, ready: a copy of `tests/`, an empty `artifacts/`, an inventory of ours, our plugins. Returns what
 * of `tests/` was left out. The suite may change all of it: nothing in here is trusted afterwards.
 */
export async function layOutWorkspace(workspace: string, { tree, subject, branch }: WorkspaceRequest): Promise<readonly string[]> {
  for (const name of ["artifacts", "home", "etc", "plugins/connection", "plugins/become"]) {
    await mkdir(join(workspace, name), { recursive: true });
  }
  const left: string[] = [];
  await copyTests(join(tree, "tests"), join(workspace, "tests"), "", left);
  const own = join(import.meta.dirname, "ansible");
  await copyFile(join(own, "connection.py"), join(workspace, "plugins/connection/flibs.py"));
  await copyFile(join(own, "become.py"), join(workspace, "plugins/become/flibs.py"));
  const write = (name: string, text: string) => writeFile(join(workspace, name), text);
  await write("etc/passwd", `root:x:0:0:root:${workspacePath}/home:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n`);
  await write("etc/group", "root:x:0:\nnogroup:x:65534:\n");
  await write("inventory.json", JSON.stringify(inventory));
  await write("variables.yml", variables(branch, subject));
  await giveAway(workspace);
  return left;
}

const inventory = {
  all: {
    children: {
      subjects: { hosts: { subject: { ansible_connection: "flibs", ansible_become_method: "flibs" } } },
    },
  },
};

/** JSON is YAML; `!unsafe` keeps Ansible from seeing a template in the name of a branch. The last four are for suites of Taskotron's kind. */
function variables(branch: string | undefined, subject: string): string {
  const values = {
    ...(branch === undefined ? {} : { git_branch: branch }),
    ...{ subjects: subject, artifacts: `${workspacePath}/artifacts`, taskotron_item: subject, taskotron_item_type: "docker" },
  };
  const lines = Object.entries(values).map(([name, value]) => `${name}: !unsafe ${JSON.stringify(value)}\n`);
  return lines.join("");
}

async function copyTests(from: string, to: string, path: string, left: string[]): Promise<void> {
  await mkdir(join(to, path), { recursive: true });
  for (const name of await namesIn(join(from, path))) {
    const inner = path === "" ? name : `${path}/${name}`;
    const stat = await lstat(join(from, inner));
    if (stat.isDirectory()) {
      await copyTests(from, to, inner, left);
    } else if (stat.isSymbolicLink()) {
      const target = await readlink(join(from, inner));
      if (staysInside(inner, target)) await symlink(target, join(to, inner));
      else left.push(`tests/${inner} is a link that leads out of tests/`);
    } else if (stat.isFile()) {
      await copyFile(join(from, inner), join(to, inner));
      // An inventory may be a program.
      await chmod(join(to, inner), (stat.mode & 0o111) === 0 ? 0o644 : 0o755);
    }
  }
}

/** A repository without `tests/`, or with a link in its place, has none. */
async function namesIn(directory: string): Promise<readonly string[]> {
  const found = await lstat(directory).catch(() => undefined);
  return found?.isDirectory() ? await readdir(directory) : [];
}

/** Pure. Harmless even if not: what it leads to is looked up in the closed file system. But a suite that needs it should say so early. */
export function staysInside(path: string, target: string): boolean {
  if (posix.isAbsolute(target)) return false;
  const joined = posix.join(dirname(path), target);
  return joined !== ".." && !joined.startsWith("../");
}

/** When flibs is root, the suite runs as somebody else, who has to be able to write here. */
async function giveAway(path: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  await lchown(path, nobody, nobody);
  if (!(await lstat(path)).isDirectory()) return;
  for (const name of await readdir(path)) await giveAway(join(path, name));
}
