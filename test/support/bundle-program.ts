import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

/**
 * Writes a program with everything it imports into one file. Of a process that lives for a second, finding and linking a thousand modules is
 * the larger part; the crash suite starts hundreds. Each source still sees its own place, so that what stands beside it is found.
 */
export async function bundleProgram(source: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    // Optional parts of ssh2 that are compiled at installation, or not at all.
    external: ["cpu-features", "*.node"],
    // What comes as CommonJS knows Node's own modules and its place by these names.
    banner: {
      js: `import { createRequire as nodeRequire } from "node:module";
const require = nodeRequire(import.meta.url), __dirname = import.meta.dirname, __filename = import.meta.filename;`,
    },
    plugins: [ownPlaces],
    logLevel: "error",
  });
}

/** `import.meta` of a bundle tells the bundle's place. */
const ownPlaces: Plugin = {
  name: "own places",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      const contents = text
        .replaceAll("import.meta.dirname", JSON.stringify(dirname(path)))
        .replaceAll("import.meta.filename", JSON.stringify(path))
        .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href));
      return { contents, loader: "ts" };
    });
  },
};
