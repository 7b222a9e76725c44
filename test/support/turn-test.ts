import { test } from "@jest/globals";
import { isOnTurn, readTurn } from "../setup/turns.js";

/** A test that takes a second of a processor and more, for what is too long or too slow on purpose: of each run's turn one in four, by their names. */
export function turnTest(name: string, act: () => Promise<void> | void): void {
  if (isOnTurn(readTurn(process.env.FLIBS_TEST_TURN), name)) test(name, act);
}
