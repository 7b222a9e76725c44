import { createRequire } from "node:module";

/** Of the test file that is being run: jest-circus makes them anew for each. */
let current;

export function setGlobals(globals) {
  current = globals;
}

/** Support files are loaded once and used by many test files: whatever they imported must reach the file that is being run. */
function ofCurrent(name) {
  const call = (...args) => current[name](...args);
  return new Proxy(call, { get: (_, property) => current[name][property] });
}

export const afterAll = ofCurrent("afterAll");
export const afterEach = ofCurrent("afterEach");
export const beforeAll = ofCurrent("beforeAll");
export const beforeEach = ofCurrent("beforeEach");
export const describe = ofCurrent("describe");
export const test = ofCurrent("test");
export const expect = ofCurrent("expect");

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
