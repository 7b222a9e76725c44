import { appError } from "../domain/errors.ts";
import type { BuildRequested } from "./build-record.ts";

/** Pure. Refuses what must not be promoted from being asked for as an official build: throws `builds.scratch-only`. */
export function checkRequest({ scratch, architectures, stranger }: BuildRequested): void {
  if (scratch) return;
  if (architectures !== undefined) {
    throw appError("builds.scratch-only", "only a scratch build may be made for some architectures", {
      hint: "Leave the architectures out, or ask for a scratch build",
    });
  }
  if (stranger !== undefined) {
    throw appError("builds.scratch-only", "a pull request of somebody who may not write here is built as a scratch build only", {
      hint: "Ask for a scratch build; what is merged is built by itself",
    });
  }
}
