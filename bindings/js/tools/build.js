// Builds src/dormouse.wasm: the library of bindings/c, without std, for wasm32-unknown-unknown.
//
//     node tools/build.js              # with the tool chain that is there, or else with Debian's
//     node tools/build.js --debian     # with Debian's
//
// With rustup the target's own libraries are used, and downloaded if they are not there. Where that cannot be, Debian
// has what it takes in packages, which are unpacked below target/, not installed: a compiler, the sources of core and
// alloc, and a linker.

import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

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

/** Debian's compiler, unpacked: the folder, or an end with a sentence. */
function debian() {
  const folder = join(OUT, "debian");
  const done = join(folder, "done");
  if (existsSync(done)) {
    return folder;
  }
  for (const tool of ["apt-get", "dpkg-deb", "tar"]) {
    if (asked(tool, "--version") === undefined) {
      end(`There is no ${TARGET} for this tool chain, and no ${tool} to get Debian's. With rustup: rustup target add ${TARGET}`);
    }
  }
  if (asked("apt-cache", "show", "rustc-web") === undefined) {
    if (process.getuid?.() === 0) {
      run("apt-get", ["update", "-qq"]);
    } else {
      say("If Debian's packages are not found, its lists are missing: apt-get update");
    }
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const dev = unpack(folder, "libstd-rust-web-dev");
  const [runtime] = dev.match(/libstd-rust-web-[0-9.]+\d/) ?? end("libstd-rust-web-dev depends on no library");
  unpack(folder, runtime);
  unpack(folder, "rustc-web");
  // 340 MB, of which this is what is compiled.
  unpack(folder, "rust-web-src", ["--wildcards", "./usr/src/*/library", "./usr/lib/rustlib/src"]);
  const [, llvm] = rustc(folder, "-vV").match(/LLVM version: (\d+)/) ?? end("its rustc has no LLVM");
  unpack(folder, `lld-${llvm}`);
  unpack(folder, `libllvm${llvm}`);
  writeFileSync(done, "");
  return folder;
}

/** Downloads a package and unpacks it, or some of it. What it depends on. */
function unpack(folder, name, only = []) {
  say(`${name}, from Debian`);
  execFileSync("apt-get", ["download", "-qq", name], { cwd: folder, stdio: ["ignore", process.stderr, "ignore"] });
  const file = readdirSync(folder).find((file) => file.startsWith(`${name}_`)) ?? end(`${name} did not come`);
  const tar = spawnSync("dpkg-deb", ["--fsys-tarfile", file], { cwd: folder, maxBuffer: 2 ** 30 });
  execFileSync("tar", ["-x", ...only], { cwd: folder, input: tar.stdout, stdio: ["pipe", process.stderr, process.stderr] });
  const depends = execFileSync("dpkg-deb", ["-f", file, "Depends"], { cwd: folder, encoding: "utf8" });
  rmSync(join(folder, file));
  return depends;
}

function libraries(folder) {
  const llvm = readdirSync(join(folder, "usr/lib")).filter((name) => name.startsWith("llvm-"));
  return [join(folder, "usr/lib/x86_64-linux-gnu"), ...llvm.map((name) => join(folder, "usr/lib", name, "lib"))].join(":");
}

function rustc(folder, ...parameters) {
  return execFileSync(join(folder, "usr/bin/rustc"), parameters, {
    env: { ...process.env, LD_LIBRARY_PATH: libraries(folder) },
    encoding: "utf8",
  });
}

function withDebian() {
  const folder = debian();
  const llvm = readdirSync(join(folder, "usr/lib")).find((name) => name.startsWith("llvm-"));
  const env = {
    LD_LIBRARY_PATH: libraries(folder),
    RUSTC: join(folder, "usr/bin/rustc"),
    // The target's own libraries are compiled here, which a stable compiler does when it is told so.
    RUSTC_BOOTSTRAP: "1",
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: join(folder, "usr/lib", llvm, "bin/wasm-ld"),
  };
  return cargo(["-Zbuild-std=core,alloc"], env, join(OUT, "with-debian"));
}

function end(sentence) {
  say(sentence);
  process.exit(1);
}

if (asked("cargo", "--version") === undefined) {
  end("This needs cargo: a Rust tool chain of 1.85 or later.");
}
const built = process.argv.includes("--debian") || !own() ? withDebian() : cargo();
const bytes = readFileSync(built);
const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
if (imports.length > 0) {
  end(`It imports ${imports.map(({ module, name }) => `${module}.${name}`).join(", ")}, and may not.`);
}
copyFileSync(built, WASM);
say(`src/dormouse.wasm: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} with gzip`);
