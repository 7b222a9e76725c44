import { expect, test } from "@jest/globals";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { world } from "./world.ts";

test("the range of source commits is told once, above the difference", async () => {
  const at = world();
  const one = await at.build({ id: "b1", release: "1.fc40" });
  const first = await proposePromotion(at.ports, "b1");
  at.git.merge("number" in first ? first.number : 0);
  const two = await at.build({ id: "b2", release: "2.fc40" });
  await proposePromotion(at.ports, "b2");
  const body = at.git.pulls.at(-1)?.body ?? "";
  const range = `${one.commit.slice(0, 12)}..${two.commit.slice(0, 12)}`;
  expect(body.split(range)).toHaveLength(2);
  const page = `https://forge.example.test/containers/cockpit/compare/${one.commit}...${two.commit}`;
  expect(body).toContain(
    `### Source\n\n\`containers/cockpit\` [\`${range}\`](${page})\n\n<details><summary>difference</summary>\n\n\`\`\`diff\n`,
  );
});
