// The settings as luna describes them: JSON Schema in, sections with settings out. Pure.

export interface Setting {
  /** `tokenLimits.maxInputTokens` */
  path: string;
  kind: "switch" | "whole" | "number" | "choice" | "text";
  /** May be not set at all. */
  nullable: boolean;
  choices: readonly string[];
  least: number | undefined;
  /** The least value is itself not allowed. */
  above: boolean;
  most: number | undefined;
  about: string;
}

export interface Section {
  path: string;
  about: string;
  settings: readonly Setting[];
}

interface Node {
  $ref?: string;
  type?: string;
  description?: string;
  properties?: Record<string, Node>;
  anyOf?: Node[];
  enum?: unknown[];
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
}

/** A document of JSON Schema whose objects stand under `definitions`. */
export interface SchemaDocument {
  root: Node;
  definitions: Record<string, Node>;
}

export function asDocument(schema: Record<string, unknown>): SchemaDocument {
  return { root: schema, definitions: (schema["$defs"] ?? {}) as Record<string, Node> };
}

/** Every group that has settings of its own, in the order of the document. */
export function readSchema({ root, definitions }: SchemaDocument): Section[] {
  const sections: Section[] = [];
  const named = (node: Node): Node => {
    const name = node.$ref?.split("/").at(-1);
    return name === undefined ? node : (definitions[name] ?? {});
  };

  function walk(path: string, node: Node): void {
    const settings: Setting[] = [];
    const section = { path, about: node.description ?? "", settings };
    const below: [string, Node][] = [];
    if (path) sections.push(section);
    for (const [key, raw] of Object.entries(node.properties ?? {})) {
      const child = named(raw);
      const inner = path ? `${path}.${key}` : key;
      if (child.properties) below.push([inner, child]);
      else settings.push(setting(inner, child));
    }
    for (const [inner, child] of below) walk(inner, child);
  }

  walk("", named(root));
  return sections.filter((section) => section.settings.length > 0);
}

function setting(path: string, node: Node): Setting {
  const kinds = node.anyOf ?? [node];
  const own = kinds.find((kind) => kind.type !== "null") ?? node;
  return {
    path,
    kind: kindOf(own),
    nullable: kinds.some((kind) => kind.type === "null"),
    choices: (own.enum ?? []).map(String),
    least: own.minimum ?? own.exclusiveMinimum,
    above: own.exclusiveMinimum !== undefined,
    most: own.maximum,
    about: node.description ?? own.description ?? "",
  };
}

function kindOf(node: Node): Setting["kind"] {
  if (node.enum) return "choice";
  switch (node.type) {
    case "boolean":
      return "switch";
    case "integer":
      return "whole";
    case "number":
      return "number";
    default:
      return "text";
  }
}

/** What stands at `a.b.c` of a document. */
export function valueAt(document: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (value, key) =>
        typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined,
      document,
    );
}
