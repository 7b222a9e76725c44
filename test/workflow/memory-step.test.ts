import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { memoryStep } from "../support/step.ts";

describe("a step", () => {
  test("a finished step gives its recorded result back without running again", async () => {
    const step = memoryStep();
    let pushes = 0;
    const push = async () => `push ${++pushes}`;
    await step("push", z.string(), push);
    expect(await step.resumed()("push", z.string(), push)).toBe("push 1");
  });

  test("the key is the run and the name, the same on each attempt", async () => {
    const step = memoryStep({ run: "20261123-v0r7k2q" });
    expect(await step("push linux/amd64", z.string(), async (key) => key)).toBe("20261123-v0r7k2q/push linux/amd64");
  });

  test("a name used twice is refused", async () => {
    const step = memoryStep();
    await step("push", z.void(), async () => undefined);
    await expect(step("push", z.void(), async () => undefined)).rejects.toMatchObject({ code: "workflow.step-repeated" });
    await expect(step.write("push", z.void(), async () => undefined)).rejects.toMatchObject({ code: "workflow.step-repeated" });
  });

  test("a name of the run is refused in its finish, also after a crash in between", async () => {
    const step = memoryStep();
    await step("report", z.void(), async () => undefined);
    await expect(step.resumed("finish")("report", z.void(), async () => undefined)).rejects.toMatchObject({
      code: "workflow.step-repeated",
    });
  });

  test("the result is what will be read back: a date becomes text, what the schema does not know is left out", async () => {
    const step = memoryStep();
    const at = new Date("2026-11-23T12:00:00Z");
    const schema = z.object({ at: z.coerce.date().transform((date) => date.toISOString()) });
    const first = await step("look", schema as never, async () => ({ at, secret: "x" }) as never);
    const again = await step.resumed()("look", schema as never, async () => ({}) as never);
    expect(first).toEqual({ at: "2026-11-23T12:00:00.000Z" });
    expect(again).toEqual(first);
  });

  test("a result that does not fit its schema is not recorded", async () => {
    const step = memoryStep();
    await expect(step("count", z.number(), async () => "many" as never)).rejects.toMatchObject({ code: "workflow.journal-unreadable" });
    expect(step.names).toEqual([]);
  });

  test("no result and null are kept apart", async () => {
    const step = memoryStep();
    await step("nothing", z.undefined(), async () => undefined);
    await step("null", z.null(), async () => null);
    const again = step.resumed();
    expect(await again("nothing", z.undefined(), async () => undefined)).toBeUndefined();
    expect(await again("null", z.null(), async () => null)).toBeNull();
  });

  test("a failed step is not recorded and runs again", async () => {
    const step = memoryStep();
    await expect(step("push", z.string(), () => Promise.reject(new Error("down")))).rejects.toThrow("down");
    expect(await step.resumed()("push", z.string(), async () => "up")).toBe("up");
  });

  test("after the signal no step begins", async () => {
    const controller = new AbortController();
    const step = memoryStep({ signal: controller.signal });
    controller.abort(new Error("cancelled"));
    await expect(step("push", z.void(), async () => undefined)).rejects.toThrow("cancelled");
  });

  test("what a port answers to the signal is not recorded: the next worker begins the step anew", async () => {
    const controller = new AbortController();
    const step = memoryStep({ signal: controller.signal });
    const build = step("build", z.string(), async () => {
      controller.abort(new Error("the worker is stopping"));
      return "cancelled";
    });
    await expect(build).rejects.toThrow("the worker is stopping");
    expect(step.names).toEqual([]);
  });
});
