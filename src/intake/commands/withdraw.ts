import { isRepository, isTag } from "../../domain/image-reference.ts";
import type { CommandOf, CommandSpec } from "./command-spec.ts";

export const withdraw: CommandSpec<CommandOf<"withdraw">> = {
  verb: "withdraw",
  summary: "Propose that nobody uses a release any more",
  details:
    "Opens the pull request in the registry-manifest repository that removes a release's signatures when it is merged: no client that demands signatures takes it any more. Floating tags that point to it move to the release before it, or to the one that `--to` names. The reason is kept in the file, with who asked.",
  places: ["containers", "manifests"],
  states: ["open", "merged"],
  need: { level: "write", on: "manifests", author: "never", runsHead: false },
  arguments: [
    {
      name: "image",
      required: true,
      value: {
        kind: "word",
        expected: "an image's name in the registry, without registry and tag (f40/cockpit)",
        read: (text) => (isRepository(text) ? text : undefined),
      },
      help: "the image, as it is called in the registry",
    },
    {
      name: "release",
      required: true,
      value: { kind: "word", expected: "a release's tag, version-release (323-1)", read: readTag },
      help: "the release that nobody may use any more",
    },
    {
      name: "reason",
      required: true,
      rest: true,
      value: {
        kind: "word",
        expected: "why, in at most 500 letters, none of them invisible",
        read: (text) => (text.length <= 500 && /^[^\s\-\u2013\u2014]/u.test(text) && !/\p{C}/u.test(text) ? text : undefined),
      },
      help: "why, for people",
    },
  ],
  options: [
    {
      name: "to",
      value: { kind: "word", expected: "a release's tag, version-release (322-4)", read: readTag },
      help: "the release that floating tags move to",
    },
    { name: "remove-tag", value: { kind: "flag" }, help: "delete the tag from production, too" },
  ],
  examples: ["withdraw f40/cockpit 323-1 CVE-2026-1234, fixed in 323-2", "withdraw f40/cockpit 323-1 leaks a key --remove-tag --to 322-4"],
  toRequest: (parsed) => {
    const to = parsed.word("to");
    return {
      verb: "withdraw",
      image: parsed.word("image") ?? "",
      release: parsed.word("release") ?? "",
      reason: parsed.word("reason") ?? "",
      ...(to === undefined ? {} : { to }),
      ...(parsed.flag("remove-tag") ? { removeTag: true } : {}),
    };
  },
  toWords: ({ image, release, reason, to, removeTag }) => [
    image,
    release,
    reason,
    ...(to === undefined ? [] : ["--to", to]),
    ...(removeTag === true ? ["--remove-tag"] : []),
  ],
};

function readTag(text: string): string | undefined {
  return isTag(text) ? text : undefined;
}
