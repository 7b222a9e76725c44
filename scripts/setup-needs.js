// What flibs, its demo and its tests need from the distribution, and how to tell that it is there. Runs on Node 20, hence JavaScript.
import { accessSync, closeSync, constants, openSync, readSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * One need a row. `programs`: any one of them will do. `engine`: only needed while no Docker Engine answers (a Docker of another
 * vendor, already running, is as good). `tests`: only `npm test` needs it. Packages by the names of the distribution.
 */
export const needs = [
  { what: "Docker Engine", programs: ["dockerd"], debian: ["docker.io"], fedora: ["moby-engine"], engine: true },
  { what: "iptables for Docker", programs: ["iptables"], debian: ["iptables"], fedora: ["iptables-nft"], engine: true },
  { what: "image registry", programs: ["docker-registry", "registry"], debian: ["docker-registry"], fedora: ["docker-distribution"] },
  { what: "skopeo", programs: ["skopeo"], debian: ["skopeo"], fedora: ["skopeo"] },
  { what: "GnuPG", programs: ["gpg"], debian: ["gnupg"], fedora: ["gnupg2"] },
  { what: "GnuPG agent", programs: ["gpg-agent"], debian: ["gpg-agent"], fedora: ["gnupg2"] },
  { what: "rpm", programs: ["rpm"], debian: ["rpm"], fedora: ["rpm"] },
  { what: "rpmbuild", programs: ["rpmbuild"], debian: ["rpm"], fedora: ["rpm-build"] },
  { what: "static busybox", programs: ["busybox"], isStatic: true, debian: ["busybox-static"], fedora: ["busybox"] },
  { what: "Ansible", programs: ["ansible-playbook"], debian: ["ansible-core"], fedora: ["ansible-core"] },
  { what: "bubblewrap", programs: ["bwrap"], debian: ["bubblewrap"], fedora: ["bubblewrap"] },
  { what: "git", programs: ["git"], debian: ["git"], fedora: ["git-core"] },
  { what: "Docker Engine to start for tests", programs: ["dockerd"], debian: ["docker.io"], fedora: ["moby-engine"], tests: true },
  { what: "Docker's command line", programs: ["docker"], debian: ["docker.io"], fedora: ["docker-cli"], tests: true },
  { what: "OpenSSL", programs: ["openssl"], debian: ["openssl"], fedora: ["openssl"], tests: true },
  { what: "iptables", programs: ["iptables"], debian: ["iptables"], fedora: ["iptables-nft"], tests: true },
  { what: "iproute2", programs: ["ip"], debian: ["iproute2"], fedora: ["iproute"], tests: true },
  { what: "dnf", programs: ["dnf-3"], debian: ["dnf"], fedora: ["python3-dnf"], tests: true },
  { what: "createrepo_c", programs: ["createrepo_c"], debian: ["createrepo-c"], fedora: ["createrepo_c"], tests: true },
  { what: "rpmsign", programs: ["rpmsign"], debian: ["rpm"], fedora: ["rpm-sign"], tests: true },
  { what: "xmllint", programs: ["xmllint"], debian: ["libxml2-utils"], fedora: ["libxml2"], tests: true },
  { what: "Ansible's collections", programs: ["ansible-community"], debian: ["ansible"], fedora: ["ansible"], tests: true },
  { what: "podman", programs: ["podman"], debian: ["podman"], fedora: ["podman"], tests: true },
  { what: "Chromium", programs: ["chromium", "chromium-browser"], debian: ["chromium"], fedora: ["chromium"], tests: true },
];

/** The needs nothing on this machine meets. */
export function missingNeeds({ engineAnswers, forTests, path }) {
  return needs.filter((need) => {
    if (need.engine && engineAnswers) return false;
    if (need.tests && !forTests) return false;
    const found = need.programs.map((program) => findProgram(program, path)).find((file) => file !== undefined);
    return found === undefined || (need.isStatic === true && !isStatic(found));
  });
}

/** The first executable of that name. */
export function findProgram(name, path) {
  for (const directory of path.split(delimiter)) {
    if (directory === "") continue;
    try {
      accessSync(join(directory, name), constants.X_OK);
      return join(directory, name);
    } catch {
      // not here: look on
    }
  }
  return undefined;
}

/** Whether an ELF program needs no interpreter: Debian's plain `busybox` package does and would not start in an empty image. */
export function isStatic(file) {
  const head = Buffer.alloc(4096);
  const descriptor = openSync(file, "r");
  const length = readSync(descriptor, head, 0, head.length, 0);
  closeSync(descriptor);
  if (length < 64 || head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2) return false;
  const start = Number(head.readBigUInt64LE(32));
  const [size, count] = [head.readUInt16LE(54), head.readUInt16LE(56)];
  const interpreter = 3; // PT_INTERP
  for (let offset = start; offset < start + size * count && offset + 4 <= length; offset += size) {
    if (head.readUInt32LE(offset) === interpreter) return false;
  }
  return true;
}
