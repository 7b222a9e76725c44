import { z } from "zod";
import { Settings } from "./config.ts";

/** One setting as people read about it. */
export interface SettingLine {
  /** `web.listen`; `[]` stands for the members of a list, `<name>` for any name that the operator chooses. */
  readonly path: readonly string[];
  readonly type: string;
  /** JSON; undefined when there is none. */
  readonly fallback: string | undefined;
  readonly required: boolean;
  readonly description: string;
  /** Environment variable that comes before the file; lists, the members of lists and what has a chosen name have none. */
  readonly variable: string | undefined;
}

interface Schema {
  readonly type?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
}

/** JSON Schema of the settings file, for editors (`schemas/settings.json`). */
export function settingsSchema(): Record<string, unknown> {
  return z.toJSONSchema(Settings, { io: "input" }) as Record<string, unknown>;
}

/** Every setting, in the order of the schema. */
export function settingLines(): readonly SettingLine[] {
  return linesOf(settingsSchema() as Schema, [], true);
}

/** May it be the variable of a setting? Told by the name of its section alone, without the work of listing all settings. */
export function maySet(variable: string): boolean {
  return Object.keys(Settings.shape).some((section) => `${variable}_`.startsWith(`${variableName([section])}_`));
}

/** Settings that an environment variable can give. */
export function environmentLeaves(): readonly { readonly path: readonly string[]; readonly variable: string; readonly type: string }[] {
  return settingLines().flatMap((line) =>
    line.variable === undefined ? [] : [{ path: line.path, variable: line.variable, type: line.type }],
  );
}

const chosen = "<name>";

function linesOf(schema: Schema, path: readonly string[], required: boolean): SettingLine[] {
  const line = (type: string, variable: boolean): SettingLine => ({
    path,
    type,
    fallback: schema.default === undefined ? undefined : JSON.stringify(schema.default),
    required: required && schema.default === undefined,
    description: schema.description ?? "",
    variable: variable && !path.includes("[]") && !path.includes(chosen) ? variableName(path) : undefined,
  });
  if (isSecret(schema)) return [line("secret: {env: NAME} or {file: PATH}", false)];
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return joinSamePaths(choices.flatMap((choice) => linesOf(choice, path, required)));
  if (schema.properties) {
    const others = schema.additionalProperties;
    return [
      ...Object.entries(schema.properties).flatMap(([key, inner]) =>
        linesOf(inner, [...path, key], schema.required?.includes(key) ?? false),
      ),
      ...(typeof others === "object" && others.properties ? linesOf(others, [...path, chosen], true) : []),
    ];
  }
  const named = typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
  if (named?.properties) return [line("mapping by name", false), ...linesOf(named, [...path, chosen], true)];
  if (schema.type === "array" && schema.items) {
    if (isSecret(schema.items)) return [line("list of secrets: {env: NAME} or {file: PATH}", false)];
    if (!schema.items.properties) return [line(`list of ${schema.items.type ?? "values"}`, false)];
    return [line("list", false), ...linesOf(schema.items, [...path, "[]"], true)];
  }
  if (schema.const !== undefined) return [line(JSON.stringify(schema.const), true)];
  if (schema.enum) return [line(schema.enum.map((value) => JSON.stringify(value)).join(" | "), true)];
  return [line(schema.type ?? "value", true)];
}

function isSecret(schema: Schema): boolean {
  return schema.anyOf?.length === 2 && schema.anyOf.every((choice) => choice.properties?.env ?? choice.properties?.file) === true;
}

/** A key that several choices have is one setting: `kind` is any of their words. */
function joinSamePaths(lines: readonly SettingLine[]): SettingLine[] {
  const joined = new Map<string, SettingLine>();
  for (const line of lines) {
    const name = line.path.join(".");
    const known = joined.get(name);
    if (known === undefined) joined.set(name, line);
    else {
      const both = (a: string, b: string, between: string) => (a === b ? a : `${a}${between}${b}`);
      const description = both(known.description, line.description, "; ");
      joined.set(name, { ...known, type: both(known.type, line.type, " | "), description });
    }
  }
  return [...joined.values()];
}

/** `web.maxBodyBytes` gives `FLIBS_WEB_MAX_BODY_BYTES`. */
function variableName(path: readonly string[]): string {
  const words = path.map((key) => key.replace(/([a-z])([A-Z])/g, "$1_$2"));
  return ["FLIBS", ...words].join("_").toUpperCase();
}

/** `docs/reference/settings.md`. */
export function formatSettingsPage(): string {
  const rows = settingLines().map((line) => {
    const fallback = line.required ? "required" : (line.fallback ?? "none");
    const variable = line.variable === undefined ? "" : `\`${line.variable}\``;
    return `| \`${line.path.join(".")}\` | ${line.type.replaceAll("|", "\\|")} | ${fallback === "required" || fallback === "none" ? fallback : `\`${fallback}\``} | ${variable} | ${line.description.replaceAll("|", "\\|")} |`;
  });
  return [
    "# Settings",
    "",
    "Made from the schema in `src/config.ts`; do not edit. The file is looked for at `--config`, `$FLIBS_CONFIG`, `./flibs.yaml`,",
    "`/etc/flibs/flibs.yaml`. An environment variable comes before the file. Editors find the JSON Schema in `schemas/settings.json`.",
    "",
    "| setting | type | default | variable | meaning |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
