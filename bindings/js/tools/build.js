// Builds src/dormouse.wasm: the library of bindings/c, without std, for wasm32-unknown-unknown.
//
//     node tools/build.js              # with the tool chain that is there, or else with Debian's
//     node tools/build.js --debian     # with Debian's
//
// With rustup the target's own libraries are used, and downloaded if they are not there. Where that cannot be, Debian
// has what it takes in packages, which are unpacked below target/, not installed: a compiler, the sources of core and
// alloc, and a linker.

import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";

const TARGET = "wasm32-unknown-unknown";
const HERE = join(dirname(fileURLToPath(import.meta.url)), "..");
const LIBRARY = join(HERE, "../c");
const OUT = process.env.CARGO_TARGET_DIR ?? join(HERE, "target");
const WASM = join(HERE, "src/dormouse.wasm");

function say(text) {
  process.stderr.write(`${text}\n`);
}

/** What a command says, or `undefined` if there is no such command or it fails. */
function asked(command, ...parameters) {
  const { status, stdout } = spawnSync(command, parameters, { cwd: LIBRARY, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

function run(command, parameters, env = {}) {
  execFileSync(command, parameters, {
    cwd: LIBRARY,
    env: { ...process.env, ...env },
    stdio: ["ignore", process.stderr, process.stderr],
  });
}

function cargo(more = [], env = {}, target = OUT) {
  run(
    "cargo",
    [
      "rustc", "--locked", "--lib", "--crate-type", "cdylib", "--profile", "small", "--no-default-features",
      "--target", TARGET, "--target-dir", target, ...more,
    ],
    env,
  );
  return join(target, TARGET, "small/dormouse.wasm");
}

/** Whether the tool chain has the target's libraries, perhaps after it was asked to get them. */
function own() {
  const there = () => {
    const folder = asked("rustc", "--print", "target-libdir", "--target", TARGET);
    return folder !== undefined && existsSync(folder) && readdirSync(folder).some((name) => name.startsWith("libcore-"));
  };
  if (there()) {
    return true;
  }
  if (asked("rustup", "--version") !== undefined) {
    say(`rustup target add ${TARGET}`);
    spawnSync("rustup", ["target", "add", TARGET], { cwd: LIBRARY, stdio: ["ignore", process.stderr, process.stderr] });
  }
  return there();
}
