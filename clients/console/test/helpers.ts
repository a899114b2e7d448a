import type { Json, ModelListItem } from "../src/api/types";
import { ModelBook } from "../src/live/modelBook";

type Content = Record<string, Json>;

export function model(id: string, contents: Content[], more: Record<string, Json> = {}): ModelListItem {
  return { id, displayName: id, model: { "@id": id, "@type": "Interface", contents, ...more } };
}

export const property = (name: string, schema: Json, unit?: string): Content => ({ "@type": "Property", name, schema, ...(unit ? { unit } : {}) });
export const states = (name: string, ...values: string[]): Content =>
  property(name, { "@type": "Enum", valueSchema: "string", enumValues: values.map((v) => ({ name: v, enumValue: v })) });
export const relationship = (name: string, target: string): Content => ({ "@type": "Relationship", name, target });

export const LAMP = "dtmi:x:Lamp;1";
export const STREET = "dtmi:x:Street;1";
export const BASE = "dtmi:x:Asset;1";

export function book(): ModelBook {
  return new ModelBook([
    model(BASE, [property("name", "string")]),
    model(LAMP, [property("power", "double", "watt"), states("state", "on", "off", "broken")], { extends: BASE }),
    model(STREET, [property("length", "double", "metre"), relationship("hasLamp", LAMP)], { extends: BASE }),
  ]);
}
