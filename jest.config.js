import { readTurn, waitingPatterns } from "./test/setup/turns.js";

/** Of what goes by turns, those of this run; workers, and the processes that they start, find it there. */
const turn = readTurn(process.env.FLIBS_TEST_TURN);
process.env.FLIBS_TEST_TURN = String(turn ?? "all");

/** Node itself loads tests and sources, as it does the program (test/setup/native-runtime.js). */
export default {
  testEnvironment: "<rootDir>/test/setup/native-environment.js",
  runtime: "<rootDir>/test/setup/native-runtime.js",
  // jest leaves a core free, which on two cores means one worker; most tests wait for other processes, so four keep both cores busy.
  maxWorkers: 4,
  // Modules of a test file stay in its worker's memory: one that has grown is cheaper to start anew than to collect garbage in.
  workerIdleMemoryLimit: "1500MB",
  // Real parts start slowly on a busy machine; a hang is still found.
  testTimeout: 120_000,
  roots: ["<rootDir>/test"],
  testSequencer: "<rootDir>/test/setup/long-first-sequencer.js",
  testMatch: ["**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", ...waitingPatterns(turn)],
  globalSetup: "<rootDir>/test/setup/global-setup.js",
  globalTeardown: "<rootDir>/test/setup/global-teardown.js",
  injectGlobals: false,
  extensionsToTreatAsEsm: [".ts"],
  transform: {},
  reporters: ["default", "<rootDir>/test/setup/closing-line-reporter.js"],
};
