import { chmod, copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";

/** `bin/` with the static busybox and some of its names: what a build FROM scratch needs to run commands. */
export async function busyboxTree(directory: string): Promise<void> {
  const bin = join(directory, "bin");
  await mkdir(bin, { recursive: true });
  await copyFile("/bin/busybox", join(bin, "busybox"));
  await chmod(join(bin, "busybox"), 0o755);
  for (const name of ["sh", "sleep", "yes", "cat", "echo", "touch", "true"]) await symlink("busybox", join(bin, name));
}
