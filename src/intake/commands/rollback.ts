import { isRepository, isTag } from "../../domain/image-reference.ts";
import type { CommandOf, CommandSpec } from "./command-spec.ts";

export const rollback: CommandSpec<CommandOf<"rollback">> = {
  verb: "rollback",
  summary: "Propose to make an earlier release the current one again",
  details:
    "Opens the pull request in the registry-manifest repository that moves the floating tags back when it is merged; nothing is deleted. Without an image: the one that this pull request is about. Without a tag: the release before the current one.",
  places: ["containers", "manifests"],
  states: ["open", "merged"],
  need: { level: "write", on: "manifests", author: "never", runsHead: false },
  arguments: [
    {
      name: "image",
      required: false,
      value: {
        kind: "word",
        expected: "an image's name in the registry, without registry and tag (f40/cockpit)",
        read: (text) => (isRepository(text) ? text : undefined),
      },
      help: "the image, as it is called in the registry",
    },
    {
      name: "tag",
      required: false,
      value: { kind: "word", expected: "a release's tag, version-release (323-1)", read: (text) => (isTag(text) ? text : undefined) },
      help: "the release to go back to",
    },
  ],
  options: [],
  examples: ["rollback", "rollback f40/cockpit 323-1"],
  toRequest: (parsed) => {
    const image = parsed.word("image");
    const tag = parsed.word("tag");
    return { verb: "rollback", ...(image === undefined ? {} : { image }), ...(tag === undefined ? {} : { tag }) };
  },
  toWords: ({ image, tag }) => [image, tag].filter((word) => word !== undefined),
};
