import { expect, test } from "@jest/globals";
import { type PagureForgeOptions, pagureForge } from "../../../src/forge/pagure/pagure-forge.ts";
import { silentLog } from "../../../src/log.ts";

const token = { secret: "NOTASECRET", expires: undefined };
const open = (more: Partial<PagureForgeOptions>) =>
  pagureForge({
    ...{ name: "pagure", url: "https://pagure.example.test/", user: "lisbot", email: "lisbot@example.org", push: { kind: "https" } },
    ...{ tokens: { reports: token, promotions: token }, hookKeys: {}, readHookKeys: false, acceptSha1: false },
    ...{ namespace: "containers", manifests: { repository: "releng/manifests", branch: "main" }, stateDirectory: "/nonexistent" },
    ...{ publicUrl: "https://flibs.example.test", log: silentLog, ...more },
  });

test.each(["nothing", "ftp://pagure.example.test", "https://bot@pagure.example.test", "https://pagure.example.test/?x=1"])(
  "%s is no address of a Pagure",
  (url) => expect(() => open({ url })).toThrow(expect.objectContaining({ code: "config.invalid" })),
);

test.each(["http://flibs:8080", "https://[::1]:8080", "nothing"])(
  "flags that lead to %s are refused before the first one is set",
  (publicUrl) => {
    expect(() => open({ publicUrl })).toThrow(
      expect.objectContaining({ code: "config.invalid", hint: expect.stringContaining("web.publicUrl") }),
    );
  },
);

test("addresses are made without a double slash, and name no credential", () => {
  const forge = open({});
  expect(forge.sourceUrl("containers/hello")).toBe("https://pagure.example.test/containers/hello.git");
  expect(forge.compareUrl("containers/hello", "a", "b")).toBe("https://pagure.example.test/containers/hello/c/a..b");
  expect(forge.pullUrl("containers/hello")).toBe("https://pagure.example.test/containers/hello/pull-requests");
});

test("a forge on Pagure says what it has not", () => {
  expect(open({}).capabilities).toMatchObject({ reactions: false, editableComments: false, summaries: false, deliveryRecord: false });
});
