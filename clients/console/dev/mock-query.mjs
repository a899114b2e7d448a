// Just enough of the query language for developing the console: SELECT * | COUNT() | a, b FROM DIGITALTWINS|RELATIONSHIPS [alias] [WHERE conditions AND ...] [ORDER BY a [DESC]].

export function runQuery(world, text, token, pageSize, parameters = {}) {
  if (/STARTSWITH\(T\.\$dtId, \$text\) OR/.test(text)) {
    const starts = (v) => typeof v === "string" && (v.startsWith(parameters.text) || v.startsWith(parameters.capital));
    const found = [...world.twins.values()].filter((t) => t.id.startsWith(parameters.text) || starts(t.values.name)).slice(0, pageSize);
    return { value: found.map((t) => ({ id: t.id, ...(t.values.name ? { name: t.values.name } : {}), model: t.model })), continuationToken: null };
  }
  const m = /^\s*SELECT\s+(TOP\s*\((\d+)\)\s*)?(.+?)\s+FROM\s+(\w+)(?:\s+(?!WHERE|ORDER)(\w+))?(?:\s+WHERE\s+(.+?))?(?:\s+ORDER\s+BY\s+(?:\w+\.)?([\w$]+)(\s+DESC)?)?\s*$/is.exec(text);
  if (!m) return { error: { at: 1, detail: "Expected SELECT ... FROM DIGITALTWINS; found something else." } };
  const isLinks = m[4].toUpperCase() === "RELATIONSHIPS";
  if (!isLinks && m[4].toUpperCase() !== "DIGITALTWINS") return { error: { at: text.indexOf(m[4]) + 1, detail: `Expected DIGITALTWINS or RELATIONSHIPS, found '${m[4]}'.` } };
  const valueOf = (t, name) => (isLinks ? t[name] : name === "$dtId" ? t.id : t.values[name]);
  const tests = [];
  for (const part of (m[6] ?? "").split(/\s+AND\s+/i).filter(Boolean)) {
    const test = testOf(world, part.trim(), valueOf);
    if (!test) return { error: { at: text.indexOf(part) + 1, detail: `Expected a comparison, found '${part.trim()}'.` } };
    tests.push(test);
  }
  const rows = (isLinks ? world.links : [...world.twins.values()]).filter((t) => tests.every((f) => f(t)));
  if (/COUNT\(\)/i.test(m[3])) return { value: [{ COUNT: rows.length }], continuationToken: null };
  if (m[7]) rows.sort((a, b) => (valueOf(a, m[7]) < valueOf(b, m[7]) ? -1 : 1) * (m[8] ? -1 : 1));
  const from = token ? Number(token) : 0;
  const page = rows.slice(from, Math.min(from + pageSize, m[2] ? Number(m[2]) : Infinity));
  const items = m[3].trim() === "*" || /^\w+$/.test(m[3].trim()) && m[3].trim() === m[5] ? null : m[3].split(",").map((s) => s.trim().replace(/^\w+\./, ""));
  const value = page.map((t) => (items ? Object.fromEntries(items.map((i) => [i, valueOf(t, i)])) : isLinks ? t : { $dtId: t.id, ...t.values, $metadata: { $model: t.model } }));
  return { value, continuationToken: from + pageSize < rows.length && !m[2] ? String(from + pageSize) : null };
}

function testOf(world, part, valueOf) {
  const of = /^IS_OF_MODEL\((?:\w+\s*,\s*)?'([^']+)'(\s*,\s*exact)?\)$/i.exec(part);
  if (of) {
    const bases = new Map(world.models.map((m) => [m.id, m.model.extends]));
    return (t) => {
      for (let id = t.model; id; id = of[2] ? null : bases.get(id)) if (id === of[1]) return true;
      return false;
    };
  }
  const within = /^(?:\w+\.)?([\w$]+)\s+IN\s+\[(.*)\]$/i.exec(part);
  if (within) {
    const list = new Set(within[2].split(",").map((v) => v.trim().replace(/^'|'$/g, "")));
    return (t) => list.has(String(valueOf(t, within[1])));
  }
  const cmp = /^(?:\w+\.)?([\w$]+)\s*(=|!=|<>|<=|>=|<|>)\s*('([^']*)'|[-\d.]+|true|false)$/i.exec(part);
  if (!cmp) return null;
  const want = cmp[4] !== undefined ? cmp[4] : /^(true|false)$/i.test(cmp[3]) ? cmp[3].toLowerCase() === "true" : Number(cmp[3]);
  const ops = { "=": (a) => a === want, "!=": (a) => a !== undefined && a !== want, "<>": (a) => a !== undefined && a !== want, "<": (a) => a < want, ">": (a) => a > want, "<=": (a) => a <= want, ">=": (a) => a >= want };
  return (t) => ops[cmp[2]](valueOf(t, cmp[1]));
}
