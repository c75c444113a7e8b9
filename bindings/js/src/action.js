// What a poll gives, as an object: the library's flat struct, with the fields that apply and no others.

import { Code } from "./code.js";
import { Struct, View } from "./library.js";
import { RequestHeaders, Wake } from "./secret.js";

export const HEADER = new Struct([["name", "slice"], ["value", "slice"]]);

export const ACTION = new Struct([
  ["kind", "u32"],
  ["code", "u32"],
  ["name", "slice"],
  ["attempt", "u64"],
  ["beat", "u64"],
  ["until_ms", "u64"],
  ["method", "slice"],
  ["url", "slice"],
  ["headers", "pointer"],
  ["header_count", "usize"],
  ["body", "slice"],
  ["token", "slice"],
  ["session", "slice"],
  ["wait_for_viewer_ms", "u64"],
  ["report", "u32"],
  ["phase", "u32"],
  ["fault_code", "u32"],
  ["detail_code", "u32"],
  ["part_code", "u32"],
  ["http_status", "i32"],
  ["accepted", "u32"],
  ["then", "u32"],
  ["reason", "u32"],
  ["has_delay", "u32"],
  ["delay_ms", "u64"],
  ["row_ms", "u64"],
  ["flap_ms", "u64"],
  ["retry_after_ms", "u64"],
  ["window_ms", "u64"],
  ["took_ms", "u64"],
  ["heartbeat_interval_ms", "u64"],
  ["ran_ms", "u64"],
  ["wait_ms", "u64"],
]);

/** The action at `pointer`. */
export function action(library, pointer) {
  const flat = new View(ACTION, library, pointer);
  switch (flat.u32("kind")) {
    case Code.ACTION_DISCONNECT:
      return Object.freeze({ kind: "disconnect", attempt: flat.u64("attempt") });
    case Code.ACTION_ABANDON:
      return Object.freeze({ kind: "abandon", beat: flat.u64("beat") });
    case Code.ACTION_CONNECT:
      return Object.freeze({ kind: "connect", attempt: flat.u64("attempt"), ...request(library, flat) });
    case Code.ACTION_HEARTBEAT:
      return Object.freeze({
        kind: "heartbeat",
        beat: flat.u64("beat"),
        ...request(library, flat),
        body: flat.text("body"),
      });
    case Code.ACTION_REPORT:
      return Object.freeze({ kind: "report", ...report(library, flat) });
    case Code.ACTION_STATUS:
      return Object.freeze(status(library, flat));
    case Code.ACTION_WAKE:
      return new Wake({
        url: flat.text("url"),
        token: flat.text("token"),
        session: flat.text("session"),
        waitForViewerMs: flat.u64("wait_for_viewer_ms"),
      });
    case Code.ACTION_STOP:
      return Object.freeze({ kind: "stop", code: flat.u32("code"), reason: flat.text("name") });
    default:
      return Object.freeze({ kind: "sleep", until: flat.time("until_ms") });
  }
}

function request(library, flat) {
  const first = flat.u32("headers");
  const headers = Array.from({ length: flat.u32("header_count") }, (_, at) => {
    const header = new View(HEADER, library, first + at * HEADER.size);
    return [header.text("name"), header.text("value")];
  });
  return { method: flat.text("method"), url: flat.text("url"), headers: new RequestHeaders(headers) };
}

function status(library, flat) {
  const [code, name] = [flat.u32("code"), flat.text("name")];
  const all = { kind: "status", code, status: name };
  // The codes of an end are those of its reason.
  return name === "stopped" ? { ...all, reason: library.name(code) } : all;
}

function report(library, flat) {
  switch (flat.u32("report")) {
    case Code.REPORT_CONNECTED:
      return {
        report: "connected",
        attempt: flat.u64("attempt"),
        tookMs: flat.u64("took_ms"),
        heartbeatIntervalMs: flat.u64("heartbeat_interval_ms"),
        waitForViewerMs: flat.u64("wait_for_viewer_ms"),
      };
    case Code.REPORT_ODDITY:
      return {
        report: "oddity",
        attempt: flat.u64("attempt"),
        code: flat.u32("code"),
        oddity: flat.text("name"),
      };
    case Code.REPORT_HEARTBEAT: {
      const accepted = flat.u32("accepted") === 1;
      const answer = { report: "heartbeat", beat: flat.u64("beat"), tookMs: flat.u64("took_ms"), accepted };
      return accepted ? answer : { ...answer, cause: cause(flat) };
    }
    case Code.REPORT_ENDED: {
      const then = flat.u32("then");
      return {
        report: "ended",
        attempt: flat.u64("attempt"),
        phase: flat.u32("phase") === Code.PHASE_WATCH ? "watch" : "connect",
        cause: cause(flat),
        ranMs: flat.u64("ran_ms"),
        then: library.name(then),
        ...(flat.u32("has_delay") === 1 && { delay: delay(flat) }),
        ...(then === Code.THEN_STOP && { reason: library.name(flat.u32("reason")) }),
      };
    }
    case Code.REPORT_HAND_OVER_FAILED:
      return { report: "hand_over_failed", delay: delay(flat) };
    case Code.REPORT_HELD:
      return { report: "held", waitMs: flat.u64("wait_ms") };
    // One that is newer than this file; `describe()` says it in words.
    default:
      return { report: "other" };
  }
}

function cause(flat) {
  const codes = ["code", "fault_code", "detail_code", "part_code"].map((field) => flat.u32(field));
  const httpStatus = flat.i32("http_status");
  return Object.freeze({
    codes: Object.freeze(codes.filter((code) => code !== 0)),
    name: flat.text("name"),
    ...(httpStatus >= 0 && { httpStatus }),
  });
}

function delay(flat) {
  return Object.freeze({
    totalMs: flat.u64("delay_ms"),
    rowMs: flat.u64("row_ms"),
    flapMs: flat.u64("flap_ms"),
    retryAfterMs: flat.u64("retry_after_ms"),
    windowMs: flat.u64("window_ms"),
  });
}
