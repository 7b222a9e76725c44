import { stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { workspacePath } from "./closed-command.ts";

/** Standard Test Interface 2.0.0, "Invocation"; paths as the closed file system has them, the working directory is `tests/`. */
export async function ansibleArguments(workspace: string, playbook: string): Promise<readonly string[]> {
  // A link may lead anywhere, but only within the closed file system.
  const hasInventory = await stat(join(workspace, "tests/inventory")).then(
    () => true,
    () => false,
  );
  return [
    ...["--inventory", hasInventory ? `${workspacePath}/tests/inventory` : `${workspacePath}/inventory.json`],
    ...["--tags", "container", "--extra-vars", `@${workspacePath}/variables.yml`, posix.basename(playbook)],
  ];
}

/** All of it: nothing of flibs' own environment is passed on. */
export function ansibleEnvironment(image: string): Readonly<Record<string, string>> {
  return {
    PATH: "/usr/bin:/usr/sbin:/bin:/sbin",
    HOME: `${workspacePath}/home`,
    LANG: "C.UTF-8",
    TEST_SUBJECTS: `docker:${image}`,
    TEST_ARTIFACTS: `${workspacePath}/artifacts`,
    ANSIBLE_CONNECTION_PLUGINS: `${workspacePath}/plugins/connection`,
    ANSIBLE_BECOME_PLUGINS: `${workspacePath}/plugins/become`,
    ANSIBLE_LOCAL_TEMP: "/tmp/ansible",
    ANSIBLE_REMOTE_TEMP: "/tmp",
    ANSIBLE_PIPELINING: "1",
    ANSIBLE_NOCOLOR: "1",
    ANSIBLE_RETRY_FILES_ENABLED: "0",
  };
}
