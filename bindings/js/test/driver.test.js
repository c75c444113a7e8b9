// A watch that runs by itself: against the reference server, and against one that is in the test's hands.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Code, watch } from "../src/dormouse.js";
import { Library } from "../src/library.js";
import { Lines, Peer, Process, Service, soon } from "./service.js";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
const hello = (interval = 60_000) =>
  `event: hello\ndata: {"watchLeaseId":"L","deviceWaitForViewerMs":5000,"heartbeatIntervalMs":${interval}}\n\n`;
const WAKE = 'event: wake\ndata: {"url":"ws://relay.example/1?t=canary-url","token":"canary-wake"}\n\n';

/** A device whose log is listened to, and whose events are collected. */
function device(context, base, options = {}) {
  const lines = new Lines();
  const stream = watch(base, { token: "canary-device", log: (line) => lines.push(line), ...options });
  context.after(() => {
    stream.close();
    assert.ok(!lines.all.includes("canary"), lines.all);
  });
  return { stream, lines };
}

/** Its next wake; what comes before it is passed over. */
async function wake(stream) {
  for (;;) {
    const { done, value } = await soon(stream.next(), "event");
    assert.ok(!done, "it ended");
    if (value.kind === "wake") {
      return value;
    }
  }
}

/** Asks for everything there will be. */
async function all(stream) {
  const events = [];
  for await (const event of stream) {
    events.push(event);
  }
  return events;
}

test("a day of a device", async (context) => {
  const service = await Service.start(context);
  const { stream, lines } = device(context, service.url);
  let next = wake(stream);
  await lines.next("attempt 1: connected");
  await lines.next("heartbeat 1: accepted");
  assert.equal(stream.status, "connected");

  const twin = device(context, service.url);
  const turned = all(twin.stream);
  await twin.lines.next("another client holds the lease (409)");
  twin.stream.stop();
  assert.deepEqual((await soon(turned, "end")).at(-1).reason, "requested");

  await service.wake();
  const first = await next;
  assert.equal(first.url, "wss://relay.example/1?t=canary-url");
  assert.equal(first.token.expose(), "canary-wake");
  assert.equal(first.waitForViewerMs, 60_000);
  next = wake(stream);
  await lines.next(": connected in");

  await service.restart();
  await lines.next("the connection broke");
  await lines.next(": connected in");
  await service.wake();
  await next;
  assert.equal(stream.stats.wakes, 2);

  next = all(stream);
  await lines.next(": connected in");
  stream.stop();
  assert.deepEqual(await soon(next, "end"), [
    { kind: "status", code: Code.STOP_REQUESTED, status: "stopped", reason: "requested" },
  ]);
  assert.equal(stream.status, "stopped");
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test("a stranger is refused, or parks and comes back with a new token", async (context) => {
  const service = await Service.start(context);
  const { stream } = device(context, service.url, { token: "canary-stranger" });
  const events = await soon(all(stream), "end");
  assert.deepEqual(events.at(-1), {
    kind: "status",
    code: Code.STOP_UNAUTHORIZED,
    status: "stopped",
    reason: "unauthorized",
  });

  const parked = device(context, service.url, { token: "canary-stranger", onUnauthorized: "park" });
  const seen = [];
  const end = (async () => {
    for await (const { status } of parked.stream) {
      seen.push(status);
      if (status === "unauthorized") {
        parked.stream.setToken("canary-device");
      } else if (status === "connected") {
        break;
      }
    }
  })();
  await soon(end, "hello", () => parked.lines.all);
  assert.deepEqual(seen.filter((status, at) => status !== seen[at - 1]).slice(0, 2), ["connecting", "unauthorized"]);
});

test("no more than the protocol, and a connection is closed when it is given up", async (context) => {
  const [peer, elsewhere] = [await Peer.start(context), await Peer.start(context)];
  const { stream, lines } = device(context, peer.url);
  const first = wake(stream);

  let request = await peer.request();
  assert.equal(request.first, "GET /v1/watch?protocolVersion=2.2.0 HTTP/1.1");
  assert.equal(request.headers.authorization, "Bearer canary-device");
  assert.equal(request.headers.accept, "text/event-stream");
  assert.equal(request.headers["accept-encoding"], "identity");
  assert.equal(request.headers["cache-control"], "no-store");
  assert.ok(!("cookie" in request.headers) && !("referer" in request.headers));
  request.socket.write(`HTTP/1.1 302 x\r\nLocation: ${elsewhere.url}/\r\nContent-Length: 0\r\n\r\n`);
  await lines.next("redirects are not followed");

  // Closed without an answer: a client that tries again by itself does so here.
  request = await peer.request();
  request.socket.destroy();
  await lines.next("attempt 2: the connection broke");

  const third = await peer.request();
  third.socket.write(HEAD + hello(4000));
  await lines.next("attempt 3: connected");
  const beat = await peer.request();
  assert.equal(beat.first, "POST /v1/watch/heartbeat HTTP/1.1");
  assert.equal(beat.headers.authorization, "Bearer canary-device");
  assert.equal(beat.headers["content-type"], "application/json");
  assert.equal(beat.body, '{"watchLeaseId":"L"}');
  // The answer counts at once, although its body never ends.
  beat.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  await lines.next("heartbeat 1: accepted");
  await soon(beat.closed, "end of the heartbeat");

  // What comes after a wake is not read, and the connection is closed with the stream still open.
  third.socket.write(`${WAKE}: more\n`);
  assert.equal((await soon(first, "wake")).url, "ws://relay.example/1?t=canary-url");
  await soon(third.closed, "end of the stream");
  assert.equal(stream.stats.connects, 3);
  assert.equal(elsewhere.open.size + elsewhere.unread, 0, "a redirect was followed");
});

for (const [how, leave] of [
  ["stop()", ({ stream }) => stream.stop()],
  ["close()", ({ stream }) => stream.close()],
  ["return()", ({ stream }) => stream.return()],
  ["an abort", ({ control }) => control.abort(new Error("canary"))],
]) {
  test(`${how} closes the stream and the heartbeat at once, and ends the events`, async (context) => {
    const peer = await Peer.start(context);
    const control = new AbortController();
    const { stream, lines } = device(context, peer.url, { signal: control.signal });
    const end = all(stream);
    const open = await peer.request();
    open.socket.write(HEAD + hello(1000));
    await lines.next("attempt 1: connected");
    const beat = await peer.request();
    leave({ stream, control });
    await soon(Promise.all([open.closed, beat.closed]), "end of both");
    await soon(end, "end of the events");
    assert.equal(stream.status, "stopped");
    // Node opens a connection anew where one was aborted; it closes it some seconds later, and nothing goes over it.
    assert.equal(peer.unread, 0);
    // All of it may be said again.
    leave({ stream, control });
    stream.setToken("canary");
    stream.offline(true);
    stream.resumed();
    assert.equal((await stream.next()).done, true);
  });
}

test("leaving the loop closes everything", async (context) => {
  const peer = await Peer.start(context);
  const { stream } = device(context, peer.url);
  const loop = (async () => {
    for await (const { status } of stream) {
      if (status === "connected") {
        break;
      }
    }
  })();
  const open = await peer.request();
  open.socket.write(HEAD + hello());
  await soon(loop, "hello");
  await soon(open.closed, "end of the stream");
  assert.equal(stream.status, "stopped");
});

test("one that was stopped, or aborted, before its first event connects to nothing", async (context) => {
  const peer = await Peer.start(context);
  const stopped = device(context, peer.url).stream;
  stopped.stop();
  const aborted = device(context, peer.url, { signal: AbortSignal.abort() }).stream;
  for (const stream of [stopped, aborted]) {
    const events = await soon(all(stream), "end");
    assert.deepEqual(events.map(({ status }) => status), ["stopped"]);
  }
  assert.equal(peer.open.size + peer.unread, 0);
});

test("a hand-over that failed is told, and the events that were asked for in advance come in their order", async (context) => {
  const peer = await Peer.start(context);
  const { stream, lines } = device(context, peer.url);
  const first = wake(stream);
  (await peer.request()).socket.write(HEAD + hello() + WAKE);
  await soon(first, "wake");
  stream.handOverFailed();
  const ahead = [stream.next(), stream.next(), stream.next()];
  // The machine's own words: what follows is a hand-over that failed.
  await lines.next("the wake came to nothing");
  (await peer.request()).socket.write(HEAD + hello() + WAKE);
  // It was asked for more than the wake, and so goes back to sleep.
  await lines.next("woken");
  (await peer.request()).socket.write(HEAD + hello());
  await lines.next(": connected in");
  stream.stop();
  const events = (await soon(Promise.all(ahead), "events", () => lines.all)).map(({ value }) => value);
  assert.equal(events.filter((event) => event?.kind === "wake").length, 1);
  assert.deepEqual(stream.stats.handOversFailed, 1);
});

test("offline asks for nothing; back again it connects", async (context) => {
  const peer = await Peer.start(context);
  const { stream, lines } = device(context, peer.url);
  stream.offline(true);
  const end = all(stream);
  await soon(new Promise((resolve) => setImmediate(resolve)), "turn");
  assert.equal(peer.open.size, 0);
  assert.equal(stream.stats.connects, 0);
  stream.offline(false);
  (await peer.request()).socket.write(HEAD + hello());
  await lines.next(": connected in");
  stream.networkChanged();
  (await peer.request()).socket.write(HEAD + hello());
  await lines.next(": connected in");
  stream.stop();
  await soon(end, "end");
});

test("what the network does has a name", async (context) => {
  const peer = await Peer.start(context);
  const gone = peer.url;
  const nobody = await Peer.start(context);
  await nobody.stop();
  for (const [base, answer, said] of [
    [nobody.url, undefined, "no connection"],
    ["http://nobody.invalid", undefined, "name"],
    [gone, "nonsense\r\n\r\n", "HTTP"],
    [gone, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", "event stream"],
    [gone, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: br\r\n\r\n", "compressed"],
    [gone, "HTTP/1.1 503 x\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", "503"],
    [gone, `${HEAD}data: x\n\n`, "end"],
  ]) {
    const { stream, lines } = device(context, base);
    const end = all(stream);
    if (answer !== undefined) {
      const { socket } = await peer.request();
      socket.end(answer);
    }
    const line = await lines.next("; connecting again in");
    assert.ok(line.includes(said), `${answer ?? base}: ${line}`);
    stream.stop();
    await soon(end, "end");
  }
});

/** A fetch that answers each request with what it is given. */
const answering = (make) => async (url, { method, signal }) => {
  assert.equal(method, "GET");
  return new Response(make(signal), { headers: { "content-type": "text/event-stream" } });
};

test("a server that never stops talking does not hold up the timers", async (context) => {
  const bytes = new TextEncoder();
  const talk = () =>
    new ReadableStream({
      start: (control) => control.enqueue(bytes.encode(hello())),
      // Without ever waiting for anything.
      pull: (control) => control.enqueue(bytes.encode(": and another thing\n\n")),
    });
  const { stream } = device(context, "http://127.0.0.1", { fetch: answering(talk) });
  const end = all(stream);
  await new Promise((resolve) => setTimeout(resolve, 1));
  stream.stop();
  await soon(end, "end");
  assert.ok(stream.stats.comments > 0);
});

test("a fetch that is none is a failure, told to whoever waits, and the end", async (context) => {
  for (const fetch of [
    async () => ({}),
    async () => undefined,
    async () => ({ status: "200", headers: new Headers() }),
    async () => ({ status: 200, headers: { a: 5 } }),
    answering(() => new ReadableStream({ start: (control) => control.enqueue("a text") })),
  ]) {
    const { stream } = device(context, "http://127.0.0.1", { fetch });
    await soon(assert.rejects(all(stream), TypeError), "failure");
    assert.equal(stream.status, "stopped");
    assert.equal((await stream.next()).done, true);
  }
  for (const fetch of [
    async () => Promise.reject(new Error("canary")),
    async () => Promise.reject(undefined),
    () => {
      throw new TypeError("fetch failed");
    },
  ]) {
    const { stream, lines } = device(context, "http://127.0.0.1", { fetch });
    const end = all(stream);
    await lines.next("; connecting again in");
    stream.stop();
    await soon(end, "end");
  }
});

test("the log may call back, and may throw, which is for the application to hear", async () => {
  const script = `
    import { watch } from ${JSON.stringify(new URL("../src/dormouse.js", import.meta.url).href)};
    process.on("uncaughtException", ({ message }) => console.log("uncaught:", message));
    const stream = watch("http://nobody.invalid", {
      token: "canary",
      log: (line) => {
        if (line === "connecting") throw new Error("of the application's own");
        if (line.includes("; connecting again in")) stream.stop();
      },
    });
    for await (const { status } of stream) console.log(status);
  `;
  const child = new Process(process.execPath, ["--input-type=module", "-e", script]);
  assert.equal(await child.end(), 0, child.lines.all);
  assert.match(child.lines.all, /uncaught: of the application's own/);
  assert.ok(child.lines.all.endsWith("stopped"), child.lines.all);
});

test("nothing is left behind that keeps a process alive", async () => {
  const script = `
    import { watch } from ${JSON.stringify(new URL("../src/dormouse.js", import.meta.url).href)};
    const stream = watch("http://127.0.0.1:1", { token: "canary", log: console.log });
    await stream.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    stream.close();
  `;
  const child = new Process(process.execPath, ["--input-type=module", "-e", script]);
  assert.equal(await child.end(), 0, child.lines.all);
});

test("a wake that arrived while nobody ran comes before the deadlines that passed meanwhile", async (context) => {
  const bytes = new TextEncoder();
  let open;
  const talk = () =>
    new ReadableStream({
      start: (control) => {
        open = control;
        control.enqueue(bytes.encode(hello(1000)));
      },
    });
  const { stream, lines } = device(context, "http://127.0.0.1", { fetch: answering(talk) });
  const next = wake(stream);
  await lines.next("attempt 1: connected");
  // For longer than the read deadline. The wake is there, but the timers that are due come up first.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2600);
  setImmediate(() => setImmediate(() => open.enqueue(bytes.encode(WAKE))));
  await soon(next, "wake");
  assert.ok(lines.all.includes("attempt 1: woken"), lines.all);
  assert.equal(stream.stats.connects, 1);
});

// This one leaves a library behind that is broken, and so is the last.
test("a mistake of the library's own ends what lives in it, and nothing else", async (context) => {
  const peer = await Peer.start(context);
  const { stream, lines } = device(context, peer.url);
  const end = all(stream);
  const open = await peer.request();
  open.socket.write(HEAD + hello());
  await lines.next("attempt 1: connected");
  const library = Library.present;
  const broken = { code: Code.E_BROKEN };
  assert.throws(() => library.raw("watch_tick", 0xfffffff8, 0n), broken);
  assert.throws(() => library.raw("version"), broken);
  stream.networkChanged();
  await soon(assert.rejects(end, broken), "failure");
  await soon(open.closed, "end of the stream");

  assert.notEqual(Library.present, library);
  const other = device(context, peer.url);
  const next = wake(other.stream);
  (await peer.request()).socket.write(HEAD + hello() + WAKE);
  await soon(next, "wake");
});
