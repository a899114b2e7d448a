import "./style/base.css";
import "./style/frame.css";
import "./style/inspector.css";
import "./style/views.css";
import { TwinApi, type KeyStore } from "./api/client";
import { World } from "./live/world";
import { App } from "./ui/app";
import { Frame } from "./ui/frame";
import { Keys } from "./ui/keys";
import { Router } from "./ui/router";
import { Selection } from "./ui/selection";
import { ThemeChoice } from "./ui/theme";

const KEY = "twin-key";
const keyStore: KeyStore = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => (value === null ? sessionStorage.removeItem(KEY) : sessionStorage.setItem(KEY, value)),
};

function streamUrl(cursor: string | null): string {
  const url = new URL("/stream", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  if (cursor) url.searchParams.set("cursor", cursor);
  const key = keyStore.get();
  if (key) url.searchParams.set("access_token", key);
  return url.href;
}

const api = new TwinApi("", keyStore);
const router = new Router();
const app = new App(api, new World(api, streamUrl), router, new Selection(router), new ThemeChoice(), new Keys());
const frame = new Frame(document.getElementById("app")!, app, keyStore);
void frame.start();
