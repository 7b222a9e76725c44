/** Machines by Node's name (`process.arch`). */
export type Machine = "x64" | "arm64" | "ppc64" | "s390x" | "riscv64";

/** What a filter of system calls has to know of a kind of machine. */
export interface Calls {
  /** `AUDIT_ARCH_…` of linux/audit.h. */
  readonly audit: number;
  readonly bigEndian: boolean;
  /** Where its flags are an argument of their own; on s390x they stand in memory. */
  readonly mmap: number | undefined;
  /** Of calls that nobody may make. */
  readonly refused: readonly number[];
}

// The same everywhere: all that came since 2019. io_uring, then mounts, then pidfd_getfd, mount_setattr, memfd_secret.
const newer = [425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442, 447];

// include/uapi/asm-generic/unistd.h
const generic = [
  ...[194, 196, 186, 190, 180, 279, 75], // shmget shmat msgget semget mq_open memfd_create vmsplice
  ...[282, 280, 241, 219, 217, 218, 117, 271], // userfaultfd bpf perf_event_open keyctl add_key request_key ptrace process_vm_writev
  ...[40, 39, 41, 268, 262, 265], // mount umount2 pivot_root setns fanotify_init open_by_handle_at
  ...newer,
];

/**
 * Numbers of calls that make memory which no process has in its address space (shared memory and queues of System V and POSIX, memory files, pages held
 * by pipes), and of calls that no test needs and that have opened kernels before. From the system call tables of Linux; `ipc` is System V's on some.
 */
export const calls: Readonly<Record<Machine, Calls>> = {
  x64: {
    audit: 0xc000003e,
    bigEndian: false,
    mmap: 9,
    refused: [...[29, 30, 68, 64, 240, 319, 278], ...[323, 321, 298, 250, 248, 249, 101, 311], ...[165, 166, 155, 308, 300, 304], ...newer],
  },
  arm64: { audit: 0xc00000b7, bigEndian: false, mmap: 222, refused: generic },
  riscv64: { audit: 0xc00000f3, bigEndian: false, mmap: 222, refused: generic },
  ppc64: {
    audit: 0xc0000015,
    bigEndian: false,
    mmap: 90,
    refused: [
      ...[395, 397, 399, 393, 117, 262, 360, 285],
      ...[364, 361, 319, 271, 269, 270, 26, 352],
      ...[21, 52, 22, 203, 350, 323, 346],
      ...newer,
    ],
  },
  s390x: {
    audit: 0x80000016,
    bigEndian: true,
    mmap: undefined,
    refused: [
      ...[395, 397, 399, 393, 117, 271, 350, 309],
      ...[355, 351, 331, 280, 278, 279, 26, 341],
      ...[21, 52, 22, 217, 339, 332, 336],
      ...newer,
    ],
  },
};
