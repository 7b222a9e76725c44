import { access, constants } from "node:fs/promises";
import { appError } from "../../domain/errors.ts";

/** Programs of this machine that a suite needs, where every distribution has them, with the packages that bring them. */
export const programs = {
  ansible: "/usr/bin/ansible-playbook",
  bubblewrap: "/usr/bin/bwrap",
  setpriv: "/usr/bin/setpriv",
  prlimit: "/usr/bin/prlimit",
} as const;

const packages: Readonly<Record<keyof typeof programs, string>> = {
  ansible: "ansible-core",
  bubblewrap: "bubblewrap",
  setpriv: "util-linux",
  prlimit: "util-linux",
};

/** Throws `gating.program-missing`, with the name of the package. */
export async function demandPrograms(): Promise<void> {
  for (const [name, path] of Object.entries(programs) as [keyof typeof programs, string][]) {
    await access(path, constants.X_OK).catch((cause: unknown) => {
      throw appError("gating.program-missing", `${path} is not there`, {
        hint: `Install the package ${packages[name]} where flibs runs; tests/tests*.yml need it`,
        cause,
      });
    });
  }
}
