import { expect, test } from "@jest/globals";
import type { TestContainer } from "../../src/engines/engine.ts";
import { countCalls } from "../../src/gating/sti/count-calls.ts";

test("commands and files are counted and passed on, closing is passed on", async () => {
  const asked: string[] = [];
  const container: TestContainer = {
    ended: () => undefined,
    exec: async ({ command }) => {
      asked.push(command.join(" "));
      return { outcome: "exited", exitCode: 3, outOfMemory: false };
    },
    readFile: async (path) => {
      asked.push(path);
      return undefined;
    },
    close: async () => void asked.push("close"),
  };
  const counted = countCalls(container);
  expect(counted.calls()).toBe(0);
  const sinks = { stdout: () => true, stderr: () => true };
  expect(await counted.container.exec({ command: ["a", "b"] }, sinks, new AbortController().signal)).toEqual({
    outcome: "exited",
    exitCode: 3,
    outOfMemory: false,
  });
  await counted.container.readFile("/x", 1);
  await counted.container.close();
  expect([counted.calls(), asked]).toEqual([2, ["a b", "/x", "close"]]);
});
