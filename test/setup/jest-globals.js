import { createRequire } from "node:module";

export let afterAll;
export let afterEach;
export let beforeAll;
export let beforeEach;
export let describe;
export let expect;
export let test;

/**
 * jest-circus makes them anew for each test file. What is imported is the variable and not its value, so that support files, which are loaded once, reach
 * the file that is being run; they must not keep one under a name of their own.
 */
export function setGlobals(globals) {
  ({ afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } = globals);
}

const require = createRequire(import.meta.url);
let timers;
let mocker;

function fakeTimers() {
  if (timers === undefined) {
    const { ModernFakeTimers } = require("@jest/fake-timers");
    timers = new ModernFakeTimers({ config: { fakeTimers: {}, rootDir: "" }, global: globalThis });
  }
  return timers;
}

/** The few that are used. Others are jest's for modules, which are not mocked here. */
export const jest = {
  setTimeout(ms) {
    globalThis[Symbol.for("TEST_TIMEOUT_SYMBOL")] = ms;
  },
  fn(implementation) {
    mocker ??= new (require("jest-mock").ModuleMocker)(globalThis);
    return mocker.fn(implementation);
  },
  useFakeTimers: () => fakeTimers().useFakeTimers(),
  useRealTimers: () => fakeTimers().useRealTimers(),
  advanceTimersByTime: (ms) => fakeTimers().advanceTimersByTime(ms),
};
