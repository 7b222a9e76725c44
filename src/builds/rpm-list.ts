import type { InstalledRpm } from "./build-record.ts";

/** Where rpm keeps its database: since Fedora 36, and before. */
export const rpmDatabasePaths = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"] as const;

/** What an image's files tell about its RPMs. */
export interface RpmList {
  /** Sorted by name, version, release, architecture. Empty for an image without rpm. */
  readonly rpms: readonly InstalledRpm[];
  /** Why the list is not complete, for people; undefined when it is. */
  readonly problem?: string;
}

/** Reads the rpm database among files of an image (path to bytes). Never throws: a broken database is a problem that is told. */
export type ReadRpms = (files: Readonly<Record<string, Uint8Array>>) => Promise<RpmList>;

const otherFormats: Readonly<Record<string, string>> = { "Packages.db": "ndb", Packages: "Berkeley DB" };

export interface SqliteFiles {
  readonly main: Uint8Array;
  /** Rows that were not moved into the main file yet; without it they would be missed without any error. */
  readonly wal?: Uint8Array;
}

/** Which database there is. Pure. */
export function findRpmDatabase(files: Readonly<Record<string, Uint8Array>>): SqliteFiles | { readonly problem: string } | undefined {
  const at = (path: string) => (Object.hasOwn(files, path) ? files[path] : undefined);
  for (const directory of rpmDatabasePaths) {
    const main = at(`${directory}/rpmdb.sqlite`);
    const wal = at(`${directory}/rpmdb.sqlite-wal`);
    if (main !== undefined && main.length > 0) return { main, ...(wal === undefined || wal.length === 0 ? {} : { wal }) };
  }
  for (const directory of rpmDatabasePaths) {
    for (const [file, format] of Object.entries(otherFormats)) {
      if (at(`${directory}/${file}`) === undefined) continue;
      return { problem: `unsupported format: ${directory}/${file} is an rpm database of the ${format} kind; only rpmdb.sqlite is read` };
    }
  }
  return undefined;
}

export function sortRpms(rpms: readonly InstalledRpm[]): readonly InstalledRpm[] {
  const key = (rpm: InstalledRpm) => [rpm.name, rpm.version, rpm.release, rpm.arch ?? ""].join("\n");
  return [...rpms].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
