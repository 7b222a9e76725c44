/** jest runs the sources as ES modules; swc only strips the types. */
export default {
  testEnvironment: "<rootDir>/test/setup/plain-errors-environment.js",
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
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2022", experimental: { keepImportAttributes: true } },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  reporters: ["default", "<rootDir>/test/setup/closing-line-reporter.js"],
  coverageProvider: "v8",
};
