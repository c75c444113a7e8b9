// Plays the vectors: journals that hold what goes into a watch and what has to come out.
//
// Each line with "in" is handed in; for each line with "out" one poll is made, and the action is written as such a line,
// from the public object alone, field by field. Every byte has to be the same.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { Watch } from "../src/dormouse.js";

const FEWEST = 90;
const FOLDER = new URL("../../../testkit/vectors/", import.meta.url);

const files = readdirSync(FOLDER).filter((name) => name.endsWith(".jsonl"));

test("all of the vectors are there", () => {
  assert.ok(files.length >= FEWEST, `${files.length} vectors are not all of them`);
});

for (const file of files) {
  test(file, () => play(readFileSync(new URL(file, FOLDER), "utf8")));
}

function play(text) {
  assert.ok(text.endsWith("\n"), "its last line was torn off");
  const lines = text.slice(0, -1).split("\n");
  const first = JSON.parse(lines[0]);
  assert.equal(first.dormouse_journal, 1);
  const watch = begin(first);
  let outputs = 0;
  for (const [at, line] of lines.entries()) {
    const object = JSON.parse(line);
    if (at === 0) {
      continue;
    }
    if (object.in !== undefined) {
      input(watch, object);
    } else if (object.out !== undefined) {
      const action = watch.poll();
      assert.equal(written(action), line, `line ${at + 1}`);
      check(watch, action);
      outputs++;
    } else {
      assert.fail(`line ${at + 1} is neither in nor out`);
    }
  }
  watch.close();
  assert.ok(outputs > 0, "nothing was asked of the watch");
}

// What goes in.

function begin(line) {
  return new Watch(line.base, {
    token: "x".repeat(line.token_len),
    seed: BigInt(`0x${line.seed}`),
    now: line.start,
    watchPath: line.watch_path,
    heartbeatPath: line.heartbeat_path,
    authScheme: line.auth_scheme,
    protocolVersion: line.protocol_version,
    lineLimit: line.line_limit,
    dataLimit: line.data_limit,
    guards: {
      flap: line.flap,
      connectBound: line.connect_bound,
      retryAfter: line.retry_after,
      jitter: line.jitter,
      window: line.window,
      hints: line.hints,
    },
    onUnauthorized: line.on_unauthorized,
  });
}

function input(watch, line) {
  switch (line.in) {
    case "tick":
      return watch.handleTick(line.at);
    case "head":
      return watch.handleHead(line.attempt, line.status, headers(line), line.at);
    case "data": {
      const bytes = line.hex === undefined ? Buffer.from(line.text) : Buffer.from(line.hex, "hex");
      return watch.handleData(line.attempt, bytes, line.at);
    }
    case "end":
      return watch.handleEnd(line.attempt, line.at);
    case "failed":
      return watch.handleFailed(line.attempt, line.cause, line.at);
    case "heartbeat_answer":
      return watch.handleHeartbeatAnswer(line.beat, line.status, line.at);
    case "heartbeat_failed":
      return watch.handleHeartbeatFailed(line.beat, line.cause, line.at);
    case "heartbeats_cancelled":
      return watch.handleHeartbeatsCancelled(line.at);
    case "sleep_again":
      return watch.handleSleepAgain(line.hand_over, line.at);
    case "hint":
      return watch.handleHint(line.hint, line.at);
    case "offline":
      return watch.handleOffline(line.offline, line.at);
    case "new_token":
      return watch.handleNewToken("x".repeat(line.token_len), line.at);
    case "stop":
      return watch.handleStop(line.at);
    default:
      assert.fail(`an input that nobody knows: ${line.in}`);
  }
}

function headers(line) {
  const all = new Headers();
  if (line.event_stream) {
    all.set("content-type", "text/event-stream");
  }
  if (line.compressed) {
    all.set("content-encoding", "gzip");
  }
  if (line.retry_after_s !== undefined) {
    all.set("retry-after", String(line.retry_after_s));
  }
  return all;
}

// What comes out. JSON.stringify writes text as a journal does, leaves out what is undefined, and keeps the order.

function written(action) {
  return JSON.stringify({ out: action.kind, ...fields(action) });
}

function fields(action) {
  switch (action.kind) {
    case "disconnect":
      return { attempt: action.attempt };
    case "abandon":
      return { beat: action.beat };
    case "connect":
      return { attempt: action.attempt, method: action.method, url: action.url };
    case "heartbeat":
      return { beat: action.beat, method: action.method, url: action.url, body: action.body };
    case "report":
      return { report: action.report, ...report(action) };
    case "status":
      return { code: action.code, status: action.status };
    case "wake":
      return {
        url: action.url,
        token_len: Buffer.byteLength(action.token.expose()),
        session: action.session,
        wait_for_viewer_ms: action.waitForViewerMs,
      };
    case "stop":
      return { code: action.code, reason: action.reason };
    case "sleep":
      return { until: action.until === Infinity ? undefined : action.until };
    default:
      assert.fail(`an action that nobody knows: ${action.kind}`);
  }
}

function report(action) {
  switch (action.report) {
    case "connected":
      return {
        attempt: action.attempt,
        took_ms: action.tookMs,
        heartbeat_interval_ms: action.heartbeatIntervalMs,
        wait_for_viewer_ms: action.waitForViewerMs,
      };
    case "oddity":
      return { attempt: action.attempt, oddity: action.oddity };
    case "heartbeat":
      return {
        beat: action.beat,
        took_ms: action.tookMs,
        accepted: action.accepted,
        ...(action.accepted ? {} : cause(action.cause)),
      };
    case "ended":
      return {
        attempt: action.attempt,
        phase: action.phase,
        ...cause(action.cause),
        ran_ms: action.ranMs,
        then: action.then,
        ...(action.delay && delay(action.delay)),
        reason: action.reason,
      };
    case "hand_over_failed":
      return delay(action.delay);
    case "held":
      return { wait_ms: action.waitMs };
    default:
      assert.fail(`a report that nobody knows: ${action.report}`);
  }
}

function cause({ codes: [code, fault_code, detail_code, part_code], name, httpStatus }) {
  return { code, fault_code, detail_code, part_code, cause: name, status: httpStatus };
}

function delay({ totalMs, rowMs, flapMs, retryAfterMs, windowMs }) {
  return {
    delay_ms: totalMs,
    row_ms: rowMs,
    flap_ms: flapMs,
    retry_after_ms: retryAfterMs,
    window_ms: windowMs,
  };
}

/** What the types promise of an action beside its fields. */
function check(watch, action) {
  assert.ok(Object.isFrozen(action));
  const sentence = watch.describe();
  assert.ok(sentence.length > 0);
  assert.ok(!sentence.includes("xxxx"), "a token in a sentence");
  if (action.kind === "sleep") {
    assert.equal(watch.deadline, action.until);
  }
}
