import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const api = process.env["TWIN_API"] ?? "http://127.0.0.1:5090";
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const paths = ["models", "digitaltwins", "query", "batch", "stream", "history", "devices", "system", "scene", "snapshot", "alarms", "jobs", "routes", "inference", "metrics", "health", "policies", "audit", "spaces"];

export default defineConfig({
  base: "./",
  resolve: { alias: { "twin-sdk": here("../sdk/src/index.ts"), "@msgpack/msgpack": here("node_modules/@msgpack/msgpack") } },
  build: { outDir: "dist", emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 900 },
  server: {
    port: 5173,
    host: "127.0.0.1",
    proxy: Object.fromEntries(paths.map((p) => [`/${p}`, { target: api, ws: p === "stream" }])),
  },
  test: { environment: "node", include: ["test/**/*.test.ts"] },
});
