import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { diffRpms } from "../../src/promotion/image-diff.ts";
import { compareEvr, compareRpmVersions } from "../../src/promotion/rpm-version.ts";

/** The cases of rpm's own test suite (tests/rpmvercmp.at, rpm 4.18). */
const cases = `1.0 1.0 0|1.0 2.0 -1|2.0 1.0 1|2.0.1 2.0.1 0|2.0 2.0.1 -1|2.0.1 2.0 1|2.0.1a 2.0.1a 0|2.0.1a 2.0.1 1|2.0.1 2.0.1a -1
5.5p1 5.5p1 0|5.5p1 5.5p2 -1|5.5p2 5.5p1 1|5.5p10 5.5p10 0|5.5p1 5.5p10 -1|5.5p10 5.5p1 1|10xyz 10.1xyz -1|10.1xyz 10xyz 1
xyz10 xyz10 0|xyz10 xyz10.1 -1|xyz10.1 xyz10 1|xyz.4 xyz.4 0|xyz.4 8 -1|8 xyz.4 1|xyz.4 2 -1|2 xyz.4 1|5.5p2 5.6p1 -1|5.6p1 5.5p2 1
5.6p1 6.5p1 -1|6.5p1 5.6p1 1|6.0.rc1 6.0 1|6.0 6.0.rc1 -1|10b2 10a1 1|10a2 10b2 -1|1.0aa 1.0aa 0|1.0a 1.0aa -1|1.0aa 1.0a 1
10.0001 10.0001 0|10.0001 10.1 0|10.1 10.0001 0|10.0001 10.0039 -1|10.0039 10.0001 1|4.999.9 5.0 -1|5.0 4.999.9 1
20101121 20101121 0|20101121 20101122 -1|20101122 20101121 1|2_0 2_0 0|2.0 2_0 0|2_0 2.0 0|a a 0|a+ a+ 0|a+ a_ 0|a_ a+ 0|+a +a 0|+a _a 0|_a +a 0
+_ +_ 0|_+ +_ 0|_+ _+ 0|+ _ 0|_ + 0|1.0~rc1 1.0~rc1 0|1.0~rc1 1.0 -1|1.0 1.0~rc1 1|1.0~rc1 1.0~rc2 -1|1.0~rc2 1.0~rc1 1
1.0~rc1~git123 1.0~rc1~git123 0|1.0~rc1~git123 1.0~rc1 -1|1.0~rc1 1.0~rc1~git123 1|1.0^ 1.0^ 0|1.0^ 1.0 1|1.0 1.0^ -1|1.0^git1 1.0^git1 0
1.0^git1 1.0 1|1.0 1.0^git1 -1|1.0^git1 1.0^git2 -1|1.0^git2 1.0^git1 1|1.0^git1 1.01 -1|1.01 1.0^git1 1|1.0^20160101 1.0^20160101 0
1.0^20160101 1.0.1 -1|1.0.1 1.0^20160101 1|1.0^20160101^git1 1.0^20160101^git1 0|1.0^20160102 1.0^20160101^git1 1|1.0^20160101^git1 1.0^20160102 -1
1.0~rc1^git1 1.0~rc1^git1 0|1.0~rc1^git1 1.0~rc1 1|1.0~rc1 1.0~rc1^git1 -1|1.0^git1~pre 1.0^git1~pre 0|1.0^git1 1.0^git1~pre 1|1.0^git1~pre 1.0^git1 -1
1b.fc17 1b.fc17 0|1b.fc17 1.fc17 -1|1.fc17 1b.fc17 1|1g.fc17 1g.fc17 0|1g.fc17 1.fc17 1|1.fc17 1g.fc17 -1|1.1.α 1.1.α 0|1.1.α 1.1.β 0|1.1.αα 1.1.α 0`
  .split(/[|\n]/)
  .map((line) => line.split(" "));

test.each(cases)("%s and %s compare as %s", (a = "", b = "", expected = "") => {
  expect(compareRpmVersions(a, b)).toBe(Number(expected));
});

test("comparing is antisymmetric", () => {
  const text = fc.string({ unit: fc.constantFrom("1", "0", "9", "a", "b", ".", "~", "^", "_"), maxLength: 12 });
  fc.assert(fc.property(text, text, (a, b) => compareRpmVersions(a, b) + compareRpmVersions(b, a) === 0));
});

test("the epoch counts first; a downgrade is flagged", () => {
  expect(compareEvr({ epoch: 1, version: "1", release: "1" }, { epoch: undefined, version: "9", release: "1" })).toBe(1);
  const rpm = (name: string, version: string) => ({
    name,
    epoch: undefined,
    version,
    release: "1",
    arch: "noarch",
    license: undefined,
    sourceRpm: undefined,
    sizeBytes: 1,
    sigmd5: undefined,
  });
  const diff = diffRpms(
    [rpm("up", "1.9"), rpm("down", "2"), rpm("gone", "1"), rpm("same", "1")],
    [rpm("up", "1.10"), rpm("down", "1"), rpm("new", "1"), rpm("same", "1")],
  );
  expect({ ...diff }).toEqual({
    upgraded: [{ name: "up.noarch", before: "1.9-1", after: "1.10-1" }],
    downgraded: [{ name: "down.noarch", before: "2-1", after: "1-1" }],
    added: [{ name: "new.noarch", after: "1-1" }],
    removed: [{ name: "gone.noarch", before: "1-1" }],
  });
});
