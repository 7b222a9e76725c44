import { expect, test } from "@jest/globals";
import { BuildRequest } from "../../src/builds/build-schemas.ts";

const before = {
  forge: "local",
  repository: "containers/cockpit",
  branch: "f40",
  commit: "c".repeat(40),
  scratch: false,
  requestedBy: "alice",
};

test("the intent of a run that an older release started is read", () => {
  expect(BuildRequest.parse(before)).toEqual(before);
});

test("everything that may be asked for stays in the intent", () => {
  const asked = {
    ...before,
    isolated: true,
    release: "1.1",
    architectures: ["x86_64"],
    yumRepositories: ["https://repos.example.com/a.repo"],
    parentBuild: "fedora-40-1",
    target: "f40-container-candidate",
    userdata: { ticket: 7 },
  };
  expect(BuildRequest.parse(asked)).toEqual(asked);
});
