import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { appError } from "../../domain/errors.ts";
import type { GatingPolicy } from "../policy.ts";
import { parsePolicies } from "../policy-yaml.ts";

/** All policies of a directory, by name of their file. Throws `gating.policy-invalid` with file, line and fix: a gate that nobody can read must not stand open. */
export function readSitePolicies(directory: string): readonly GatingPolicy[] {
  const policies: GatingPolicy[] = [];
  const owners = new Map<string | undefined, string>();
  for (const name of listFiles(directory)) {
    const file = join(directory, name);
    const { policies: found, faults } = parsePolicies(readBytes(file), "site");
    const [fault] = faults;
    if (fault !== undefined) {
      const { line, message, fix: hint } = fault;
      throw appError("gating.policy-invalid", `${file}: ${message}`, { file, line, hint });
    }
    for (const { id } of found) {
      const other = owners.get(id);
      if (other !== undefined && other !== file)
        throw appError("gating.policy-invalid", `${file}: ${other} has a policy with the id ${id}, too`, {
          file,
          hint: "Give one another id",
        });
      owners.set(id, file);
    }
    policies.push(...found);
  }
  return policies;
}

function listFiles(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /\.ya?ml$/.test(name))
      .sort();
  } catch (cause) {
    throw unreadable(directory, cause);
  }
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(file: string, cause: unknown): Error {
  const hint = "Correct the setting gating.policies, or let flibs read it";
  return appError("gating.policy-invalid", `${file} cannot be read`, { file, hint, cause });
}
