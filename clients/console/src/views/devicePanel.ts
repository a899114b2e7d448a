import type { CommandEntry } from "../live/modelBook";
import { ageText, timeText, valueText, words } from "../format";
import { asApiError } from "../live/world";
import type { App } from "../ui/app";
import { h, replace, setText } from "../ui/dom";
import { requestFault, sampleRequest, sendCommand } from "./deviceCommand";
import { differencesOf } from "./deviceDiff";
import { readDevice, standingOf, type DeviceDetail } from "./deviceList";

const AGAIN_MS = 2000;
const ANY = "";

/** One device: how it stands, what is wished against what it tells, and a command to it. */
export class DevicePanel {
  readonly element = h("aside", { class: "device-panel", "data-test": "device-panel", hidden: true });
  private readonly head = h("div", { class: "device-head" });
  private readonly state = h("div", { "data-test": "device-state" });
  private readonly commands = h("section", { class: "device-commands" });
  private readonly desired = h("section");
  private id: string | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private run = 0;

  constructor(private readonly app: App, private readonly onClose: () => void) {
    this.element.append(this.head, this.state, this.desired, this.commands);
  }

  show(id: string | null): void {
    if (id === this.id) return;
    this.id = id;
    this.run++;
    if (this.timer) clearTimeout(this.timer);
    this.element.hidden = id === null;
    if (id === null) return;
    replace(this.head, h("h1", {}, id), h("button", { class: "link", onclick: () => this.app.select(id) }, "Its twin"), h("button", { class: "link", onclick: () => this.onClose() }, "Close"));
    replace(this.state, h("div", { class: "soft" }, "Reading…"));
    this.drawDesired(id);
    this.drawCommands(id);
    void this.read();
  }

  /** The models are known now: the commands of the shown device can be named. */
  knowModels(): void {
    if (this.id !== null) this.drawCommands(this.id);
  }

  end(): void {
    this.run++;
    if (this.timer) clearTimeout(this.timer);
  }

  private async read(): Promise<void> {
    const { id } = this;
    const run = this.run;
    if (id === null) return;
    try {
      const device = await readDevice(this.app.api, id);
      if (run !== this.run) return;
      this.drawState(device);
    } catch (error) {
      if (run !== this.run) return;
      const e = asApiError(error);
      replace(this.state, h("div", { class: "alarm" }, e.status === 404 ? `There is no device ${id}.` : e.detail));
    }
    this.timer = setTimeout(() => void this.read(), AGAIN_MS);
  }

  private drawState(device: DeviceDetail): void {
    const standing = standingOf(device);
    const facts: [string, string][] = [["Last seen", device.lastSeen === null ? "never" : `${ageText(Date.now() - Date.parse(device.lastSeen))} ago, ${timeText(device.lastSeen)}`]];
    if (device.connection) facts.push(["Connection", device.connection]);
    if (device.behindEdge) facts.push(["Behind edge", device.behindEdge]);
    if (device.desiredVersion !== null) facts.push(["Version of desired", String(device.desiredVersion)]);
    const list = differencesOf(device.desired, device.reported);
    const pending = list.filter((d) => d.kind === "pending").length;
    replace(this.state,
      h("p", {}, h("b", { class: standing.tone, "data-test": "device-standing" }, standing.word), device.stale && standing.word !== "stale" ? h("span", { class: "stale" }, ", stale") : null),
      h("dl", {}, facts.flatMap(([name, value]) => [h("dt", { class: "soft" }, name), h("dd", { class: "tabular" }, value)])),
      h("h2", {}, list.length === 0 ? "Desired and reported" : pending === 0 ? "Desired is reported" : `${pending} of ${list.length} not yet as desired`),
      list.length === 0 ? h("div", { class: "soft" }, "Nothing is desired of it and it has reported nothing.")
        : h("table", { "data-test": "device-diff" }, h("thead", {}, h("tr", {}, h("th", {}, "path"), h("th", {}, "desired"), h("th", {}, "reported"))),
          h("tbody", {}, list.map((d) => h("tr", { "data-kind": d.kind }, h("td", {}, d.path), h("td", {}, d.desired === undefined ? h("span", { class: "soft" }, "–") : valueText(d.desired)), h("td", { class: d.kind === "pending" ? "warning" : "" }, d.reported === undefined ? "not reported" : valueText(d.reported)))))));
  }

  private drawDesired(id: string): void {
    const field = h("textarea", { class: "mono", rows: 3, spellcheck: "false", "aria-label": "Merge into desired", placeholder: '{"interval": 10}', "data-test": "desired-text" });
    const note = h("span", { role: "status", "data-test": "desired-note" });
    const send = async (): Promise<void> => {
      const fault = field.value.trim() === "" ? "Write a JSON object; null takes a value away." : requestFault(field.value);
      if (fault) return this.tell(note, "alarm", fault);
      try {
        await this.app.api.send("PATCH", `/devices/${encodeURIComponent(id)}/desired`, field.value, { "Content-Type": "application/merge-patch+json" });
        this.tell(note, "good", "Desired is set.");
        field.value = "";
      } catch (error) {
        this.tell(note, "alarm", asApiError(error).detail);
      }
    };
    replace(this.desired, h("h2", {}, "Change what is desired"), field, h("div", { class: "row" }, h("button", { onclick: () => void send(), "data-test": "desired-send" }, "Merge"), note));
  }

  private drawCommands(id: string): void {
    const model = this.app.world.modelOf(id);
    const known = model ? this.app.world.book.get(model)?.commands ?? [] : [];
    const choose = h("select", { "aria-label": "Command", "data-test": "command-name" }, known.map((c) => h("option", { value: c.name }, words(c.name))), h("option", { value: ANY }, "another…"));
    const name = h("input", { "aria-label": "Name of the command", placeholder: "name", "data-test": "command-other", hidden: known.length > 0 });
    const request = h("textarea", { class: "mono", rows: 2, spellcheck: "false", "aria-label": "Request", "data-test": "command-request" });
    const timeout = h("input", { type: "number", min: 1, max: 300, value: 5, "aria-label": "Seconds to wait", class: "seconds" });
    const send = h("button", { class: "primary", "data-test": "command-send" }, "Send");
    const cancel = h("button", { hidden: true }, "Stop waiting");
    const result = h("div", { class: "device-result", role: "status", "data-test": "command-result" });
    const pick = (): void => {
      const entry: CommandEntry | undefined = known.find((c) => c.name === choose.value);
      name.hidden = choose.value !== ANY;
      request.value = sampleRequest(entry?.request?.schema ?? null);
      request.placeholder = entry?.request ? `${entry.request.name}: ${entry.request.schema}` : "no request";
    };
    choose.addEventListener("change", pick);
    pick();
    send.addEventListener("click", () => void this.send(id, choose.value === ANY ? name.value.trim() : choose.value, request.value, Number(timeout.value), { send, cancel, result }));
    replace(this.commands, h("h2", {}, "Send a command"), h("div", { class: "row" }, choose, name), request, h("div", { class: "row" }, send, cancel, h("label", { class: "soft" }, "wait ", timeout, " s")), result);
  }

  private async send(id: string, name: string, request: string, timeoutS: number, ui: { send: HTMLButtonElement; cancel: HTMLButtonElement; result: HTMLElement }): Promise<void> {
    const fault = name === "" ? "Name the command." : !(timeoutS > 0 && timeoutS <= 300) ? "Wait more than 0 and at most 300 s." : requestFault(request);
    if (fault) return this.tell(ui.result, "alarm", fault);
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    const began = performance.now();
    const clock = setInterval(() => setText(ui.result, `Waiting for the device… ${((performance.now() - began) / 1000).toFixed(1)} of ${timeoutS} s`), 100);
    ui.cancel.addEventListener("click", stop);
    ui.send.disabled = true;
    ui.cancel.hidden = false;
    ui.result.className = "device-result";
    const outcome = await sendCommand(this.app.api, id, name, request.trim() === "" ? "null" : request, timeoutS, keyOf(), abort.signal, () => performance.now());
    clearInterval(clock);
    ui.cancel.removeEventListener("click", stop);
    ui.cancel.hidden = true;
    ui.send.disabled = false;
    ui.result.className = "device-result";
    replace(ui.result, h("div", { class: outcome.tone }, `${words(name)}: ${outcome.text}`), outcome.payload === undefined || outcome.payload === null ? null : h("pre", { class: "mono" }, JSON.stringify(outcome.payload, null, 2)));
  }

  private tell(element: HTMLElement, tone: string, text: string): void {
    element.className = `device-result ${tone}`;
    setText(element, text);
  }
}

/** A key of this one sending: a repeat of the request would not repeat the command. */
function keyOf(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
