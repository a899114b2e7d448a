// Pictures of the frame: inspector, search, alarms, light theme, lost connection.
export function add(shots, { page, open, settle, mock }) {
  const one = process.env.TWIN_SHOT_TWIN ?? "lamp-00100";
  const light = (is) => page.evaluate((v) => localStorage.setItem("twin-theme", v), is ? "light" : "dark");
  shots.inspector = async () => { await open(`/city?sel=${one}`, 4000); };
  shots["inspector-light"] = async () => { await light(true); await open(`/city?sel=${one}`, 4000); await light(false); };
  shots.search = async () => { await open("/city", 1500); await page.evaluate(() => document.querySelector("[data-test=search]").focus()); await page.keyboard.type("lamp-001"); await settle(2500); };
  shots.alarms = async () => { await open("/city", 1500); await page.keyboard.press("a"); await settle(2500); };
  shots["alarms-light"] = async () => { await light(true); await open(`/city?sel=${one}`, 1500); await page.keyboard.press("a"); await settle(2500); await light(false); };
  shots.keys = async () => { await open("/city", 1500); await page.keyboard.press("?"); await settle(1500); };
  if (mock) shots.edit = async () => { await open("/city?sel=lamp-00100", 2500); await page.evaluate(() => document.querySelector("[data-test=edit-dimTo]").click()); await page.keyboard.type("bright"); await page.keyboard.press("Enter"); await settle(1500); };
}
