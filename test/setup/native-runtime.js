import { createRequire, registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { setGlobals } from "./jest-globals.js";
import { readTurn, turns } from "./turns.js";

const require = createRequire(import.meta.url);
const timeLimit = Symbol.for("TEST_TIMEOUT_SYMBOL");
const eventHandlers = Symbol.for("EVENT_HANDLERS");

// Tests import @jest/globals, which of itself only throws: jest's own runtime puts something else in its place, too.
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "@jest/globals"
      ? { url: new URL("jest-globals.js", import.meta.url).href, shortCircuit: true }
      : next(specifier, context),
});

// A quarter of what a property is tried with, like of everything that repeats; those that say how often keep to it.
if (readTurn(process.env.FLIBS_TEST_TURN) !== undefined) fc.configureGlobal({ numRuns: Math.ceil(100 / turns) });

let runs = 0;

/**
 * What jest-runner and jest-circus ask of a runtime, by Node itself: test files and sources are loaded as the program loads them, types stripped, and
 * once in the life of a worker. jest's own runtime loads every module again for each test file, in a context of the vm module without cached code: with
 * hundreds of files that was a sixth of all processor time, and workers of a gigabyte, from which starting a process costs a tenth of a second. Tests share
 * what modules keep, then, as they would in the program; a module that keeps something for a test to trip over would trip users as well.
 */
export default class NativeRuntime {
  /** jest-circus, anew for each test file: it keeps the tests it was told of. */
  requireInternalModule(path) {
    delete globalThis[eventHandlers];
    delete globalThis[timeLimit];
    delete require.cache[path];
    return require(path);
  }

  requireModule(path) {
    return require(path);
  }

  unstable_shouldLoadAsEsm() {
    return true;
  }

  /** In watch mode a file comes again, changed. */
  unstable_importModule(path) {
    runs += 1;
    return import(`${pathToFileURL(path).href}?run=${runs}`);
  }

  setGlobalsForRuntime(globals) {
    setGlobals(globals);
  }

  getSourceMaps() {
    return new Map();
  }

  getAllCoverageInfoCopy() {
    return {};
  }

  // Nothing is mocked, nothing is walled off.
  resetModules() {}
  enterTestCode() {}
  leaveTestCode() {}
  teardown() {}
}
