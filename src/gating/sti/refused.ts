import { lstat, open } from "node:fs/promises";
import { basename, join } from "node:path";

const looked = 256 * 1024;

/**
 * Why a suite is not run, undefined when it may be. `TEST_DOCKER_EXTRA_ARGS` asks the standard inventory for a container with other rights; here nobody
 * can have one, and a suite that needs it should not seem to test something.
 */
export async function findRefused(tests: string, playbook: string): Promise<string | undefined> {
  for (const name of ["inventory", basename(playbook)]) {
    const text = await startOf(join(tests, name));
    if (text.includes("TEST_DOCKER_EXTRA_ARGS")) {
      return `tests/${name} sets TEST_DOCKER_EXTRA_ARGS, which flibs refuses: containers under test have no more rights than others`;
    }
  }
  return undefined;
}

async function startOf(path: string): Promise<string> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile()) return "";
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(looked), 0, looked, 0);
    return buffer.toString("latin1", 0, bytesRead);
  } finally {
    await file.close();
  }
}
