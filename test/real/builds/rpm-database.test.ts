import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "@jest/globals";
import { readRpmDatabase } from "../../../src/builds/rpmdb/rpm-database.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

const path = "/usr/lib/sysimage/rpm/rpmdb.sqlite";

test("what the real rpm put into its database is read back, also from the write-ahead log", async () => {
  await using scratch = await scratchDirectory();
  const spec = join(scratch.path, "hello.spec");
  const { writeFileSync } = await import("node:fs");
  writeFileSync(
    spec,
    "Name: hello\nEpoch: 2\nVersion: 1.5\nRelease: 3.fc42\nSummary: s\nLicense: MIT\nBuildArch: noarch\n%description\nd\n%files\n",
  );
  execFileSync("rpmbuild", ["-bb", "--quiet", "--define", `_topdir ${scratch.path}/b`, spec], { stdio: "pipe" });
  const dbpath = join(scratch.path, "db");
  const install = ["--dbpath", dbpath, "--define", "_db_backend sqlite", "-i", "--justdb", "--nodeps", "--ignorearch", "--ignoreos"];
  execFileSync("rpm", [...install, join(scratch.path, "b/RPMS/noarch/hello-1.5-3.fc42.noarch.rpm")], { stdio: "pipe" });
  const main = readFileSync(join(dbpath, "rpmdb.sqlite"));
  const found = await readRpmDatabase({ [path]: main });
  expect(found.problem).toBeUndefined();
  expect(found.rpms).toMatchObject([{ name: "hello", epoch: 2, version: "1.5", release: "3.fc42", arch: "noarch", license: "MIT" }]);

  // Rows that stand only in the log: a reader of the main file would miss them without a word.
  const database = new DatabaseSync(join(dbpath, "rpmdb.sqlite"));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; INSERT INTO Packages(blob) SELECT blob FROM Packages;");
  const withLog = { [path]: readFileSync(join(dbpath, "rpmdb.sqlite")), [`${path}-wal`]: readFileSync(join(dbpath, "rpmdb.sqlite-wal")) };
  database.close();
  expect((await readRpmDatabase(withLog)).rpms).toHaveLength(2);
});

test.each([
  [
    "a view over an endless query",
    "CREATE VIEW Packages AS WITH RECURSIVE r(hnum) AS (SELECT 1 UNION ALL SELECT hnum+1 FROM r) SELECT hnum, x'00' AS blob FROM r",
  ],
  ["a computed column", "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob GENERATED ALWAYS AS (zeroblob(1000000000)))"],
])("%s is refused before it is asked", async (_, sql) => {
  await using scratch = await scratchDirectory();
  const file = join(scratch.path, "x.sqlite");
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
  expect(await readRpmDatabase({ [path]: readFileSync(file) })).toEqual({
    rpms: [],
    problem: "the rpm database has no table Packages as rpm makes it",
  });
});
