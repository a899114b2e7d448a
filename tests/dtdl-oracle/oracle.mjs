// Judges DTDL texts by the reference parser. One JSON string a line in, one JSON object a line out:
// {"ok":true,"elements":12}, {"errors":["badType",...]}, {"unresolved":[...]} or {"fault":"..."}.
import { createInterface } from "node:readline";
import { getInterop } from "@digicatapult/dtdl-parser";

const prefix = "dtmi:dtdl:parsingError:";
const parser = await getInterop();
process.stdout.write(JSON.stringify({ version: parser.parserVersion() }) + "\n");

function judge(text) {
  try {
    return { ok: true, elements: Object.keys(JSON.parse(parser.parse(text))).length };
  } catch (fault) {
    try {
      const told = JSON.parse(fault.message);
      if (told.ExceptionKind === "Resolution") return { unresolved: told.UndefinedIdentifiers ?? [] };
      return { errors: told.Errors.map((e) => (e.ValidationID ?? "").replace(prefix, "")) };
    } catch {
      return { fault: String(fault.message).slice(0, 200) };
    }
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(JSON.stringify(judge(JSON.parse(line))) + "\n");
}
