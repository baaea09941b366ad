// Made from luna's own structs by `npm run types`; a test compares it with /api/openapi.json.
export interface paths {
  [path: string]: never;
}
