import type { ImageConfig } from "../../engines/engine.ts";
import type { SearchBudget } from "../search.ts";
import type { MetadataTest } from "../structure-file.ts";
import { environmentOf } from "./expand.ts";
import { fail, type Problem, searchAll, shorten } from "./judgement.ts";

type Pair = NonNullable<MetadataTest["labels"]>[number];

/** What is absent is not looked at; `[]` for entrypoint and cmd means that there must be none. */
export async function judgeMetadata(test: MetadataTest, config: ImageConfig, budget: SearchBudget): Promise<readonly Problem[]> {
  const malformed = whyMalformed(test);
  if (malformed.length > 0) return malformed;
  const environment = environmentOf(config.env);
  // "8080/tcp" is port 8080, whichever protocol.
  const ports = config.exposedPorts.map((port) => port.split("/")[0] ?? "");
  return [
    ...(await judgePairs("variable", test.envVars, (key) => environment.get(key), budget)),
    ...(test.unboundEnvVars ?? []).flatMap(({ key }) => (environment.has(key ?? "") ? [fail(`the variable ${key} is set`)] : [])),
    ...(await judgePairs("label", test.labels, (key) => (Object.hasOwn(config.labels, key) ? config.labels[key] : undefined), budget)),
    ...judgeWords("CMD", test.cmd, config.cmd),
    ...judgeWords("ENTRYPOINT", test.entrypoint, config.entrypoint),
    ...judgeWord("WORKDIR", test.workdir, config.workingDir),
    ...judgeWord("USER", test.user, config.user),
    ...judgeList("port", test.exposedPorts, test.unexposedPorts, ports, "exposed"),
    ...judgeList("volume", test.volumes, test.unmountedVolumes, config.volumes, "declared"),
  ];
}

function whyMalformed(test: MetadataTest): readonly Problem[] {
  const problems: Problem[] = [];
  if ((test.envVars ?? []).some(({ key }) => !key)) problems.push(fail("envVars has a variable without key"));
  if ((test.labels ?? []).some(({ key }) => !key)) problems.push(fail("labels has a label without key"));
  if ((test.exposedPorts ?? []).includes("")) problems.push(fail("exposedPorts has an empty port"));
  if ((test.volumes ?? []).includes("")) problems.push(fail("volumes has an empty volume"));
  return problems;
}

async function judgePairs(
  what: string,
  pairs: readonly Pair[] | null | undefined,
  findValue: (key: string) => string | undefined,
  budget: SearchBudget,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const { key, value, isRegex } of pairs ?? []) {
    const wanted = value ?? "";
    const found = findValue(key ?? "");
    if (found === undefined) problems.push(fail(`the ${what} ${key} is not set`));
    else if (isRegex === true) {
      const where = `the ${what} ${key} (${shorten(found)})`;
      problems.push(...(await searchAll([{ where, bytes: Buffer.from(found), expected: [wanted], excluded: [] }], budget)));
    } else if (found !== wanted) problems.push(fail(`the ${what} ${key} is "${shorten(found)}", expected "${shorten(wanted)}"`));
  }
  return problems;
}

function judgeWords(what: string, wanted: readonly string[] | null | undefined, found: readonly string[]): readonly Problem[] {
  if (!wanted || (wanted.length === found.length && wanted.every((word, index) => word === found[index]))) return [];
  return [fail(`${what} is ${shorten(JSON.stringify(found))}, expected ${shorten(JSON.stringify(wanted))}`)];
}

function judgeWord(what: string, wanted: string | null | undefined, found: string): readonly Problem[] {
  return !wanted || wanted === found ? [] : [fail(`${what} is "${shorten(found)}", expected "${shorten(wanted)}"`)];
}

function judgeList(
  what: string,
  wanted: readonly string[] | null | undefined,
  unwanted: readonly string[] | null | undefined,
  found: readonly string[],
  how: string,
): readonly Problem[] {
  return [
    ...(wanted ?? []).filter((one) => !found.includes(one)).map((one) => fail(`the ${what} ${one} is not ${how}`)),
    ...(unwanted ?? []).filter((one) => found.includes(one)).map((one) => fail(`the ${what} ${one} is ${how}`)),
  ];
}
