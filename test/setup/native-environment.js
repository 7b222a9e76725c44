/** What a test file may change in its process without putting it back. */
const belongings = [
  ["console", globalThis],
  ["exit", process],
];

/**
 * The process itself, instead of a context of the vm module (see native-runtime.js). What a failed test threw goes to jest's parent process with
 * everything that hangs on it. An error that leads to a function (a client, a pool, a whole service) can't be cloned, so jest walks and copies all that
 * it leads to: gigabytes, and "Jest worker ran out of memory" instead of the failure. Here it keeps what people read: name, message, stack and causes.
 */
export default class NativeEnvironment {
  constructor() {
    this.global = globalThis;
    // jest-runner puts its own in their places when it has made this.
    this.before = belongings.map(([name, owner]) => [name, owner, owner[name]]);
    this.variables = { ...process.env };
    this.directory = process.cwd();
  }

  async setup() {
    // jest-runner says 100, of which most would be its own.
    Error.stackTraceLimit = 20;
  }

  /** The next test file of this process finds it as this one did. */
  async teardown() {
    for (const [name, owner, value] of this.before) owner[name] = value;
    for (const name of Object.keys(process.env)) if (!(name in this.variables)) delete process.env[name];
    Object.assign(process.env, this.variables);
    if (process.cwd() !== this.directory) process.chdir(this.directory);
  }

  getVmContext() {
    return null;
  }

  exportConditions() {
    return ["node"];
  }

  async handleTestEvent({ name, test }) {
    if (name === "test_done") test.errors = test.errors.map((error) => (Array.isArray(error) ? error.map(plainError) : plainError(error)));
  }
}

const deepestCause = 5;

export function plainError(error, depth = 0) {
  if (typeof error !== "object" || error === null || typeof error.stack !== "string") return error;
  const plain = new Error(String(error.message));
  plain.name = String(error.name);
  plain.stack = error.stack;
  if (error.cause !== undefined && depth < deepestCause) plain.cause = plainError(error.cause, depth + 1);
  if (Array.isArray(error.errors)) plain.message += error.errors.map((one) => `\n${one?.stack ?? one}`).join("");
  return plain;
}
