// OpenAPI 3.0's dialect of JSON Schema, turned into what ajv reads.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `nullable` has no meaning outside OpenAPI 3.0: it becomes a type, or an alternative where no type is written. */
export function toJsonSchema(value: Json): Json {
  if (Array.isArray(value)) return value.map(toJsonSchema);
  if (!isObject(value)) return value;
  const { nullable, ...rest } = value;
  const converted = Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, toJsonSchema(inner)]));
  // A property may be called "nullable"; only the keyword is a boolean.
  if (nullable !== true)
    return nullable === undefined || nullable === false ? converted : { ...converted, nullable: toJsonSchema(nullable) };
  if (typeof converted.type !== "string") return { anyOf: [converted, { type: "null" }] };
  const type = [converted.type, "null"];
  return Array.isArray(converted.enum) ? { ...converted, type, enum: [...converted.enum, null] } : { ...converted, type };
}

/**
 * GitHub refuses keys of a request body that it does not know ("is not a permitted key"); the description leaves them open. Alternatives
 * of a schema only add conditions, so their keys count as known at the top.
 */
export function withoutUnknown(schema: Json, resolve: (reference: JsonObject) => JsonObject): Json {
  if (!isObject(schema)) return schema;
  const whole = schema.$ref === undefined ? schema : resolve(schema);
  const alternatives = (["oneOf", "anyOf", "allOf"] as const).flatMap((key) =>
    Array.isArray(whole[key]) ? (whole[key] as readonly Json[]) : [],
  );
  const closed: Record<string, Json> = { ...whole };
  if (isObject(whole.properties)) {
    closed.properties = Object.fromEntries(Object.entries(whole.properties).map(([key, inner]) => [key, withoutUnknown(inner, resolve)]));
    if (whole.additionalProperties === undefined || alternatives.length > 0) {
      const known = alternatives.flatMap((each) => (isObject(each) && isObject(each.properties) ? Object.entries(each.properties) : []));
      closed.properties = { ...Object.fromEntries(known.map(([key]) => [key, {}])), ...(closed.properties as JsonObject) };
      closed.additionalProperties = false;
    }
  } else {
    for (const key of ["oneOf", "anyOf", "allOf"] as const) {
      if (Array.isArray(whole[key])) closed[key] = (whole[key] as readonly Json[]).map((each) => withoutUnknown(each, resolve));
    }
  }
  if (whole.items !== undefined) closed.items = withoutUnknown(whole.items, resolve);
  return closed;
}
