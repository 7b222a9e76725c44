import { describe, expect, test } from "@jest/globals";
import type { Annotation } from "../../../src/forge/forge.ts";
import { runAnnotations } from "../../../src/forge/github/annotations.ts";

const remark = (line: number, level: Annotation["level"] = "notice", more: Partial<Annotation> = {}): Annotation => ({
  ...{ path: "Dockerfile", line, level, message: `line ${line}`, ...more },
});

describe("annotations", () => {
  test("are sent most severe first, in the order of the lint otherwise, and each once", () => {
    const found = runAnnotations([remark(3), remark(1, "warning"), remark(2, "failure"), remark(3), remark(4, "warning")]);
    expect(found.map((one) => [one.annotation_level, one.start_line])).toEqual([
      ["failure", 2],
      ["warning", 1],
      ["warning", 4],
      ["notice", 3],
    ]);
  });

  test("are at most 250, the least severe ones left out", () => {
    const found = runAnnotations([...Array.from({ length: 300 }, (_, i) => remark(i + 1)), remark(1, "failure")]);
    expect(found).toHaveLength(250);
    expect(found[0]?.annotation_level).toBe("failure");
  });

  test("have lines from 1, an end that is no earlier, and texts that GitHub takes", () => {
    expect(runAnnotations([remark(0), remark(1, "notice", { message: "" })])).toEqual([]);
    expect(runAnnotations([remark(5, "notice", { endLine: 2 })])).toMatchObject([{ start_line: 5, end_line: 5 }]);
    const [long] = runAnnotations([remark(1, "notice", { message: "🐟".repeat(20_000), title: "ä".repeat(200) })]);
    expect(Buffer.byteLength(long?.message ?? "")).toBe(64_000);
    expect(long?.title).toBe("ä".repeat(127));
  });
});
