import { enableCompileCache } from "node:module";
import { join } from "node:path";

/**
 * What the hook of a local repository runs after a push, as its own process: `post-receive.ts <directory> <repository path>`, with
 * `<old> <new> <ref>` lines on its input. Ends with 0 when flibs heard of the push.
 *
 * Who pushes waits for it: most of its time would be reading sources anew. The cache is the one of main.ts, written only by who installs flibs.
 */
enableCompileCache(join(import.meta.dirname, "../../../node_modules/.cache/flibs"));
const { tellPush } = await import("./tell-push.ts");

const [, , directory = "", path = ""] = process.argv;
let input = "";
for await (const chunk of process.stdin) input += String(chunk);
process.exitCode = (await tellPush(directory, path, input).catch(() => false)) ? 0 : 1;
