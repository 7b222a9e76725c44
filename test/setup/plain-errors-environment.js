import { TestEnvironment } from "jest-environment-node";

/**
 * What a failed test threw goes to jest's parent process with everything that hangs on it. An error that leads to a function (a client, a pool,
 * a whole service) can't be cloned, so jest walks and copies all that it leads to: gigabytes, and "Jest worker ran out of memory" instead of the
 * failure. Here it keeps what people read: name, message, stack and causes.
 */
export default class PlainErrorsEnvironment extends TestEnvironment {
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
