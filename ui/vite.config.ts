import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where a luna runs while its pages are being worked on: `npm run dev` then serves the pages, luna the rest.
const luna = process.env["LUNA_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    assetsDir: "assets",
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/v1", "/health", "/metrics", "/login"].map((path) => [path, { target: luna }]),
    ),
  },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"] },
});
