// Takes a picture of each view against the mock (or TWIN_URL) into shots/. Usage: node dev/shoot.mjs [name...]
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { startMock } from "./mock-server.mjs";

const out = fileURLToPath(new URL("../shots/", import.meta.url));
mkdirSync(out, { recursive: true });
const only = process.argv.slice(2);
const mock = process.env.TWIN_URL ? null : await startMock({ port: 0 });
const base = process.env.TWIN_URL ?? mock.url;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"] });
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
page.on("console", (m) => (m.type() === "error" || m.type() === "warning") && console.log("page:", m.text().slice(0, 300)));
page.on("pageerror", (e) => console.log("page failed:", e.stack));

const settle = (ms) => page.waitForTimeout(ms);
const open = async (hash, ms = 2500) => {
  await page.goto(`${base}/?perf=1#${hash}`);
  await page.reload();
  await page.waitForSelector("[data-test=load]", { state: "hidden", timeout: 30_000 });
  await settle(ms);
};
const shots = {
  city: () => open("/city", 5000),
  "city-near": () => open("/city?cam=60,-150,260,20,32", 4000),
  "city-selected": () => open("/city?sel=lamp-00100&cam=-900,200,700,30,40", 4000),
};
try {
  const extra = await import("./shots.mjs").catch(() => null);
  if (extra) extra.add(shots, { page, open, settle, mock });
  for (const [name, take] of Object.entries(shots)) {
    if (only.length > 0 && !only.includes(name)) continue;
    await take();
    await page.screenshot({ path: `${out}${name}.png` });
    const perf = await page.evaluate(() => window.__twinPerf);
    console.log(name, perf ? `median ${perf.medianMs.toFixed(1)} ms, p95 ${perf.p95Ms.toFixed(1)} ms, work ${perf.workMedianMs.toFixed(1)} ms, quality ${perf.quality}` : "");
  }
} finally {
  await browser.close();
  mock?.close();
}
