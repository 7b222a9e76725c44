import { appError } from "../domain/errors.ts";

/**
 * The release after the newest one: Koji's getNextRelease, then OSBS's rule that a second part of digits only is dropped (`2.1.4` becomes
 * `2.5`). What Koji can't count up starts at 1 again. Applied to its own result it gives the next one to try, so a store may repeat it until an NVR is free.
 */
export function nextRelease(newest: string | undefined): string {
  if (newest === undefined) return "1";
  const parts = newest.split(".");
  const last = parts.length === 3 ? 2 : 0;
  const counted = parts[last] ?? "";
  if (parts.length > 3 || !/^\d{1,15}$/.test(counted)) return "1";
  const next = parts.with(last, String(Number(counted) + 1));
  return (next.length > 2 && /^\d+$/.test(next[1] ?? "") ? next.toSpliced(1, 1) : next).join(".");
}

/** For a release that the maintainer gave: taken as it is, or `builds.nvr-exists`. To be used once. */
export function fixedRelease(name: string, version: string, release: string): (newest: string | undefined) => string {
  let tried = false;
  return (newest) => {
    if (tried || newest === release) {
      throw appError("builds.nvr-exists", `${name}-${version}-${release} was built already`, {
        file: "Dockerfile",
        hint: "Raise the release label, or remove it and flibs counts up by itself",
      });
    }
    tried = true;
    return release;
  };
}
