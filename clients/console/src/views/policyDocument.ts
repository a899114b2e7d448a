import type { Json, JsonObject } from "../api/types";

export const PERMISSIONS = ["read", "write", "command", "administer"] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** What an entry says of one resource. */
export interface PolicyRule {
  resource: string;
  grant: Permission[];
  revoke: Permission[];
}

export interface PolicyEntry {
  label: string;
  subjects: string[];
  rules: PolicyRule[];
  imports: string[];
}

/** A policy as it is edited; the silo's own form has entries and resources by name. */
export interface Policy {
  id: string;
  entries: PolicyEntry[];
}

/** Something wrong, at the place as the silo names it: entries/label/resources/twins:/power. */
export interface PolicyFault {
  where: string;
  text: string;
}

const ID = /^[A-Za-z0-9\-_.:]{1,128}$/;

export function readPolicy(id: string, document: JsonObject): Policy {
  const entries = objectOf(document["entries"]);
  return {
    id,
    entries: Object.entries(entries).map(([label, entry]) => {
      const e = objectOf(entry);
      return {
        label, subjects: texts(e["subjects"]), imports: texts(e["imports"]),
        rules: Object.entries(objectOf(e["resources"])).map(([resource, rule]) => ({ resource, grant: permissions(objectOf(rule)["grant"]), revoke: permissions(objectOf(rule)["revoke"]) })),
      };
    }),
  };
}

/** The document the silo takes; what is empty is left out. */
export function writePolicy(policy: Policy): JsonObject {
  return {
    entries: Object.fromEntries(policy.entries.map((e): [string, JsonObject] => [e.label, {
      subjects: e.subjects,
      resources: Object.fromEntries(e.rules.map((r): [string, JsonObject] => [r.resource, { ...(r.grant.length > 0 ? { grant: r.grant } : {}), ...(r.revoke.length > 0 ? { revoke: r.revoke } : {}) }])),
      ...(e.imports.length > 0 ? { imports: e.imports } : {}),
    }])),
  };
}

/** What the silo would refuse, before it is asked; also what would be lost by writing, as two rules of one resource. */
export function checkPolicy(policy: Policy): PolicyFault[] {
  const faults: PolicyFault[] = [];
  const add = (where: string, text: string): unknown => faults.push({ where, text });
  if (!ID.test(policy.id)) add("id", "An id is 1 to 128 letters, digits and - _ . : characters.");
  if (policy.entries.length === 0) add("entries", "A policy has at least one entry.");
  const labels = new Set<string>();
  for (const e of policy.entries) {
    const at = `entries/${e.label}`;
    if (!ID.test(e.label)) add(at, "A label is 1 to 128 letters, digits and - _ . : characters.");
    else if (labels.has(e.label)) add(at, `Entry '${e.label}' comes twice.`);
    labels.add(e.label);
    for (const s of e.subjects) if (!isSubject(s)) add(`${at}/subjects`, `'${s}' is no subject: key:NAME, jwt:NAME, role:NAME or * was expected.`);
    for (const i of e.imports) if (!i.split("/").every((part) => ID.test(part)) || i.split("/").length > 2) add(`${at}/imports`, `'${i}' is no import: POLICY or POLICY/ENTRY was expected.`);
    const resources = new Set<string>();
    for (const r of e.rules) {
      const wrong = resourceFault(r.resource) ?? (resources.has(r.resource) ? `'${r.resource}' comes twice in this entry.` : null);
      if (wrong) add(`${at}/resources/${r.resource}`, wrong);
      resources.add(r.resource);
    }
  }
  return faults;
}

export function isSubject(text: string): boolean {
  return text === "*" || (text.length <= 256 && /^(key|jwt|role):./.test(text));
}

/** Why a text names no resource; null when it does. */
export function resourceFault(text: string): string | null {
  if (text === "*") return null;
  const m = /^([a-z]+):([^/]*)(?:\/(.*))?$/s.exec(text);
  const [, kind = "", name = "", path] = m ?? [];
  const pathIsGood = path === undefined || (path !== "" && !path.startsWith("/") && !path.endsWith("/") && !path.includes("//"));
  const isKnown = kind === "twins" || kind === "devices" ? name === "" : kind === "twin" || kind === "prefix" || kind === "model" || kind === "device" ? name !== "" : (kind === "models" || kind === "admin") && path === undefined;
  return m && pathIsGood && isKnown && text.length <= 1024 ? null : "A resource is *, twins:, twin:ID, prefix:TEXT, model:DTMI, device:ID or devices: (each with /path if wanted), models:, models:DTMI, admin: or admin:DOOR.";
}

/** Not said, granted, revoked, in turn: what a click on a cell makes of it. */
export function turn(rule: PolicyRule, permission: Permission): PolicyRule {
  const without = (list: Permission[]): Permission[] => list.filter((p) => p !== permission);
  const ordered = (list: Permission[]): Permission[] => PERMISSIONS.filter((p) => p === permission || list.includes(p));
  if (rule.grant.includes(permission)) return { ...rule, grant: without(rule.grant), revoke: ordered(rule.revoke) };
  if (rule.revoke.includes(permission)) return { ...rule, revoke: without(rule.revoke) };
  return { ...rule, grant: ordered(rule.grant) };
}

/** The faults of one place, and those of places below it that have no field of their own. */
export function faultsAt(faults: readonly PolicyFault[], where: string, fields: readonly string[]): PolicyFault[] {
  return faults.filter((f) => (f.where === where ? true : f.where.startsWith(`${where}/`) && !fields.some((other) => other !== where && other.length > where.length && (f.where === other || f.where.startsWith(`${other}/`)))));
}

/** Names parted by commas or spaces. */
export function namesIn(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((t) => t !== ""))];
}

function permissions(value: Json | undefined): Permission[] {
  const said = texts(value);
  return PERMISSIONS.filter((p) => said.includes(p));
}

function texts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((v): v is string => typeof v === "string") : [];
}

function objectOf(value: Json | undefined): JsonObject {
  return value && typeof value === "object" && !Array.isArray(value) ? value : {};
}
