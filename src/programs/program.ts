/** A program of this machine that is run to its end, with everything it reads and writes held to limits. Never a shell. */
export interface ProgramRun {
  /** Path, or a name that is looked for in `env.PATH`. */
  readonly program: string;
  readonly args: readonly string[];
  /** All of its environment: nothing of ours reaches it by itself. */
  readonly env: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** What it reads from a file descriptor, up to its end. Standard input is empty when it is left out. */
  readonly inputs?: Readonly<Record<number, string | Uint8Array>>;
  /** What is taken from each file descriptor that it writes to; what it writes to others is thrown away. */
  readonly outputs: Readonly<Record<number, OutputLimit>>;
  readonly timeoutMs: number;
  /** It leads a process group, which is ended with it: for programs that start others. */
  readonly ownGroup?: boolean;
}

export interface OutputLimit {
  readonly maxBytes: number;
  /** More than that ends the program, or is thrown away. */
  readonly beyond: "end" | "drop";
}

/** How it came to its end. */
export interface ProgramEnd {
  /** Undefined when a signal ended it, or when it could not be started. */
  readonly exitCode?: number;
  readonly signal?: NodeJS.Signals;
  /** By file descriptor; at most `maxBytes` each. */
  readonly outputs: Readonly<Record<number, Uint8Array>>;
  /** Why we ended it, when we did: its time was over, it wrote more than is taken, or nobody wants the result any more. */
  readonly ended?: "late" | "too-much" | "stopped";
  /** It could not be started: the operating system's word (`ENOENT`) and what Node says. */
  readonly notStarted?: { readonly code: string; readonly message: string };
  /** What started it was ended from outside: it may never have run, or run on. */
  readonly isLost?: true;
}
