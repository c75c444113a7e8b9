// Writes src/code.js and src/code.d.ts from the C header, whose numbers are held against the core's by its own tests.
// `npm run codes` writes them; a test compares.

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const HEADER = new URL("../../c/include/dormouse.h", import.meta.url);
const NOTE = "// Written by tools/codes.js from bindings/c/include/dormouse.h: what is changed here is lost.\n";

/** Each number of the header, with its comment. What only pointers and structs can get wrong is left out. */
async function codes() {
  const header = await readFile(HEADER, "utf8");
  const found = header.matchAll(/((?:^\/\/ .*\n)+)#define DORMOUSE_(\w+) (-?\d+)$/gm);
  return [...found].map(([, comment, name, value]) => ({
    name,
    value: Number(value),
    lines: comment.trimEnd().split("\n").map((line) => line.slice(3).replaceAll("DORMOUSE_", "")),
  }));
}

/** The two files, by name. */
export async function written() {
  const all = await codes();
  const script = all.map(({ name, value }) => `  ${name}: ${value},\n`).join("");
  const types = all
    .map(({ name, value, lines }) =>
      lines.length === 1
        ? `  /** ${lines[0]} */\n  readonly ${name}: ${value};\n`
        : `  /**\n${lines.map((line) => `   * ${line}\n`).join("")}   */\n  readonly ${name}: ${value};\n`,
    )
    .join("");
  return {
    "code.js": `${NOTE}\n/** Every stable number, by name. */\nexport const Code = Object.freeze({\n${script}});\n`,
    "code.d.ts": `${NOTE}\n/** Every stable number, by name. */\nexport declare const Code: {\n${types}};\n`,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(await written())) {
    await writeFile(new URL(`../src/${name}`, import.meta.url), text);
  }
}
