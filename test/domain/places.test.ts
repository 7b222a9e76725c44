import { expect, test } from "@jest/globals";
import { places } from "../../src/domain/places.ts";

test("no more than there is room for are at work, in the order in which they came, and a failure gives its place back", async () => {
  const place = places(2);
  const begun: number[] = [];
  let atWork = 0;
  let most = 0;
  const calls = Array.from({ length: 9 }, (_, call) =>
    place(async () => {
      begun.push(call);
      atWork += 1;
      most = Math.max(most, atWork);
      await new Promise((resolve) => setTimeout(resolve, (call * 7) % 5));
      atWork -= 1;
      if (call % 3 === 0) throw new Error(`call ${call}`);
      return call;
    }),
  );
  const ended = await Promise.allSettled(calls);
  expect(ended.map((one) => (one.status === "fulfilled" ? one.value : String(one.reason.message)))).toEqual([
    ...["call 0", 1, 2, "call 3", 4, 5, "call 6", 7, 8],
  ]);
  expect([most, begun]).toEqual([2, [0, 1, 2, 3, 4, 5, 6, 7, 8]]);
});
