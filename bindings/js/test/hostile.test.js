// A caller that gets everything wrong: each call is refused with an error, and nothing has changed.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { ClosedError, Code, Decoder, DormouseError, Watch, watch } from "../src/dormouse.js";

const fresh = () => new Watch("https://api.example.com", { token: "canary", seed: 1n, now: 1000 });
const OPTIONS = { token: "canary", seed: 1n, now: 0 };

/** What is not what it should be, whatever that is. */
const ODD = [undefined, null, true, "1", 1n, Symbol("s"), {}, [], () => 1, NaN, -1, 0.5, Infinity, 2 ** 53, new Date()];
const throws = (body, what) =>
  assert.throws(body, (error) => error instanceof TypeError || error instanceof RangeError, what);

/** All that can be seen of a watch. */
const seen = (watch) => JSON.stringify([watch.status, watch.isOffline, watch.deadline, watch.stats]);

const INPUTS = {
  handleTick: [1001],
  handleHead: [1, 200, { "content-type": "text/event-stream" }, 1001],
  handleData: [1, new Uint8Array(4), 1001],
  handleEnd: [1, 1001],
  handleFailed: [1, "tls", 1001],
  handleHeartbeatAnswer: [1, 200, 1001],
  handleHeartbeatFailed: [1, "broken", 1001],
  handleHeartbeatsCancelled: [1001],
  handleSleepAgain: ["done", 1001],
  handleHint: ["resumed", 1001],
  handleOffline: [true, 1001],
  handleNewToken: ["canary", 1001],
  handleStop: [1001],
};

test("every input is in the table", () => {
  const names = Object.getOwnPropertyNames(Watch.prototype).filter((name) => name.startsWith("handle"));
  assert.deepEqual(names, Object.keys(INPUTS));
});

for (const [name, good] of Object.entries(INPUTS)) {
  test(`${name} takes nothing that is odd`, () => {
    const machine = fresh();
    const before = seen(machine);
    for (let at = 0; at < good.length; at++) {
      // Objects are headers, if empty ones; true is a truth.
      const fine = (odd) =>
        (name === "handleHead" && at === 2 && typeof odd === "object" && odd !== null) ||
        (name === "handleOffline" && at === 0 && odd === true) ||
        (name === "handleNewToken" && at === 0 && odd === "1");
      for (const odd of ODD.filter((odd) => !fine(odd))) {
        const parameters = good.with?.(at, odd) ?? [...good.slice(0, at), odd, ...good.slice(at + 1)];
        throws(() => machine[name](...parameters), `${name}(${parameters.map(String)})`);
      }
    }
    throws(() => machine[name]());
    assert.equal(seen(machine), before);
    machine[name](...good);
    machine.close();
    assert.throws(() => machine[name](...good), ClosedError);
    assert.throws(() => Watch.prototype[name].call({}, ...good), TypeError);
  });
}

test("names are taken from the list, not from what every object has", () => {
  const machine = fresh();
  for (const name of ["constructor", "__proto__", "toString", "", "TLS"]) {
    throws(() => machine.handleFailed(1, name, 1001));
    throws(() => machine.handleHint(name, 1001));
    throws(() => machine.handleSleepAgain(name, 1001));
    throws(() => new Watch("http://a", { ...OPTIONS, onUnauthorized: name }));
    throws(() => new Watch("http://a", { ...OPTIONS, guards: { [name]: true, flap: "x" } }));
  }
});

test("a watch is made of what it needs and of nothing else", () => {
  for (const odd of ODD.filter((odd) => odd !== undefined)) {
    throws(() => new Watch("http://a", odd));
    throws(() => new Watch(typeof odd === "string" ? null : odd, OPTIONS));
    for (const name of ["watchPath", "heartbeatPath", "authScheme", "protocolVersion"]) {
      if (typeof odd !== "string") {
        throws(() => new Watch("http://a", { ...OPTIONS, [name]: odd }), name);
      }
    }
    for (const name of ["lineLimit", "dataLimit"]) {
      throws(() => new Watch("http://a", { ...OPTIONS, [name]: odd }), name);
      throws(() => new Decoder({ [name]: odd }));
    }
    if (typeof odd !== "bigint") {
      throws(() => new Watch("http://a", { ...OPTIONS, seed: odd }), "seed");
    }
    throws(() => new Watch("http://a", { ...OPTIONS, now: odd }), "now");
    throws(() => new Watch("http://a", { ...OPTIONS, [String(odd)]: 1 }));
  }
  throws(() => new Watch("http://a", { ...OPTIONS, seed: 2n ** 64n }));
  throws(() => new Watch("http://a", { ...OPTIONS, seed: -1n }));
  throws(() => Watch("http://a", OPTIONS));
  new Watch("http://a", { ...OPTIONS, seed: 2n ** 64n - 1n, now: Number.MAX_SAFE_INTEGER }).close();
});

test("what the library refuses says what is wrong, by its code and in a sentence", () => {
  const refused = (options, code, base = "http://a") =>
    assert.throws(
      () => new Watch(base, { ...OPTIONS, ...options }),
      (error) => error instanceof DormouseError && error.code === code && error.message.length > 10,
    );
  for (const base of ["", "a", "ftp://a", "http://", "http://u@a", "http://a?q", "http://a#f", "http://\ud800"]) {
    refused({}, Code.E_BASE, base);
  }
  refused({ watchPath: "watch" }, Code.E_PATH);
  refused({ heartbeatPath: "" }, Code.E_PATH);
  refused({ authScheme: "a b" }, Code.E_AUTH_SCHEME);
  refused({ protocolVersion: "" }, Code.E_PROTOCOL_VERSION);
  refused({ lineLimit: 0 }, Code.E_LIMIT);
  refused({ dataLimit: 2 ** 32 - 1 }, Code.E_LIMIT);
  refused({ watchPath: `/${"x".repeat(3000)}` }, Code.E_TOO_LONG);
  refused({ token: "" }, Code.E_TOKEN_EMPTY);
  refused({ token: "x".repeat(8193) }, Code.E_TOKEN_TOO_LONG);
  refused({ token: "canary\n" }, Code.E_TOKEN_LINE_BREAK);
  refused({ token: "cana ry" }, Code.E_TOKEN_FORBIDDEN);
  // More than fits where the arguments of most calls go.
  refused({ token: "x".repeat(1_000_000), watchPath: `/${"x".repeat(1_000_000)}` }, Code.E_TOO_LONG);
});

test("a closed one is closed, however often", () => {
  const machine = fresh();
  const decoder = new Decoder();
  for (let times = 0; times < 3; times++) {
    machine.close();
    decoder.close();
  }
  for (const body of [
    () => machine.poll(),
    () => machine.describe(),
    () => machine.status,
    () => machine.isOffline,
    () => machine.deadline,
    () => machine.stats,
    () => decoder.decode(new Uint8Array(1)),
    () => decoder.lastEventId,
    () => decoder.reset(),
  ]) {
    assert.throws(body, ClosedError);
  }
  if (Symbol.dispose) {
    fresh()[Symbol.dispose]();
    new Decoder()[Symbol.dispose]();
  }
});

test("whoever closes it from within an argument closes it before the call", () => {
  const machine = fresh();
  const headers = {
    *[Symbol.iterator]() {
      machine.close();
      yield ["content-type", "text/event-stream"];
    },
  };
  assert.throws(() => machine.handleHead(1, 200, headers, 1001), ClosedError);
  assert.throws(() => machine.handleHead(1, 200, headers, 1001), ClosedError);
});

test("headers that throw, lie or go wrong", () => {
  const machine = fresh();
  const before = seen(machine);
  const broken = {
    *[Symbol.iterator]() {
      yield ["a", "b"];
      throw new Error("in the middle");
    },
  };
  assert.throws(() => machine.handleHead(1, 200, broken, 1001), /in the middle/);
  for (const odd of [[["a"]], [[1, 2]], [5], [null], { a: 5 }, [["a", Symbol("s")]]]) {
    throws(() => machine.handleHead(1, 200, odd, 1001));
  }
  assert.equal(seen(machine), before);
  machine.poll();
  const many = Array.from({ length: 20_000 }, (_, at) => [`x-${at}`, "y".repeat(100)]);
  machine.handleHead(1, 200, [...many, ["content-type", "text/event-stream"]], 1001);
  machine.handleData(1, Buffer.from("event: nothing\ndata: x\n\n"), 1002);
  assert.equal(machine.stats.eventsIgnored, 1);
});

test("bytes of any view, of any length, cut anywhere", () => {
  const machine = fresh();
  machine.poll();
  machine.handleHead(1, 200, { "content-type": "text/event-stream" }, 1001);
  const line = Buffer.from(": alive\n\n");
  const data = (bytes) => machine.handleData(1, bytes, 1002);
  data(new DataView(line.buffer, line.byteOffset, line.length));
  data(new Uint8Array(new SharedArrayBuffer(0)));
  const shared = new Uint8Array(new SharedArrayBuffer(line.length));
  shared.set(line);
  data(shared);
  for (const byte of line) {
    data(Uint8Array.of(byte));
  }
  assert.equal(machine.stats.comments, 3);
  // Its memory has to grow for this, more than once.
  data(Buffer.from(`${": alive\n\n".repeat(1_000_000)}`));
  data(Buffer.alloc(64 * 1024 * 1024, ":\n"));
  assert.equal(machine.stats.comments, 3 + 1_000_000 + 32 * 1024 * 1024);
  const moved = new Uint8Array(8);
  structuredClone(moved.buffer, { transfer: [moved.buffer] });
  throws(() => data(moved));
  throws(() => data(new ArrayBuffer(8)));
  throws(() => data({ buffer: line.buffer, byteOffset: 0, byteLength: 2 ** 40 }));
});

test("a decoder keeps to its limits and to the standard", () => {
  const decoder = new Decoder({ lineLimit: 1024, dataLimit: 1024 });
  assert.deepEqual(decoder.decode(Buffer.from("\ufeffid: 7\ndata: \ufeffa\ndata: b\n\n:\nretry: 5\n\n")), [
    { kind: "event", name: "message", data: "\ufeffa\nb", id: "7" },
    { kind: "comment" },
    { kind: "retry", retryMs: 5 },
  ]);
  assert.equal(decoder.lastEventId, "7");
  const limit = { kind: "limit", code: Code.LIMIT_LINE, limit: "line" };
  assert.deepEqual(decoder.decode(Buffer.from(`data: ${"x".repeat(2000)}`)), [limit]);
  assert.deepEqual(decoder.decode(Buffer.from("data: x\n\n")), [limit]);
  decoder.reset();
  assert.deepEqual(decoder.decode(Buffer.from("data: x\n\n")), [
    { kind: "event", name: "message", data: "x", id: "7" },
  ]);
  throws(() => new Decoder({ lineLimit: 0 }));
  for (const odd of ODD) {
    throws(() => decoder.decode(odd));
  }
});

test("a watch that runs by itself is made of what it needs and of nothing else", () => {
  for (const odd of ODD) {
    throws(() => watch("http://a", odd));
    if (typeof odd !== "string") {
      throws(() => watch(odd, { token: "canary" }));
    }
    if (odd !== undefined) {
      throws(() => watch("http://a", { token: "canary", signal: odd }), "signal");
      throws(() => watch("http://a", { token: "canary", seed: odd }));
      if (typeof odd !== "function") {
        throws(() => watch("http://a", { token: "canary", log: odd }));
        throws(() => watch("http://a", { token: "canary", fetch: odd }));
      }
    }
  }
});

test("what is forgotten is freed, and its memory used again", () => {
  const script = `
    import { Watch } from ${JSON.stringify(new URL("../src/dormouse.js", import.meta.url).href)};
    import { Library } from ${JSON.stringify(new URL("../src/library.js", import.meta.url).href)};
    const make = () => {
      for (let at = 0; at < 2000; at++) {
        new Watch("http://a", { token: "x".repeat(8000), seed: 1n, now: 0 }).poll();
      }
    };
    // Finalizers run in a later turn of the event loop.
    const collect = async () => { for (let at = 0; at < 10; at++) { gc(); await new Promise(setImmediate); } };
    make(); await collect();
    const size = Library.present.bytes.length;
    for (let at = 0; at < 5; at++) { make(); await collect(); }
    console.log(Library.present.bytes.length - size);
  `;
  const run = spawnSync(process.execPath, ["--expose-gc", "--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  assert.ok(Number(run.stdout) <= 2000 * 8000, `it grew by ${run.stdout}`);
});
