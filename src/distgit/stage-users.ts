import type { Dockerfile, Stage } from "./dockerfile.ts";
import { expandWord } from "./dockerfile-words.ts";
import { formatWord } from "./format-labels.ts";
import { type ParentEnv, type SettingsOf, settingsReader } from "./labels.ts";

/**
 * Who each stage's last instructions run as, in the order of the stages: an argument for USER that brings that user back, or undefined when it is root.
 * `parentUser` gives the user in an image's configuration, for the image as written; empty is root. Pure.
 */
export function stageUsers(
  dockerfile: Dockerfile,
  parentEnv: ParentEnv,
  parentUser: (image: string) => string | undefined,
): readonly (string | undefined)[] {
  const users: (string | undefined)[] = [];
  const settingsOf = settingsReader(dockerfile, parentEnv);
  for (const stage of dockerfile.stages) users.push(userOf(dockerfile, stage, users, settingsOf, parentUser));
  return users;
}

function userOf(
  dockerfile: Dockerfile,
  stage: Stage,
  before: readonly (string | undefined)[],
  settingsOf: SettingsOf,
  parentUser: (image: string) => string | undefined,
): string | undefined {
  const { escapeSign } = dockerfile;
  const last = stage.settings.findLastIndex((one) => one.keyword === "USER");
  const raw = stage.settings[last]?.pairs[0]?.value;
  if (raw !== undefined) {
    const { value, missing, fault } = expandWord(raw, settingsOf(stage, last), escapeSign);
    // What a builder of a newer release may know is left to it.
    return missing.length > 0 || fault !== undefined ? raw : userArgument(value, escapeSign);
  }
  switch (stage.base.kind) {
    case "scratch":
      return undefined;
    case "stage":
      return before[stage.base.index];
    case "image":
      return userArgument(parentUser(stage.image) ?? "", escapeSign);
  }
}

function userArgument(user: string, escapeSign: string): string | undefined {
  if (/^(?:root|0)?(?::(?:root|0))?$/.test(user)) return undefined;
  return /^[A-Za-z0-9_.:@+-]+$/.test(user) ? user : formatWord(user, escapeSign);
}
