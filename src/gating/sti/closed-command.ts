/** Where the workspace is for whoever runs in it. */
export const workspacePath = "/workspace";

/** What one suite may take on this machine; the container under test has limits of its own. */
export const closedLimits = {
  /** Of each process's address space, and of what all together have in memory. */
  memoryBytes: 2 ** 30,
  processes: 256,
  /** Of one file. */
  fileBytes: 64 * 2 ** 20,
  /** Of all files in the workspace together, and how many. */
  workspaceBytes: 256 * 2 ** 20,
  workspaceEntries: 20_000,
  openFiles: 1024,
  /** Of all processes together. */
  allOpenFiles: 20_000,
  sockets: 1000,
  temporaryBytes: 64 * 2 ** 20,
} as const;

/** `nobody` everywhere; nothing of it is in reach of the processes that run here. */
export const nobody = 65_534;

export interface ClosedCommand {
  /** Directory on this machine. */
  readonly workspace: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Whether flibs itself is root, and has to become somebody else first. */
  readonly isRoot: boolean;
}

/** A mount of its own, in the mount namespace of the process only, so that nobody needs a way to it through root's directories. */
const ownMount = "/mnt";

/**
 * Pure: the command line that runs a program as an unprivileged user in namespaces of its own: no network, no processes but its own, a file system of
 * /usr, the workspace and little else. It is root in there, as the Standard Test Interface demands: a user id of the user namespace, that has no
 * capability and is nobody outside. Descriptor 3 gets bubblewrap's JSON line with `child-pid`, from descriptor 4 it reads the filter of system calls.
 */
export function closedCommand({ workspace, program, args, isRoot }: ClosedCommand): readonly [string, ...string[]] {
  const source = isRoot ? ownMount : workspace;
  const closed = ["/usr/bin/bwrap", ...namespaces, ...files(source), "--", ...limited, program, ...args] as const;
  if (!isRoot) return closed;
  const drop = ["/usr/bin/setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", "--"];
  return ["/usr/bin/bwrap", "--die-with-parent", "--dev-bind", "/", "/", "--bind", workspace, ownMount, "--", ...drop, ...closed];
}

const namespaces = [
  ...["--die-with-parent", "--new-session", "--info-fd", "3", "--seccomp", "4"],
  ...["--unshare-user", "--disable-userns", "--uid", "0", "--gid", "0", "--cap-drop", "ALL"],
  ...["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "flibs-test"],
];

function files(workspace: string): readonly string[] {
  const small = ["--size", String(closedLimits.temporaryBytes), "--tmpfs"];
  return [
    ...["--ro-bind", "/usr", "/usr", "--tmpfs", "/usr/local", "--remount-ro", "/usr/local"],
    ...["bin", "sbin", "lib", "lib64"].flatMap((name) => ["--symlink", `usr/${name}`, `/${name}`]),
    ...["/etc/ld.so.cache", "/etc/alternatives"].flatMap((path) => ["--ro-bind-try", path, path]),
    ...["passwd", "group"].flatMap((name) => ["--ro-bind", `${workspace}/etc/${name}`, `/etc/${name}`]),
    ...["--proc", "/proc", "--dev", "/dev", ...small, "/dev/shm", "--remount-ro", "/dev", ...small, "/tmp"],
    ...["--bind", workspace, workspacePath, "--remount-ro", "/", "--chdir", `${workspacePath}/tests`],
  ];
}

// Set inside, where they count for this user namespace alone: an ordinary user's own processes would be counted too.
const limited = [
  ...["/usr/bin/nice", "-n", "19", "--"],
  "/usr/bin/prlimit",
  `--as=${closedLimits.memoryBytes}`,
  `--nproc=${closedLimits.processes}`,
  `--fsize=${closedLimits.fileBytes}`,
  `--nofile=${closedLimits.openFiles}`,
  "--core=0",
  "--",
];
