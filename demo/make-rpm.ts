import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Any fixed time will do (seconds since 1970): packages and images made twice must be the same bytes. */
export const madeAt = "1767225600";

export interface RpmRequest {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly summary: string;
  readonly license: string;
  /** What it says it needs, as `hello-data >= 1.0`; nothing when left out, and nothing is found out from the files. */
  readonly requires?: readonly string[];
  /** Directory whose files and symbolic links are the package's, laid out from `/`. */
  readonly files: string;
  /** `noarch`, or the machine's own architecture when left out. */
  readonly arch?: "noarch";
  /** How the files are packed: `w6.gzdio` when left out, `w0.ufdio` to save the time where nobody unpacks them. */
  readonly payload?: "w6.gzdio" | "w0.ufdio";
  /** Where the .rpm file is put. */
  readonly output: string;
}

/**
 * Makes a real RPM with rpmbuild and returns its path, `<output>/<name>-<version>-<release>.<arch>.rpm`. The same request gives the same
 * bytes. Nothing is read from the person's own rpm settings or written outside `output` and the system's temporary directory.
 */
export async function makeRpm(request: RpmRequest): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), "rpm-"));
  try {
    const spec = join(work, "package.spec");
    await cp(request.files, join(work, "files"), { recursive: true, verbatimSymlinks: true });
    await writeFile(spec, formatSpec(request, await listFiles(join(work, "files"), "")));
    const target = request.arch === undefined ? [] : ["--target", request.arch];
    const env = { ...process.env, HOME: work, SOURCE_DATE_EPOCH: madeAt, LC_ALL: "C" };
    await run("rpmbuild", ["-bb", "--quiet", ...target, "--define", `_topdir ${work}`, spec], { env });
    const [directory = ""] = await readdir(join(work, "RPMS"));
    const [name = ""] = await readdir(join(work, "RPMS", directory));
    await mkdir(request.output, { recursive: true });
    const made = join(request.output, name);
    await cp(join(work, "RPMS", directory, name), `${made}.new`);
    await rename(`${made}.new`, made);
    return made;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function listFiles(directory: string, inside: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(directory, inside), { withFileTypes: true })) {
    const path = `${inside}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await listFiles(directory, path)));
    else found.push(path);
  }
  return found.sort();
}

/** Nothing may be stripped, compressed, byte-compiled or depended on: the files are those of another distribution, taken as they are. */
function formatSpec(request: RpmRequest, files: readonly string[]): string {
  return `%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
%global _buildhost localhost
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global source_date_epoch_from_changelog 0
%global _binary_payload ${request.payload ?? "w6.gzdio"}
Name: ${request.name}
Version: ${request.version}
Release: ${request.release}
Summary: ${request.summary}
License: ${request.license}
AutoReqProv: no
${(request.requires ?? []).map((one) => `Requires: ${one}\n`).join("")}%description
${request.summary}.
%install
mkdir -p %{buildroot}
cp -a %{_topdir}/files/. %{buildroot}/
find %{buildroot} -exec touch -h -d @${madeAt} {} +
%files
%defattr(-,root,root)
${files.map((file) => `"${file}"`).join("\n")}
`;
}
