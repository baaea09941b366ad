// The schema of a file, with what only a running luna knows: the names of its pipelines, stages and prompts. Pure.
import type { components } from "../../api/schema";
import type { Schema } from "../../parts/editor/schema";

type Data = components["schemas"]["PipelinesView"];

/** The schema of routes.yaml in which `pipeline` and `with` offer what there is. */
export function routesSchema(schema: Schema, data: Data): Schema {
  const route = schema.$defs?.["RouteSpec"];
  if (!route?.properties) return schema;
  const { pipeline, with: own } = route.properties;
  const named: Schema = { ...pipeline, enum: data.pipelines.map((each) => each.name) };
  const stages: Record<string, Schema> = {};
  for (const stage of data.pipelines.flatMap((each) => each.stages)) {
    const options = stage.options.map((option): [string, Schema] => [
      option.name,
      { description: option.about, ...(option.default === null ? {} : { default: option.default }) },
    ]);
    stages[stage.name] = {
      type: "object",
      description: firstSentence(stage.about),
      properties: { ...stages[stage.name]?.properties, ...Object.fromEntries(options) },
    };
  }
  const properties = { ...route.properties, pipeline: named, with: { ...own, properties: stages } };
  return { ...schema, $defs: { ...schema.$defs, RouteSpec: { ...route, properties } } };
}

function firstSentence(text: string): string {
  return text.split("\n\n")[0]?.replace(/\s+/g, " ") ?? "";
}

const PART = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** The file that a new pipeline or prompt of that name would be; "" when the name cannot be one. */
export function fileFor(kind: "pipeline" | "prompt", name: string): string {
  const parts = kind === "prompt" ? name.split("/") : [name];
  if (!parts.every((part) => PART.test(part))) return "";
  return kind === "prompt" ? `prompts/${name}.md` : `pipelines/${name}.yaml`;
}

/** Headers as they are typed, one to a line; or the number of the line that is none. */
export function headersOf(text: string): Record<string, string> | number {
  const headers: Record<string, string> = {};
  for (const [index, line] of text.split("\n").entries()) {
    if (!line.trim()) continue;
    const colon = line.indexOf(":");
    if (colon < 1) return index + 1;
    headers[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
  }
  return headers;
}
