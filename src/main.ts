#!/usr/bin/env -S node --max-semi-space-size=4 --heap-growing-percent=200
// Unasked, V8 gives young objects up to 128 MiB before it looks which of them are garbage: most of what a busy service took. 4 MiB make 8. Old objects
// may grow to three times of what was alive, not to four.
import { enableCompileCache } from "node:module";
import { join } from "node:path";

// Half of a short command's time is reading the sources anew. The cache stands beside the packages, where only who installs flibs may write, and
// not in a directory that everybody shares; where it can't be written, everything is just slower. It must be on before the program is loaded.
enableCompileCache(join(import.meta.dirname, "../node_modules/.cache/flibs"));
await import("./command-line.ts");
