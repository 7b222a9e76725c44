import { z } from "zod";
import { goModeText } from "./go-mode.ts";

/**
 * Files of container-structure-test, schema 2.0.0, by the structs of its source (pkg/types/v2). What its reader takes is taken: an absent list is an
 * empty one, `null` is absent. Names, commands and paths may be missing: such a test is a failed one, never left out. What can only fail for the
 * runner's sake or would reach out of the container is refused here, expressions that are none by whoever asks for {@link expressionsOf}.
 */
const text = z
  .string()
  .max(16_384)
  .refine((value) => !value.includes("\0"), "must not have a NUL character");
const name = z.string().max(1000).nullish().describe("What is tested; a test without a name fails");
const list = <T extends z.ZodType>(item: T, most = 200) => z.array(item).max(most).nullish();
const words = list(text);
const expressions = (where: string) => list(text).describe(`RE2 expressions ${where}`);
const yes = /^(?:y|yes|true|on)$/i;
/** YAML 1.1, which the Go program reads, has more words for it. */
const flag = z.union([z.boolean(), z.string().regex(/^(?:y|yes|true|on|n|no|false|off)$/i)]).transform((value) => {
  return typeof value === "boolean" ? value : yes.test(value);
});

const EnvVar = z.strictObject({ key: text.nullish(), value: text.nullish(), isRegex: flag.nullish() });
const Pair = z.strictObject({
  key: text.nullish().describe("Its name"),
  value: text.nullish().describe("What it must be; empty when left out"),
  isRegex: flag.nullish().describe("The value is an RE2 expression that must be found in it"),
});
const pairs = (what: string) => list(Pair).describe(what);

const CommandTest = z.strictObject({
  name,
  setup: list(list(text)).describe(
    "Commands that run before, each in a container of its own that begins with the files the one before has left",
  ),
  teardown: list(list(text)).describe("Commands for after the test; never run, since nothing of a container outlives its test"),
  envVars: list(EnvVar).describe("Environment of setup and command; $NAME is taken from the image's environment"),
  exitCode: z.int().nullish().describe("What the command must return; 0 when left out"),
  command: text.nullish().describe("The program, in place of the image's entrypoint; a test without one fails"),
  args: words.describe("Its arguments; $NAME is taken from the image's environment, in the command too"),
  expectedOutput: expressions("that must be found in standard output"),
  excludedOutput: expressions("that must not be found in standard output"),
  expectedError: expressions("that must be found in standard error"),
  excludedError: expressions("that must not be found in standard error"),
});

const permissions = z
  .string()
  .max(20)
  .refine((value) => value === "" || goModeText.test(value), {
    message: "is no text of a file's mode as Go writes it",
    params: {
      fix: "Write ten characters as in -rwxr-xr-x or drwxr-xr-x; a setuid file is urwxr-xr-x, /tmp dtrwxrwxrwx, a link Lrwxrwxrwx",
    },
  });

const FileExistenceTest = z.strictObject({
  name,
  path: text.nullish().describe("In the image; $NAME is taken from the image's environment. A test without one fails"),
  shouldExist: flag.nullish().describe("true when left out; with false nothing else is looked at"),
  permissions: permissions.nullish().describe("The mode as Go writes it: -rw-r--r--, drwxr-xr-x, urwxr-xr-x, dtrwxrwxrwx, Lrwxrwxrwx"),
  uid: z.int().min(-1).nullish().describe("Owner; not looked at when left out or -1"),
  gid: z.int().min(-1).nullish().describe("Group; not looked at when left out or -1"),
  isExecutableBy: z.enum(["owner", "group", "other", "any"]).nullish().describe("Whose execute bit must be set"),
});

const FileContentTest = z.strictObject({
  name,
  path: text.nullish().describe("Of a file in the image; a test without one fails"),
  expectedContents: expressions("that must be found in the file"),
  excludedContents: expressions("that must not be found in the file"),
});

const MetadataTest = z.strictObject({
  envVars: pairs("Variables that the image must set"),
  unboundEnvVars: list(Pair).describe("Variables that the image must not set"),
  labels: pairs("Labels that the image must have"),
  entrypoint: words.describe("ENTRYPOINT word by word; [] when there must be none; not looked at when left out"),
  cmd: words.describe("CMD word by word; [] when there must be none; not looked at when left out"),
  exposedPorts: words.describe("Ports that EXPOSE must name, without protocol"),
  unexposedPorts: words.describe("Ports that EXPOSE must not name"),
  volumes: words.describe("Directories that VOLUME must name"),
  unmountedVolumes: words.describe("Directories that VOLUME must not name"),
  workdir: text.nullish().describe("WORKDIR; not looked at when left out or empty"),
  user: text.nullish().describe("USER; not looked at when left out or empty"),
});

const LicenseTest = z.strictObject({
  debian: flag.nullish().describe("Each directory in /usr/share/doc must have a copyright file without AGPL and WTFPL"),
  files: words.describe("Files in which AGPL and WTFPL must not stand"),
});

function refused(key: string, why: string) {
  return {
    message: `"${key}" is refused: ${why}`,
    params: { fix: `Remove ${key}` },
  };
}
const noList = (key: string, why: string) =>
  words.refine((value) => (value ?? []).length === 0, refused(key, why)).describe(`Refused: ${why}`);
const mounts = "a test must not reach the files of the machine that runs it";
const runner = "it would hand what the build system has in its environment to the image";

const ContainerRunOptions = z.strictObject({
  user: text.nullish().describe("User of setup and command, as in USER"),
  privileged: flag
    .nullish()
    .refine((value) => value !== true, refused("privileged", "a privileged container is root on the machine that runs it"))
    .describe("Refused when true"),
  allocateTty: flag.nullish().describe("The command gets a terminal; what it prints is all on standard output then"),
  envFile: text
    .nullish()
    .refine((value) => (value ?? "") === "", refused("envFile", mounts))
    .describe(`Refused: ${mounts}`),
  envVars: noList("envVars", runner),
  capabilities: noList("capabilities", "tests run without capabilities"),
  bindMounts: noList("bindMounts", mounts),
});

/** A file without any test fails in the Go program as well. */
export const StructureFile = z
  .strictObject({
    schemaVersion: z.literal("2.0.0", "must be 2.0.0, the version that is published").describe("Always 2.0.0"),
    globalEnvVars: list(EnvVar).describe("Environment of all commands; $NAME is taken from the image's environment"),
    commandTests: list(CommandTest).describe("Commands that run in the image, without network and privileges"),
    fileExistenceTests: list(FileExistenceTest, 1000).describe("Files that must be there, or must not"),
    fileContentTests: list(FileContentTest, 1000).describe("What must stand in files of the image, or must not"),
    metadataTest: MetadataTest.nullish().describe("What the image's configuration must be"),
    licenseTests: list(LicenseTest).describe("Licenses that must not be among the image's"),
    containerRunOptions: ContainerRunOptions.nullish().describe("How the containers of commands are started"),
  })
  .describe("Tests of an image as container-structure-test knows them, tests/structure.yaml");
export type StructureFile = z.infer<typeof StructureFile>;
export type CommandTest = z.infer<typeof CommandTest>;
export type FileExistenceTest = z.infer<typeof FileExistenceTest>;
export type FileContentTest = z.infer<typeof FileContentTest>;
export type MetadataTest = z.infer<typeof MetadataTest>;
export type LicenseTest = z.infer<typeof LicenseTest>;

/** Keys whose plain values are numbers or yes and no; everything else that is written without quotes is text, `8080` and `1.10` too. */
export const typedKeys: ReadonlySet<string> = new Set([
  ...["exitCode", "uid", "gid", "shouldExist", "isRegex"],
  ...["debian", "privileged", "allocateTty"],
]);

export function countTests(file: StructureFile): number {
  const lists = [file.commandTests, file.fileExistenceTests, file.fileContentTests, file.licenseTests];
  return lists.reduce((sum, one) => sum + (one ?? []).length, hasMetadata(file.metadataTest) ? 1 : 0);
}

/** One whose lists are all empty asks for nothing; empty `entrypoint` and `cmd` do. */
export function hasMetadata(test: StructureFile["metadataTest"]): test is MetadataTest {
  return Object.entries(test ?? {}).some(([key, value]) => {
    if (key === "entrypoint" || key === "cmd") return Array.isArray(value);
    return (value ?? "").length > 0;
  });
}

/** Every expression of a file, and where it stands. */
export function expressionsOf(
  file: StructureFile,
): readonly { readonly path: readonly (string | number)[]; readonly expression: string }[] {
  const found: { path: readonly (string | number)[]; expression: string }[] = [];
  for (const [section, keys] of Object.entries(expressionKeys)) {
    const tests = (file[section as keyof typeof expressionKeys] ?? []) as readonly Readonly<Record<string, readonly string[] | null>>[];
    for (const [index, test] of tests.entries()) {
      for (const key of keys) {
        for (const [at, expression] of (test[key] ?? []).entries()) found.push({ path: [section, index, key, at], expression });
      }
    }
  }
  for (const key of ["envVars", "labels"] as const) {
    for (const [at, { value, isRegex }] of (file.metadataTest?.[key] ?? []).entries()) {
      if (isRegex === true) found.push({ path: ["metadataTest", key, at, "value"], expression: value ?? "" });
    }
  }
  return found;
}

const expressionKeys = {
  commandTests: ["expectedOutput", "excludedOutput", "expectedError", "excludedError"],
  fileContentTests: ["expectedContents", "excludedContents"],
} as const;
