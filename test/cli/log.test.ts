import { Writable } from "node:stream";
import { expect, test } from "@jest/globals";
import { createLog } from "../../src/log.ts";

test("the log has an error's words under any of its names, and no secret", () => {
  let text = "";
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  createLog("info", destination).error({ error: new Error("out of disk"), registry: { password: "hunter2" } }, "failed");
  expect(JSON.parse(text)).toMatchObject({ error: { message: "out of disk" }, registry: { password: "(masked)" }, msg: "failed" });
});
