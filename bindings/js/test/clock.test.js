// The clock, over clocks that the test moves; and the names of faults.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Clock } from "../src/clock.js";
import { fault, sentence } from "../src/transport.js";

function clock(drifts) {
  const hands = { steady: 500.25, counting: 7_000_000 };
  return { hands, clock: new Clock({ steady: () => hands.steady, counting: () => hands.counting, drifts }) };
}

for (const drifts of [false, true]) {
  test(`time asleep counts, and is reported once${drifts ? ", by the wall clock too" : ""}`, () => {
    const { hands, clock: it } = clock(drifts);
    assert.equal(it.now(), 0);
    hands.steady += 1000.5;
    hands.counting += 1000;
    assert.equal(it.now(), 1000);
    assert.equal(it.resumed(), false);
    hands.steady += 10;
    hands.counting += 3_600_010;
    assert.ok(Math.abs(it.now() - 3_601_010) <= 1);
    assert.equal(it.resumed(), true);
    assert.equal(it.resumed(), false);
    hands.steady += 10;
    hands.counting += 10;
    assert.ok(Math.abs(it.now() - 3_601_020) <= 1);
  });
}

test("a coarse clock is no suspend, however long it is looked at", () => {
  const { hands, clock: it } = clock(false);
  for (let at = 0; at < 10_000; at++) {
    hands.steady += 100;
    hands.counting = 7_000_000 + Math.floor((at * 100) / 1000) * 1000;
    it.now();
  }
  assert.equal(it.resumed(), false);
  assert.equal(it.now(), 1_000_000);
});

test("a wall clock that drifts, or is set back, is no suspend and no way back", () => {
  const { hands, clock: it } = clock(true);
  let before = 0;
  for (let at = 0; at < 10_000; at++) {
    hands.steady += 60_000;
    hands.counting += 60_100;
    const now = it.now();
    assert.ok(now >= before);
    before = now;
  }
  hands.counting -= 86_400_000;
  assert.ok(it.now() >= before);
  assert.equal(it.resumed(), false);
});

test("what Node says has a name of ours, however deep it is", () => {
  const error = (code) => Object.assign(new Error("canary"), { code });
  for (const [code, name] of [
    ["ENOTFOUND", "resolve"],
    ["EAI_AGAIN", "resolve"],
    ["ECONNREFUSED", "connect"],
    ["UND_ERR_CONNECT_TIMEOUT", "connect"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
    ["HPE_INVALID_CONSTANT", "http"],
    ["ECONNRESET", "broken"],
    ["UND_ERR_SOCKET", "broken"],
    ["ESOMETHING", "other"],
  ]) {
    const outer = new TypeError("fetch failed", { cause: new AggregateError([error(code)]) });
    assert.equal(fault(outer, false), name, code);
    assert.equal(fault(error(code), false), name, code);
    assert.equal(sentence(outer), code);
  }
  assert.equal(fault(new TypeError("Failed to fetch"), false), "other");
  assert.equal(fault(new TypeError("network error"), true), "broken");
  const round = new Error("canary");
  round.cause = round;
  for (const odd of [round, undefined, null, 5, "canary", {}]) {
    assert.equal(fault(odd, false), "other");
    assert.ok(!sentence(odd).includes("canary"));
  }
});
