import { describe, expect, test } from "@jest/globals";
import examples from "@octokit/webhooks-examples" with { type: "json" };
import { loadContract } from "../../fakes/github/contract.ts";
import { deliveries } from "../../fakes/github/operations.ts";
import { exampleRepairs, repairExample } from "./examples.ts";

const contract = loadContract();

interface Published {
  readonly name: string;
  readonly examples: readonly { readonly action?: string }[];
}

/** Every published example of a delivery that the double can send. */
const published = (examples as unknown as readonly Published[]).flatMap(({ name, examples: each }) =>
  each.flatMap((example, i) => {
    const delivery = [name, ...(example.action ? [example.action] : [])].join("-").replaceAll("_", "-");
    return deliveries.includes(delivery) ? [{ name: `${delivery} ${i}`, delivery, example }] : [];
  }),
);

describe("GitHub's published examples", () => {
  test("there are some of nearly every delivery", () => {
    const seen = new Set(published.map(({ delivery }) => delivery));
    expect(deliveries.filter((delivery) => !seen.has(delivery))).toEqual(["pull-request-edited", "merge-group-destroyed"]);
  });

  test.each(published)("$name fits the description after its repairs", ({ delivery, example }) => {
    expect(contract.checkDelivery(delivery, repairExample(delivery, example).payload)).toEqual([]);
  });

  test("no repair is left over", () => {
    const used = new Set(published.flatMap(({ delivery, example }) => repairExample(delivery, example).used));
    expect(exampleRepairs.filter((repair) => !used.has(repair)).map(({ path }) => path.join("."))).toEqual([]);
  });

  test("an example with a wrong field is refused", () => {
    const { delivery, example } = published.find((each) => each.delivery === "check-run-created") ?? { delivery: "", example: {} };
    expect(contract.checkDelivery(delivery, { ...example, check_run: { id: "one" } })).not.toEqual([]);
  });
});
