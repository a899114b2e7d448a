// Just enough of the query language for developing the console: SELECT * | a, b FROM DIGITALTWINS [alias] [WHERE conditions AND ...].

export function runQuery(world, text, token, pageSize, parameters = {}) {
  if (/STARTSWITH\(T\.\$dtId, \$text\) OR/.test(text)) {
    const starts = (v) => typeof v === "string" && (v.startsWith(parameters.text) || v.startsWith(parameters.capital));
    const found = [...world.twins.values()].filter((t) => t.id.startsWith(parameters.text) || starts(t.values.name)).slice(0, pageSize);
    return { value: found.map((t) => ({ id: t.id, ...(t.values.name ? { name: t.values.name } : {}), model: t.model })), continuationToken: null };
  }
  const m = /^\s*SELECT\s+(TOP\s*\((\d+)\)\s*)?(.+?)\s+FROM\s+(\w+)(?:\s+(?!WHERE)(\w+))?(?:\s+WHERE\s+(.+))?\s*$/is.exec(text);
  if (!m) return { error: { at: 1, detail: "Expected SELECT ... FROM DIGITALTWINS; found something else." } };
  if (m[4].toUpperCase() !== "DIGITALTWINS") return { error: { at: text.indexOf(m[4]) + 1, detail: `Expected DIGITALTWINS or RELATIONSHIPS, found '${m[4]}'.` } };
  const tests = [];
  for (const part of (m[6] ?? "").split(/\s+AND\s+/i).filter(Boolean)) {
    const of = /^IS_OF_MODEL\((?:\w+\s*,\s*)?'([^']+)'\)$/i.exec(part.trim());
    const cmp = /^(?:\w+\.)?(\w+|\$dtId)\s*(=|!=|<>|<=|>=|<|>)\s*('([^']*)'|[-\d.]+|true|false)$/i.exec(part.trim());
    if (of) tests.push((t) => t.model === of[1]);
    else if (cmp) {
      const want = cmp[4] !== undefined ? cmp[4] : /^(true|false)$/i.test(cmp[3]) ? cmp[3].toLowerCase() === "true" : Number(cmp[3]);
      const ops = { "=": (a) => a === want, "!=": (a) => a !== want, "<>": (a) => a !== want, "<": (a) => a < want, ">": (a) => a > want, "<=": (a) => a <= want, ">=": (a) => a >= want };
      tests.push((t) => ops[cmp[2]](cmp[1] === "$dtId" ? t.id : t.values[cmp[1]]));
    } else return { error: { at: text.indexOf(part) + 1, detail: `Expected a comparison, found '${part.trim()}'.` } };
  }
  const rows = [...world.twins.values()].filter((t) => tests.every((f) => f(t)));
  if (/COUNT\(\)/i.test(m[3])) return { value: [{ COUNT: rows.length }], continuationToken: null };
  const from = token ? Number(token) : 0;
  const page = rows.slice(from, Math.min(from + pageSize, m[2] ? Number(m[2]) : Infinity));
  const items = m[3].trim() === "*" || /^\w+$/.test(m[3].trim()) && m[3].trim() === m[5] ? null : m[3].split(",").map((s) => s.trim());
  const value = page.map((t) => (items ? Object.fromEntries(items.map((i) => [i.replace(/^\w+\./, ""), i.endsWith("$dtId") ? t.id : t.values[i.replace(/^\w+\./, "")]])) : { $dtId: t.id, ...t.values, $metadata: { $model: t.model } }));
  return { value, continuationToken: from + pageSize < rows.length && !m[2] ? String(from + pageSize) : null };
}
