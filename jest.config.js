/** Node itself loads tests and sources, as it does the program (test/setup/native-runtime.js). */
export default {
  testEnvironment: "<rootDir>/test/setup/native-environment.js",
  runtime: "<rootDir>/test/setup/native-runtime.js",
  // jest leaves a core free, which on two cores means one worker; most tests wait for other processes, so three keep both cores busy.
  maxWorkers: 3,
  // Modules of a test file stay in its worker's memory: one that has grown is cheaper to start anew than to collect garbage in.
  workerIdleMemoryLimit: "1500MB",
  // Real parts start slowly on a busy machine; a hang is still found.
  testTimeout: 120_000,
  roots: ["<rootDir>/test"],
  testSequencer: "<rootDir>/test/setup/long-first-sequencer.js",
  testMatch: ["**/*.test.ts"],
  globalSetup: "<rootDir>/test/setup/global-setup.js",
  globalTeardown: "<rootDir>/test/setup/global-teardown.js",
  injectGlobals: false,
  extensionsToTreatAsEsm: [".ts"],
  transform: {},
  reporters: ["default", "<rootDir>/test/setup/closing-line-reporter.js"],
};
