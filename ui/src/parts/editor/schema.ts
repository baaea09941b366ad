// What a JSON Schema allows at a place in a document. Pure; knows the part of JSON Schema that luna's own schemas use.
import type { Spot, Step } from "./place";

export interface Schema {
  description?: string;
  title?: string;
  type?: string | readonly string[];
  enum?: readonly unknown[];
  const?: unknown;
  default?: unknown;
  examples?: readonly unknown[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: readonly Schema[];
  $ref?: string;
  $defs?: Readonly<Record<string, Schema>>;
}

export interface Offer {
  kind: "key" | "value";
  label: string;
  /** What kind of value it takes, or is. */
  detail: string;
  about: string;
  /** Must be there. */
  required: boolean;
}

/** What can be written at the spot. */
export function offers(root: Schema, spot: Spot): Offer[] {
  const schemas = schemasAt(root, spot.path, spot.document);
  return spot.kind === "key" ? keys(root, schemas, spot) : values(root, schemas);
}

/** What the schema says of the place that `path` leads to. */
export function meaningOf(root: Schema, path: readonly Step[], document: unknown): string {
  const said = ownSchemas(root, path, document).map((schema) => schema.description ?? "");
  return said.find((words) => words !== "") ?? "";
}

function keys(root: Schema, schemas: readonly Schema[], spot: Spot): Offer[] {
  const mappings = schemas.filter((schema) => schema.properties);
  const found = new Map<string, Offer>();
  for (const schema of mappings) {
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      // Until it is clear which of several shapes is meant, only what they share can be offered.
      if (spot.siblings.includes(name) || !mappings.every((each) => each.properties?.[name])) continue;
      const required = mappings.every((each) => each.required?.includes(name));
      const about = mappings.length > 1 ? "" : describe(root, field);
      if (!found.has(name)) found.set(name, { kind: "key", label: name, detail: kindOf(root, field), about, required });
    }
  }
  return [...found.values(), ...values(root, schemas)];
}

function values(root: Schema, schemas: readonly Schema[]): Offer[] {
  const found = new Map<string, Offer>();
  const add = (value: unknown, detail: string, about: string) => {
    const label = typeof value === "string" ? value : JSON.stringify(value);
    if (!found.has(label)) found.set(label, { kind: "value", label, detail, about, required: false });
  };
  for (const schema of schemas.flatMap((each) => alternatives(root, each))) {
    const about = schema.description ?? "";
    if (schema.const !== undefined) add(schema.const, "", about);
    for (const value of schema.enum ?? []) add(value, value === schema.default ? "default" : "", about);
    if (schema.type === "boolean")
      for (const value of [true, false]) add(value, value === schema.default ? "default" : "", about);
    if (schema.default !== undefined && schema.default !== null && typeof schema.default !== "object") {
      if (schema.default !== "") add(schema.default, "default", about);
    }
    for (const value of schema.examples ?? []) add(value, "", about);
  }
  return [...found.values()];
}

/** The schemas that hold at a place, alternatives resolved: those that the document around it rules out are left out. */
export function schemasAt(root: Schema, path: readonly Step[], document: unknown): Schema[] {
  return ownSchemas(root, path, document).flatMap((schema) => chosen(root, schema, valueAt(document, path)));
}

function ownSchemas(root: Schema, path: readonly Step[], document: unknown): Schema[] {
  let schemas: Schema[] = [root];
  for (const [depth, step] of path.entries()) {
    const value = valueAt(document, path.slice(0, depth));
    schemas = schemas
      .flatMap((schema) => chosen(root, schema, value))
      .flatMap((schema) => {
        const inner = typeof step === "number" ? schema.items : property(schema, step);
        return inner ? [inner] : [];
      });
  }
  return schemas;
}

function property(schema: Schema, name: string): Schema | undefined {
  const own = schema.properties?.[name];
  if (own) return own;
  return typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
}

function valueAt(document: unknown, path: readonly Step[]): unknown {
  let value = document;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<Step, unknown>)[step];
  }
  return value;
}

/** The alternatives of a schema that a mapping can still become: one whose constants differ from it is none of them. */
function chosen(root: Schema, schema: Schema, value: unknown): Schema[] {
  const all = alternatives(root, schema);
  if (typeof value !== "object" || value === null) return all;
  const written = value as Record<string, unknown>;
  const fits = (each: Schema) =>
    Object.entries(each.properties ?? {}).every(
      ([name, field]) =>
        field.const === undefined ||
        written[name] === undefined ||
        written[name] === null ||
        written[name] === field.const,
    );
  const decided = (each: Schema) =>
    Object.entries(each.properties ?? {}).some(
      ([name, field]) => field.const !== undefined && written[name] === field.const,
    );
  const exact = all.filter((each) => decided(each) && fits(each));
  return exact.length > 0 ? exact : all.filter(fits);
}

function alternatives(root: Schema, schema: Schema): Schema[] {
  const meant = resolved(root, schema);
  if (!meant.anyOf) return [meant];
  return meant.anyOf
    .flatMap((each) => alternatives(root, each))
    .map((each) => ({
      ...each,
      ...(each.description === undefined && meant.description !== undefined ? { description: meant.description } : {}),
      ...(each.default === undefined && meant.default !== undefined ? { default: meant.default } : {}),
    }));
}

function resolved(root: Schema, schema: Schema): Schema {
  const name = schema.$ref?.replace("#/$defs/", "");
  const target = name === undefined ? undefined : root.$defs?.[name];
  if (!target) return schema;
  const { description, default: usual } = schema;
  return {
    ...target,
    ...(description === undefined ? {} : { description }),
    ...(usual === undefined ? {} : { default: usual }),
  };
}

function describe(root: Schema, schema: Schema): string {
  const meant = resolved(root, schema);
  return meant.description ?? "";
}

/** The kind of value, in a word or two. */
function kindOf(root: Schema, schema: Schema): string {
  const kinds = alternatives(root, schema).flatMap((each) => {
    if (each.enum) return each.enum.map(String);
    if (each.const !== undefined) return [JSON.stringify(each.const)];
    if (each.type === "null" || each.type === undefined) return [];
    return [each.type].flat();
  });
  return [...new Set(kinds)].join(" | ");
}
