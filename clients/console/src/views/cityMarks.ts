import type { Alarm } from "../api/types";
import { toneOf } from "../live/alarmList";
import type { TwinTable } from "../live/twinTable";
import type { Mark } from "../map/markers";
import type { Theme } from "../style/tokens";

/** A label on the map; tone chooses its colour. */
export interface MapLabel {
  key: string;
  x: number;
  y: number;
  z: number;
  title: string;
  detail: string;
  tone: "selected" | "hovered" | "alarm" | "warning";
  rank: number;
}

export interface MarkSources {
  table: TwinTable;
  theme: Theme;
  selected: string | null;
  hovered: string | null;
  alarms: readonly Alarm[];
  found: readonly string[] | null;
  nameOf(id: string): string;
  heightOf(id: string): number;
  valueOf(id: string): string;
}

/** Rings and labels for what is selected, hovered, found or alarming; nothing else is labelled. */
export function marksOf(s: MarkSources): { marks: Mark[]; labels: MapLabel[] } {
  const marks: Mark[] = [];
  const labels: MapLabel[] = [];
  const add = (id: string, colour: string, pixels: number, fill: number, label: Pick<MapLabel, "tone" | "rank" | "detail"> | null): void => {
    const row = s.table.rowOf(id);
    if (row < 0 || s.table.modelOf(row).includes(":factory:")) return;
    const place = { x: s.table.x[row]!, y: s.table.y[row]!, z: s.table.z[row]! + s.heightOf(id) };
    marks.push({ ...place, colour, pixels, fill });
    if (label) labels.push({ ...place, key: id, title: s.nameOf(id), ...label });
  };
  for (const id of s.found ?? []) add(id, s.theme.accent, 12, 0.35, null);
  for (const a of s.alarms) {
    const tone = toneOf(a);
    const isShown = a.id !== s.selected && a.id !== s.hovered;
    add(a.id, s.theme[tone], tone === "alarm" ? 20 : 16, 0.35, isShown ? { tone, rank: tone === "alarm" ? 20 : 10, detail: a.text } : null);
  }
  if (s.hovered && s.hovered !== s.selected) add(s.hovered, s.theme.text, 18, 0, { tone: "hovered", rank: 90, detail: s.valueOf(s.hovered) });
  if (s.selected) add(s.selected, s.theme.accent, 26, 0.15, { tone: "selected", rank: 100, detail: s.valueOf(s.selected) });
  return { marks, labels };
}
