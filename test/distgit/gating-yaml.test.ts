import { expect, test } from "@jest/globals";
import { findingsError } from "../../src/distgit/finding.ts";
import { readGatingYaml } from "../../src/distgit/gating-yaml.ts";
import { lintTree } from "../../src/distgit/lint.ts";
import { isBasePath } from "../../src/distgit/overlay.ts";
import { memoryTree } from "../../src/distgit/tree.ts";

const Dockerfile = `FROM registry.fedoraproject.org/fedora:42
LABEL com.redhat.component="hello-container" name="f42/hello" version="1" maintainer="alice <alice@example.test>"
`;
const gating = `--- !Policy
product_versions: ["*"]
decision_context: flibs_promote
rules: [!PassingTestCaseRule {test_case_name: flibs.smoke}]
`;
const lint = (text: string | { link: string }) =>
  lintTree(memoryTree({ Dockerfile, "gating.yaml": text }), undefined, { gatingContext: "flibs_promote" });
const about = async (text: string | { link: string }) => (await lint(text)).findings.filter((one) => one.file === "gating.yaml");

test("a gating.yaml is read with the tree; without one there is none", async () => {
  expect((await lint(gating)).gating).toMatchObject([{ rules: [{ testcase: "flibs.smoke" }] }]);
  expect(await about(gating)).toEqual([]);
  expect((await lintTree(memoryTree({ Dockerfile }))).gating).toBeUndefined();
});

test("a wrong one is an error with line and fix, and no gate", async () => {
  const { gating: none, findings } = await readGatingYaml(memoryTree({ "gating.yaml": gating.replace("flibs.smoke", "[]") }));
  expect(none).toBeUndefined();
  expect(findings).toEqual([
    {
      ...{
        file: "gating.yaml",
        line: 4,
        severity: "error",
        code: "distgit.invalid-gating-yaml",
        message: "test_case_name is no such text",
      },
      fix: "Write a text of 1 to 255 letters, none of them invisible; put a number in quotes",
    },
  ]);
  expect(findingsError((await lint("a: 1\n")).findings)).toMatchObject({ code: "distgit.invalid-gating-yaml", line: 1 });
});

test("one that never speaks of what flibs asks about is warned of", async () => {
  const other = gating.replace("flibs_promote", "bodhi_update_push_stable");
  expect(await about(other)).toMatchObject([{ severity: "warning", code: "distgit.gating-unused" }]);
  expect(await about(gating.replace("decision_context", "subject_type: compose\ndecision_context"))).toMatchObject([
    { severity: "warning" },
  ]);
});

test("a link in its place is refused; a stranger's is not read", async () => {
  expect(await about({ link: "/etc/passwd" })).toMatchObject([{ code: "distgit.link-outside" }, { code: "distgit.link-outside" }]);
  expect(isBasePath("gating.yaml")).toBe(true);
});
