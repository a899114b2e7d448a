/** What a piece of query text is, as the silo's tokenizer cuts it; "open" is a text without its closing quote, "other" what cannot be read. */
export type TokenKind = "word" | "system" | "text" | "open" | "number" | "sign" | "other";

export interface Token {
  kind: TokenKind;
  text: string;
  /** Offset of its first character, from 0. */
  from: number;
  /** One past its last character. */
  to: number;
}

/** Words of the language; names are told from them by place, as the silo does. */
export const KEYWORDS = [
  "SELECT", "TOP", "COUNT", "FROM", "DIGITALTWINS", "RELATIONSHIPS", "JOIN", "RELATED", "MATCH", "WHERE", "AND", "OR", "NOT", "IN", "GROUP", "ORDER", "BY", "ASC", "DESC", "AS", "OF", "BRANCH",
  "EXPLAIN", "ANALYZE", "TRUE", "FALSE", "NULL", "EXACT", "POINT", "POLYGON",
] as const;

/** Functions of conditions and of what is selected. */
export const FUNCTION_NAMES = [
  "IS_OF_MODEL", "STARTSWITH", "ENDSWITH", "CONTAINS", "ARRAY_CONTAINS", "IS_DEFINED", "IS_NULL", "IS_NUMBER", "IS_STRING", "IS_BOOL", "IS_PRIMITIVE", "IS_OBJECT", "GEO_WITHIN", "GEO_DISTANCE",
  "COUNT", "SUM", "AVG", "MIN", "MAX", "TOP",
] as const;

const KEYWORD_SET: ReadonlySet<string> = new Set(KEYWORDS);
const FUNCTION_SET: ReadonlySet<string> = new Set(FUNCTION_NAMES);
const PIECE = /'(?:[^'\\]|\\.|'')*'|'(?:[^'\\]|\\.)*$|\[\[[^\]]*\]\]|\$?[A-Za-z_][A-Za-z0-9_]*|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|<>|<=|>=|!=|[*,.()[\]=<>]|\S/gsy;

/** Cuts a text into tokens; never fails, so that half a query can be completed and coloured. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const space = /\s*/y;
  for (let at = 0; at < text.length;) {
    space.lastIndex = at;
    at += space.exec(text)![0].length;
    PIECE.lastIndex = at;
    const piece = PIECE.exec(text)?.[0];
    if (!piece) break;
    tokens.push({ kind: kindOf(piece), text: piece, from: at, to: at + piece.length });
    at += piece.length;
  }
  return tokens;
}

export function isKeyword(word: string): boolean {
  return KEYWORD_SET.has(word.toUpperCase()) || (FUNCTION_SET.has(word.toUpperCase()) && word.includes("_"));
}

/** Only before a bracket: a property may be called max. */
export function isFunction(word: string): boolean {
  return FUNCTION_SET.has(word.toUpperCase());
}

function kindOf(piece: string): TokenKind {
  const c = piece[0]!;
  if (c === "'") return piece.length > 1 && piece.endsWith("'") ? "text" : "open";
  if (c === "$" && piece.length > 1) return "system";
  if (/[A-Za-z_]/.test(c) || piece.startsWith("[[")) return "word";
  if (/\d/.test(c) || (c === "-" && piece.length > 1)) return "number";
  return /^(<>|<=|>=|!=|[*,.()[\]=<>])$/.test(piece) ? "sign" : "other";
}
