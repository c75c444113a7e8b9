// The watch: the whole protocol, without any I/O. One method for each kind of input, one to poll, some to look.

import { action, HEADER } from "./action.js";
import * as check from "./check.js";
import { Code } from "./code.js";
import { DormouseError } from "./error.js";
import { Handle, Library, Struct, View } from "./library.js";

export const CONFIG = new Struct([
  ["size", "usize"],
  ["base", "slice"],
  ["watch_path", "slice"],
  ["heartbeat_path", "slice"],
  ["auth_scheme", "slice"],
  ["protocol_version", "slice"],
  ["line_limit", "usize"],
  ["data_limit", "usize"],
  ["guards_off", "u32"],
  ["on_unauthorized", "u32"],
]);

export const STATS = new Struct([
  ["connects", "u64"],
  ["hellos", "u64"],
  ["wakes", "u64"],
  ["hand_overs_failed", "u64"],
  ["heartbeats", "u64"],
  ["heartbeats_accepted", "u64"],
  ["heartbeats_skipped", "u64"],
  ["comments", "u64"],
  ["events_ignored", "u64"],
  ["connects_held", "u64"],
  ["hints_ignored", "u64"],
  ["stale", "u64"],
  ["out_of_place", "u64"],
]);

const TEXTS = { watchPath: "watch_path", heartbeatPath: "heartbeat_path", authScheme: "auth_scheme", protocolVersion: "protocol_version" };
const LIMITS = { lineLimit: "line_limit", dataLimit: "data_limit" };
const GUARDS = {
  flap: Code.GUARD_FLAP,
  connectBound: Code.GUARD_CONNECT_BOUND,
  retryAfter: Code.GUARD_RETRY_AFTER,
  jitter: Code.GUARD_JITTER,
  window: Code.GUARD_WINDOW,
  hints: Code.GUARD_HINTS,
};
const ON_UNAUTHORIZED = { stop: Code.ON_UNAUTHORIZED_STOP, park: Code.ON_UNAUTHORIZED_PARK };

/** What can be set of a watch, beside its base, token, seed and time. */
export const SETTINGS = [...Object.keys(TEXTS), ...Object.keys(LIMITS), "guards", "onUnauthorized"];

/** What goes in by name, and its code, as the library has it. */
function named(prefix) {
  const codes = Object.entries(Code).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(codes.map(([, code]) => [Library.present.name(code), code]));
}
const TRANSPORT = named("TRANSPORT_");
const HINT = named("HINT_");
const HAND_OVER = named("HAND_OVER_");

function coded(codes, name, what) {
  if (!Object.hasOwn(codes, check.string(name, what))) {
    throw new RangeError(`${what} has to be one of ${Object.keys(codes).join(", ")}`);
  }
  return codes[name];
}

/** What was set, looked at and read once: a getter is asked no more. */
function settings(base, options) {
  const read = { texts: [["base", check.string(base, "base")]], numbers: [] };
  for (const [option, field] of Object.entries(TEXTS)) {
    const text = options[option];
    if (text !== undefined) {
      read.texts.push([field, check.string(text, option)]);
    }
  }
  for (const [option, field] of Object.entries(LIMITS)) {
    const limit = options[option];
    if (limit !== undefined) {
      // 0 is the default to the library. Here it is what it says, and refused like any other that is too small.
      read.numbers.push([field, check.whole(limit, option, 2 ** 32 - 1) || 1]);
    }
  }
  const guards = check.options(options.guards ?? {}, "guards", Object.keys(GUARDS));
  let off = 0;
  for (const [guard, bit] of Object.entries(GUARDS)) {
    const on = guards[guard];
    if (on !== undefined && !check.boolean(on, `guards.${guard}`)) {
      off |= bit;
    }
  }
  read.numbers.push(["guards_off", off]);
  const onUnauthorized = options.onUnauthorized ?? "stop";
  read.numbers.push(["on_unauthorized", coded(ON_UNAUTHORIZED, onUnauthorized, "onUnauthorized")]);
  return read;
}

/** One watch. It connects to nothing and reads no clock: the caller does, and says what happened. */
export class Watch {
  #handle;

  constructor(base, options) {
    check.options(options, "options", ["token", "seed", "now", ...SETTINGS]);
    const token = check.string(options.token, "token");
    const seed = check.seed(options.seed);
    const now = check.wide(options.now, "now");
    const read = settings(base, options);
    const library = Library.present;
    const pointer = library.lend((take) => {
      const out = take(4);
      const config = take(CONFIG.size);
      library.call("config_init", config, CONFIG.size);
      for (const [field, text] of read.texts) {
        const slice = library.putText(take, text);
        new View(CONFIG, library, config).setSlice(field, slice);
      }
      for (const [field, value] of read.numbers) {
        new View(CONFIG, library, config).setU32(field, value);
      }
      why(library, take, "config_check", config);
      const device = library.putText(take, token);
      why(library, take, "token_check", device.pointer, device.length);
      library.call("watch_new", out, config, device.pointer, device.length, seed, now);
      return library.data.getUint32(out, true);
    });
    this.#handle = new Handle(this, "watch", library, "watch_free", pointer);
  }

  /** Calls what takes an input. */
  #input(name, ...parameters) {
    this.#handle.library.call(`watch_${name}`, this.#handle.pointer, ...parameters);
  }

  handleTick(now) {
    this.#input("tick", check.wide(now, "now"));
  }

  handleHead(attempt, status, headers, now) {
    const which = check.wide(attempt, "attempt");
    check.whole(status, "status", 65535);
    const pairs = check.headers(headers);
    const time = check.wide(now, "now");
    const { library } = this.#handle;
    library.lend((take) => {
      const first = take(HEADER.size * pairs.length);
      pairs.forEach(([name, value], at) => {
        const slices = [library.putText(take, name), library.putText(take, value)];
        const header = new View(HEADER, library, first + at * HEADER.size);
        header.setSlice("name", slices[0]);
        header.setSlice("value", slices[1]);
      });
      this.#input("head", which, status, first, pairs.length, time);
    });
  }

  handleData(attempt, bytes, now) {
    const which = check.wide(attempt, "attempt");
    const view = check.bytes(bytes, "bytes");
    const time = check.wide(now, "now");
    const { library } = this.#handle;
    library.lend((take) => {
      const data = library.put(take, view);
      this.#input("data", which, data.pointer, data.length, time);
    });
  }

  handleEnd(attempt, now) {
    this.#input("end", check.wide(attempt, "attempt"), check.wide(now, "now"));
  }

  handleFailed(attempt, fault, now) {
    const code = coded(TRANSPORT, fault, "fault");
    this.#input("failed", check.wide(attempt, "attempt"), code, check.wide(now, "now"));
  }

  handleHeartbeatAnswer(beat, status, now) {
    check.whole(status, "status", 65535);
    this.#input("heartbeat_answer", check.wide(beat, "beat"), status, check.wide(now, "now"));
  }

  handleHeartbeatFailed(beat, fault, now) {
    const code = coded(TRANSPORT, fault, "fault");
    this.#input("heartbeat_failed", check.wide(beat, "beat"), code, check.wide(now, "now"));
  }

  handleHeartbeatsCancelled(now) {
    this.#input("heartbeats_cancelled", check.wide(now, "now"));
  }

  handleSleepAgain(handOver, now) {
    this.#input("sleep_again", coded(HAND_OVER, handOver, "handOver"), check.wide(now, "now"));
  }

  handleHint(hint, now) {
    this.#input("hint", coded(HINT, hint, "hint"), check.wide(now, "now"));
  }

  handleOffline(offline, now) {
    this.#input("offline", check.boolean(offline, "offline") ? 1 : 0, check.wide(now, "now"));
  }

  handleNewToken(token, now) {
    check.string(token, "token");
    const time = check.wide(now, "now");
    const { library } = this.#handle;
    library.lend((take) => {
      const device = library.putText(take, token);
      why(library, take, "token_check", device.pointer, device.length);
      this.#input("new_token", device.pointer, device.length, time);
    });
  }

  handleStop(now) {
    this.#input("stop", check.wide(now, "now"));
  }

  poll() {
    const { library, pointer } = this.#handle;
    return library.lend((take) => {
      const out = take(4);
      library.call("watch_poll", pointer, out);
      return action(library, library.data.getUint32(out, true));
    });
  }

  describe() {
    const { library, pointer } = this.#handle;
    return library.lend((take) =>
      library.sentence(take, (at, size) => library.call("watch_describe", pointer, at, size)),
    );
  }

  get status() {
    const { library, pointer } = this.#handle;
    const code = library.call("watch_status", pointer);
    return code < Code.STOP_REQUESTED ? library.name(code) : "stopped";
  }

  get isOffline() {
    return this.#handle.library.call("watch_is_offline", this.#handle.pointer) === 1;
  }

  get deadline() {
    const { library, pointer } = this.#handle;
    return library.lend((take) => {
      const out = take(8);
      library.call("watch_deadline", pointer, out);
      return new View(DEADLINE, library, out).time("until_ms");
    });
  }

  get stats() {
    const { library, pointer } = this.#handle;
    return library.lend((take) => {
      const out = take(STATS.size);
      library.call("watch_stats", pointer, out, STATS.size);
      const stats = new View(STATS, library, out);
      return Object.freeze(Object.fromEntries(STATS.fields.map(([field]) => [camel(field), stats.u64(field)])));
    });
  }

  close() {
    this.#handle.close();
  }
}

const DEADLINE = new Struct([["until_ms", "u64"]]);

if (Symbol.dispose) {
  Watch.prototype[Symbol.dispose] = Watch.prototype.close;
}

/** Throws what a check has against its argument, in its own words. */
function why(library, take, name, ...parameters) {
  let code = 0;
  const sentence = library.sentence(take, (at, size) => {
    code = library.raw(name, ...parameters, at, size);
  });
  if (code < 0) {
    throw new DormouseError(code, sentence || library.string(library.raw("strerror", code)));
  }
}

function camel(field) {
  return field.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}
