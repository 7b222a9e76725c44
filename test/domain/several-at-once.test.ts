import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { severalAtOnce } from "../../src/domain/several-at-once.ts";

/** A piece that ends when it is told to. */
function piece(name: string, log: string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const begin = () => {
    log.push(`begin ${name}`);
    return promise;
  };
  return { begin, end: () => resolve(name), fail: () => reject(new Error(name)) };
}

/** Everything that can go on without us has gone on. */
const settled = () => new Promise((done) => setImmediate(done));

test("so many are at work, the next begins when one ends, and results stand in the order of the pieces", async () => {
  const log: string[] = [];
  const pieces = ["a", "b", "c"].map((name) => piece(name, log));
  const all = severalAtOnce(
    2,
    pieces.map((one) => one.begin),
  );
  await settled();
  expect(log).toEqual(["begin a", "begin b"]);
  pieces[1]?.end();
  await settled();
  expect(log).toEqual(["begin a", "begin b", "begin c"]);
  pieces[2]?.end();
  pieces[0]?.end();
  expect(await all).toEqual(["a", "b", "c"]);
});

test("after a failure nothing begins, and what is under way ends before it is thrown", async () => {
  const log: string[] = [];
  const pieces = ["a", "b", "c"].map((name) => piece(name, log));
  let thrown: unknown;
  const all = severalAtOnce(
    2,
    pieces.map((one) => one.begin),
  ).catch((error: unknown) => {
    thrown = error;
  });
  pieces[1]?.fail();
  await settled();
  expect(thrown).toBeUndefined();
  pieces[0]?.end();
  await all;
  expect(thrown).toEqual(new Error("b"));
  expect(log).toEqual(["begin a", "begin b"]);
});

test("however many there are and however many at a time, each is done once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(), { maxLength: 30 }), fc.integer({ min: 1, max: 40 }), async (numbers, most) => {
      const done = await severalAtOnce(
        most,
        numbers.map((number) => async () => number * 2),
      );
      expect(done).toEqual(numbers.map((number) => number * 2));
    }),
  );
});
