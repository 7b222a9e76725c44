import { isVerb, type Verb, verbs } from "../../domain/verbs.ts";
import type { CommandOf, CommandSpec } from "./command-spec.ts";

export const help: CommandSpec<CommandOf<"help">> = {
  verb: "help",
  summary: "Show the commands that you may use here, or everything about one",
  details: "Anybody may ask.",
  places: ["containers", "manifests"],
  states: ["open", "merged", "closed"],
  need: { level: "none", on: "here", author: "always", runsHead: false },
  arguments: [
    {
      name: "command",
      required: false,
      value: { kind: "word", expected: `one of ${verbs.join(", ")}`, read: readVerb, known: verbs },
      help: "the command to explain",
    },
  ],
  options: [],
  examples: ["help", "help build"],
  toRequest: (parsed) => {
    const about = parsed.word("command");
    return { verb: "help", ...(about === undefined || !isVerb(about) ? {} : { about }) };
  },
  toWords: ({ about }) => (about === undefined ? [] : [about]),
};

/** `/help /build` is understood too. */
function readVerb(text: string): Verb | undefined {
  const verb = text.replace(/^\//, "").toLowerCase();
  return isVerb(verb) ? verb : undefined;
}
