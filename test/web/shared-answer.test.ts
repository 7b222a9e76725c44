import { expect, test } from "@jest/globals";
import { sharedAnswer } from "../../src/web/shared-answer.ts";

test("all who ask get one answer until it is too old, counted from when it came", async () => {
  let time = 0;
  const waiting: ((answer: string) => void)[] = [];
  const ask = sharedAnswer(
    () => new Promise<string>((resolve) => waiting.push(resolve)),
    1000,
    () => time,
  );
  const first = ask();
  time = 5000;
  const second = ask();
  waiting[0]?.("one");
  expect(await Promise.all([first, second])).toEqual(["one", "one"]);
  time = 5999;
  expect(await ask()).toBe("one");
  time = 6000;
  const third = ask();
  waiting[1]?.("two");
  expect(await third).toBe("two");
  expect(waiting).toHaveLength(2);
});

test("a failure is an answer, too", async () => {
  let time = 0;
  let asked = 0;
  const ask = sharedAnswer(
    () => Promise.reject(new Error(`no ${++asked}`)),
    1000,
    () => time,
  );
  await expect(ask()).rejects.toThrow("no 1");
  await expect(ask()).rejects.toThrow("no 1");
  time = 1000;
  await expect(ask()).rejects.toThrow("no 2");
});
