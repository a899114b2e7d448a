import { describe, expect, it } from "vitest";
import { complete } from "../src/views/queryComplete";
import { tokensOf } from "../src/views/queryTokens";
import { book, LAMP, STREET } from "./helpers";

/** Completes where | stands and answers what is shown. */
function shown(text: string, ids: string[] = []): string[] {
  const cursor = text.indexOf("|");
  return complete(text.replace("|", ""), cursor, book(), (start) => ids.filter((id) => id.startsWith(start))).options.map((o) => o.shown);
}

/** The text after the first option was taken. */
function taken(text: string): string {
  const cursor = text.indexOf("|");
  const plain = text.replace("|", "");
  const c = complete(plain, cursor, book());
  return plain.slice(0, c.from) + c.options[0]!.insert + plain.slice(c.to);
}

describe("completion of queries", () => {
  it("begins with SELECT and goes on clause by clause", () => {
    expect(shown("|")).toEqual(["SELECT", "EXPLAIN"]);
    expect(shown("SELECT * |")).toContain("FROM");
    expect(shown("SELECT * FROM |")).toEqual(["DIGITALTWINS", "RELATIONSHIPS"]);
    expect(shown("SELECT * FROM DIGITALTWINS T |")).toEqual(["JOIN", "MATCH", "WHERE", "GROUP BY", "ORDER BY"]);
    expect(shown("SELECT * FROM DIGITALTWINS T WHERE T.power > 3 |")).toEqual(["AND", "OR", "GROUP BY", "ORDER BY"]);
    expect(shown("SELECT * FROM DIGITALTWINS T ORDER BY T.power |")).toEqual(["ASC", "DESC"]);
  });

  it("offers an alias' properties, only those of its model once the query names it", () => {
    expect(shown("SELECT T.| FROM DIGITALTWINS T")).toEqual(expect.arrayContaining(["power", "length", "name", "$dtId"]));
    const known = shown(`SELECT T.| FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${LAMP}')`);
    expect(known).toContain("power");
    expect(known).toContain("name");
    expect(known).not.toContain("length");
  });

  it("offers relationships after RELATED and knows the model they lead to", () => {
    expect(shown("SELECT * FROM DIGITALTWINS S JOIN L RELATED S.|")).toEqual(["hasLamp"]);
    const beyond = shown(`SELECT L.| FROM DIGITALTWINS S JOIN L RELATED S.hasLamp WHERE IS_OF_MODEL(S, '${STREET}')`);
    expect(beyond).toContain("power");
    expect(beyond).not.toContain("length");
  });

  it("offers aliases, not bare properties, when there is more than one source", () => {
    expect(shown("SELECT * FROM DIGITALTWINS S JOIN L RELATED S.hasLamp WHERE |").slice(0, 2)).toEqual(["S", "L"]);
    expect(shown("SELECT * FROM DIGITALTWINS S JOIN L RELATED S.hasLamp WHERE |")).not.toContain("power");
  });

  it("offers model ids inside IS_OF_MODEL, found by their short name too", () => {
    expect(shown("SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'la|")).toEqual([LAMP]);
    expect(taken("SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'la|")).toBe(`SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${LAMP}'`);
    expect(taken("SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'la|')")).toBe(`SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${LAMP}')`);
  });

  it("offers the values of an enum after a comparison, in IN lists, and ids of twins after $dtId", () => {
    expect(shown("SELECT * FROM DIGITALTWINS T WHERE T.state = '|'")).toEqual(["on", "off", "broken"]);
    expect(shown("SELECT * FROM DIGITALTWINS T WHERE T.state IN ['on', 'b|")).toEqual(["broken"]);
    expect(shown("SELECT * FROM DIGITALTWINS T WHERE T.$dtId = 'lamp-1|", ["lamp-1", "lamp-12", "street-1"])).toEqual(["lamp-1", "lamp-12"]);
  });

  it("replaces the word under the cursor and nothing else", () => {
    expect(taken("SELECT T.pow| FROM DIGITALTWINS T")).toBe("SELECT T.power FROM DIGITALTWINS T");
    expect(taken("sel|")).toBe("SELECT ");
  });
});

describe("tokens of queries", () => {
  it("cover every character that is not a space, in order, whatever the text is", () => {
    for (const text of ["SELECT * FROM D", "a.b>='it''s' AND $dtId!=3.5e-2", "'open text", "[[order]] é ü \"x\"", "\n\t", "T.power > -3"]) {
      const tokens = tokensOf(text);
      expect(tokens.map((t) => t.text).join("")).toBe(tokens.reduce((s, t) => s + text.slice(t.from, t.to), ""));
      let at = 0;
      for (const t of tokens) {
        expect(text.slice(at, t.from).trim()).toBe("");
        at = t.to;
      }
      expect(text.slice(at).trim()).toBe("");
    }
  });

  it("tell an open text from a closed one", () => {
    expect(tokensOf("x = 'ab").at(-1)?.kind).toBe("open");
    expect(tokensOf("x = 'a''b'").at(-1)).toMatchObject({ kind: "text", text: "'a''b'" });
    expect(tokensOf("x = '").at(-1)?.kind).toBe("open");
  });
});
