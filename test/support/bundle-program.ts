import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

/** Options of Node for a process that ends before it has much to tidy up: without them a sixth of its start is collecting garbage. */
export const shortLived = ["--min-semi-space-size=16"] as const;

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
    // Less to read; names stay, for what is told of an error.
    minifyWhitespace: true,
    minifySyntax: true,
    // What comes as CommonJS knows Node's own modules and its place by these names.
    banner: {
      js: `import { createRequire as nodeRequire } from "node:module";
const require = nodeRequire(import.meta.url), __dirname = import.meta.dirname, __filename = import.meta.filename;`,
    },
    plugins: [ownPlaces, neverReached],
    logLevel: "error",
  });
}

/** What dockerode loads for sessions of BuildKit and for ssh of its own, neither of which flibs uses, is a tenth of the time to start. */
const neverReached: Plugin = {
  name: "never reached",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(@grpc\/grpc-js|@grpc\/proto-loader|ssh2)$/ }, ({ path }) => ({ path, namespace: "never reached" }));
    onLoad({ filter: /./, namespace: "never reached" }, () => ({ contents: "" }));
  },
};

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
