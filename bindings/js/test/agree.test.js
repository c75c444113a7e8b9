// What is written twice is the same: numbers, layouts, versions, and the types with what they are the types of.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { ACTION, HEADER } from "../src/action.js";
import { ITEM } from "../src/decoder.js";
import * as dormouse from "../src/dormouse.js";
import { CONFIG, STATS } from "../src/watch.js";
import { written } from "../tools/codes.js";

const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const header = read("../c/include/dormouse.h");

test("the codes are those of the header, which are core's", async () => {
  for (const [name, text] of Object.entries(await written())) {
    assert.equal(read(`src/${name}`), text, `${name}: npm run codes`);
  }
  assert.ok(Object.keys(dormouse.Code).length > 100);
  assert.equal(dormouse.Code.CONNECT_CONFLICT, 202);
});

const TYPES = {
  uint32_t: "u32",
  int32_t: "i32",
  uint64_t: "u64",
  size_t: "usize",
  "struct dormouse_slice": "slice",
  "const struct dormouse_header *": "pointer",
};

for (const [name, struct] of Object.entries({
  dormouse_action: ACTION,
  dormouse_header: HEADER,
  dormouse_config: CONFIG,
  dormouse_stats: STATS,
  dormouse_item: ITEM,
})) {
  test(`${name} has these fields, in this order`, () => {
    const [, body] = header.match(new RegExp(`typedef struct ${name} \\{\\n([^}]*)\\}`));
    const fields = [...body.matchAll(/^ +(\w[^;]*?)(\w+);$/gm)].map(([, type, field]) => [
      field,
      TYPES[type.trim()] ?? assert.fail(`a type that nobody knows: ${type}`),
    ]);
    assert.deepEqual(struct.fields, fields);
  });
}

test("one version everywhere", () => {
  const { version } = JSON.parse(read("package.json"));
  assert.equal(dormouse.version, version);
  assert.equal(JSON.parse(read("package-lock.json")).version, version);
  assert.ok(read("../c/Cargo.toml").includes(`\nversion = "${version}"\n`));
  assert.ok(read("../../Cargo.toml").includes(`[workspace.package]\nversion = "${version}"\n`));
});

test("the types are those of a strict user", () => {
  const run = (name, ...parameters) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url)), ...parameters],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stdout + stderr);
  };
  run("typescript/bin/tsc", "-p", fileURLToPath(new URL("types", import.meta.url)));
});

test("the types name what there is, and nothing else", () => {
  const types = read("src/dormouse.d.ts");
  const declared = [...types.matchAll(/^export (?:declare (?:class|function|const) (\w+)|\{ (\w+) \} from)/gm)];
  assert.deepEqual(declared.map(([, one, other]) => one ?? other).sort(), Object.keys(dormouse).sort());
  const stream = dormouse.watch("http://127.0.0.1", { token: "canary" });
  for (const [name, prototype] of Object.entries({
    Watch: dormouse.Watch.prototype,
    Decoder: dormouse.Decoder.prototype,
    WatchStream: Object.getPrototypeOf(stream),
  })) {
    const [, body] = types.match(new RegExp(`(?:class|interface) ${name} [^{]*\\{\\n([^]*?)\\n\\}`));
    const members = new Set([...body.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm)].map(([, member]) => member));
    members.delete("constructor");
    const there = Object.getOwnPropertyNames(prototype).filter((member) => member !== "constructor");
    assert.deepEqual([...members].sort(), there.sort(), name);
  }
});
