// No token is ever shown, whatever is done to show it, but by `expose()` and in the header that it is for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import { Decoder, Watch, watch } from "../src/dormouse.js";

const HELLO = 'event: hello\ndata: {"watchLeaseId":"L","deviceWaitForViewerMs":5000,"heartbeatIntervalMs":4000}\n\n';
const WAKE = 'event: wake\ndata: {"url":"wss://relay.example/1?t=canary-url","token":"canary-wake\\u0000\\ufeff"}\n\n';

/** All that JavaScript has to make a text of a value. */
function shown(value) {
  const said = [
    String(value),
    `${value}`,
    JSON.stringify(value),
    JSON.stringify({ value, list: [value] }),
    inspect(value),
    inspect(value, { showHidden: true, depth: null, getters: true }),
    inspect(value, { showHidden: true, depth: null, customInspect: true, showProxy: true }),
    Object.entries(value).map(String).join(),
    JSON.stringify({ ...value }),
  ];
  // Logs of other threads and processes.
  try {
    said.push(inspect(structuredClone(value), { depth: null }));
  } catch (error) {
    said.push(inspect(error));
  }
  return said.join("\n");
}

function life() {
  const machine = new Watch("https://api.example.com", { token: "canary-device", seed: 1n, now: 0 });
  const actions = [];
  const drain = () => {
    do {
      actions.push(machine.poll());
      actions.push({ sentence: machine.describe() });
    } while (actions.at(-2).kind !== "sleep");
  };
  drain();
  machine.handleHead(1, 200, { "content-type": "text/event-stream" }, 1);
  machine.handleData(1, Buffer.from(HELLO), 2);
  drain();
  machine.handleTick(4000);
  drain();
  machine.handleData(1, Buffer.from(WAKE), 4001);
  drain();
  return { machine, actions };
}

test("nothing that comes out of a life shows a token", () => {
  const { machine, actions } = life();
  const kinds = new Set(actions.map(({ kind }) => kind));
  for (const kind of ["connect", "status", "report", "heartbeat", "wake", "disconnect", "sleep"]) {
    assert.ok(kinds.has(kind), kind);
  }
  for (const value of [machine, ...actions]) {
    assert.ok(!shown(value).includes("canary"), shown(value));
  }
});

test("tokens are where they belong, whole", () => {
  const { actions } = life();
  const wake = actions.find(({ kind }) => kind === "wake");
  assert.equal(wake.url, "wss://relay.example/1?t=canary-url");
  assert.equal(wake.token.expose(), "canary-wake\0\ufeff");
  const { token, url } = wake;
  assert.equal(String(token), "[secret]");
  assert.equal(url, wake.url);
  for (const kind of ["connect", "heartbeat"]) {
    const { headers } = actions.find((action) => action.kind === kind);
    assert.equal(new Headers([...headers]).get("authorization"), "Bearer canary-device");
    assert.equal(new Headers(headers).get("authorization"), "Bearer canary-device");
    assert.ok(JSON.parse(JSON.stringify(headers)).includes("authorization"));
  }
});

test("what comes out is frozen, the secret things too", () => {
  const { actions } = life();
  const wake = actions.find(({ kind }) => kind === "wake");
  const connect = actions.find(({ kind }) => kind === "connect");
  for (const value of [wake, wake.token, connect, connect.headers]) {
    assert.ok(Object.isFrozen(value));
  }
  [...connect.headers][0][1] = "changed";
  assert.ok(![...connect.headers].some(([, value]) => value === "changed"));
});

test("no error and no watch that runs by itself shows a token", () => {
  const said = [];
  const tried = (body) => {
    try {
      body();
      assert.fail("it was not refused");
    } catch (error) {
      said.push(inspect(error, { showHidden: true, depth: null }), JSON.stringify(error));
    }
  };
  const options = { seed: 1n, now: 0 };
  for (const token of ["canary canary", "canary\n", "canaryé", "canary".repeat(2000), "", 5, undefined]) {
    tried(() => new Watch("http://a", { ...options, token }));
    tried(() => watch("http://a", { token }));
    const machine = new Watch("http://a", { ...options, token: "canary" });
    tried(() => machine.handleNewToken(token, 1));
    const stream = watch("http://a", { token: "canary" });
    tried(() => stream.setToken(token));
    said.push(shown(machine), shown(stream));
  }
  tried(() => new Watch("http://user:canary@a", { ...options, token: "canary" }));
  said.push(shown(new Decoder()));
  assert.ok(!said.join("\n").includes("canary"), said.join("\n"));
});
