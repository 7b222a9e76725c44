import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { checkedOutTree } from "../../src/distgit/checkout/checked-out-tree.ts";
import { lintTree } from "../../src/distgit/lint.ts";

test("the template that maintainers copy has nothing to complain about", async () => {
  const tree = await checkedOutTree(fileURLToPath(new URL("../../containers-repo-template", import.meta.url)));
  const { findings, identity, suites, container } = await lintTree(tree, () => ({}));
  expect(findings).toEqual([]);
  expect(identity).toMatchObject({ component: "hello-container", name: "f42/hello", version: "1" });
  expect(suites.map((one) => one.name)).toEqual(["smoke", "structure", "tests"]);
  expect(container.tags).toEqual(["{version}", "latest"]);
});
