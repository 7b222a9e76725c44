/** Operating system and architecture in the Go names that OCI uses (`linux/amd64`). */
export type Platform = `${string}/${string}`;

/** Koji's and RPM's architecture names, for logs, labels and archives. */
const rpmArchitectures: Readonly<Record<string, string>> = {
  amd64: "x86_64",
  arm64: "aarch64",
  ppc64le: "ppc64le",
  s390x: "s390x",
  riscv64: "riscv64",
  "386": "i686",
};

/** `linux/amd64` gives `amd64`. */
export function platformArchitecture(platform: Platform): string {
  return platform.split("/")[1] ?? platform;
}

/** `linux/amd64` gives `x86_64`; an unknown architecture keeps its name. */
export function rpmArchitecture(platform: Platform): string {
  const architecture = platformArchitecture(platform);
  return rpmArchitectures[architecture] ?? architecture;
}

/** Go's name of an architecture that is written in Go's or RPM's way: `x86_64` and `amd64` give `amd64`. Undefined for a name that is neither. */
export function findArchitecture(name: string): string | undefined {
  return Object.entries(rpmArchitectures).find((pair) => pair.includes(name))?.[0];
}

/** Go's names of the architectures that have one in RPM too. */
export const architectures: readonly string[] = Object.keys(rpmArchitectures);
