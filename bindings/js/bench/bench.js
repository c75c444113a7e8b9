// Bytes a second of an event stream, in Rust and through this package, in one run: `npm run bench`.
//
// A watch is open and takes in comments and events that mean nothing to it, in chunks of 1,400 bytes, as a network cuts
// them; after each chunk it is polled until it sleeps. stream.rs does the same, word for word.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { Watch } from "../src/dormouse.js";

const CHUNK = 1400;
const CHUNKS = 200_000;
const HELLO = 'event: hello\ndata: {"watchLeaseId":"L","deviceWaitForViewerMs":5000,"heartbeatIntervalMs":86400000}\n\n';
const BLOCK = ': alive\n\nevent: note\ndata: {"level":"info","text":"nothing of interest"}\n\n';

execFileSync("cargo", ["run", "--quiet", "--release", "--locked"], {
  cwd: fileURLToPath(new URL(".", import.meta.url)),
  stdio: "inherit",
});

const watch = new Watch("http://127.0.0.1", { token: "canary", seed: 1n, now: 0 });
const drain = () => {
  while (watch.poll().kind !== "sleep");
};
drain();
watch.handleHead(1, 200, { "content-type": "text/event-stream" }, 0);
watch.handleData(1, Buffer.from(HELLO), 0);
drain();
const stream = Buffer.from(BLOCK.repeat(CHUNK));
const chunks = Array.from({ length: BLOCK.length }, (_, at) => stream.subarray(at * CHUNK, (at + 1) * CHUNK));
const begun = performance.now();
for (let at = 0; at < CHUNKS; at++) {
  watch.handleData(1, chunks[at % chunks.length], 0);
  drain();
}
const seconds = (performance.now() - begun) / 1000;
console.log(`in JavaScript  ${((CHUNKS * CHUNK) / seconds / 1e6).toFixed(0).padStart(6)} MB/s`);
if (watch.stats.comments <= CHUNKS) {
  throw new Error("it was not read");
}

const wasm = readFileSync(new URL("../src/dormouse.wasm", import.meta.url));
console.log(`dormouse.wasm  ${wasm.length} bytes, ${gzipSync(wasm, { level: 9 }).length} with gzip`);
