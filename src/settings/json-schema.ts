import { z } from "zod";

import type { SettingsShape } from "./reading";
import { sharedStackShape } from "./shared-settings";
import { siteSchema } from "./site-settings";

type JsonSchema = Readonly<Record<string, unknown>>;

/** JSON Schemas (2020-12) of the stack files `Pulumi.<stack>.yaml`, for editors, by their file names. */
export function stackFileSchemas(): Readonly<Record<string, JsonSchema>> {
  return {
    "shared.schema.json": stackFileSchema("dns-mesh: the shared stack", sharedStackShape, ["mesh"]),
    "site.schema.json": stackFileSchema("dns-mesh: a site's stack", siteSchema.shape, ["shared", "context"]),
  };
}

/**
 * What settings must be to each other is checked by the program alone. Settings of other namespaces, and what Pulumi
 * itself keeps in the file, are left alone.
 */
function stackFileSchema(title: string, shape: SettingsShape, required: readonly string[]): JsonSchema {
  const properties = Object.fromEntries(
    Object.entries(shape).map(([key, schema]) => [`dns-mesh:${key}`, encryptable(settingSchema(schema))]),
  );
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title,
    type: "object",
    required: ["config"],
    properties: {
      config: {
        type: "object",
        required: required.map((key) => `dns-mesh:${key}`),
        properties,
        propertyNames: { if: { pattern: "^dns-mesh:" }, then: { enum: Object.keys(properties) } },
      },
    },
  };
}

function settingSchema(schema: z.core.$ZodType): JsonSchema {
  const json: Record<string, unknown> = z.toJSONSchema(schema, {
    io: "input",
    override: ({ jsonSchema, path }) => {
      // A key's secret may be encrypted by itself.
      if (path.at(-1) === "secret") Object.assign(jsonSchema, encryptable(emptied(jsonSchema)));
    },
  });
  delete json["$schema"];
  return json;
}

/** Takes everything out of an object and returns it. */
function emptied(schema: Record<string, unknown>): JsonSchema {
  const { description, ...taken } = schema;
  for (const key of Object.keys(taken)) Reflect.deleteProperty(schema, key);
  return { ...(description !== undefined && { description }), ...taken };
}

/** A value, or what `pulumi config set --secret` makes of it. */
function encryptable(schema: JsonSchema): JsonSchema {
  const { description, default: standard, ...rules } = schema;
  return {
    ...(description !== undefined && { description }),
    ...(standard !== undefined && { default: standard }),
    if: { type: "object", required: ["secure"], properties: { secure: { type: "string" } } },
    else: rules,
  };
}
