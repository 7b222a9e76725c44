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
