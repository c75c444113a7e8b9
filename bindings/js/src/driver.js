// A watch that runs by itself: fetch, timers, a clock, and an async iterator of events.
//
// Every decision is the machine's. What is here does what it says, tells it what happened, and hands on what is for
// the application: a change of status, and a wake. Each has one slot, as in the machine, so that nothing grows if
// nobody asks.

import * as check from "./check.js";
import { Clock } from "./clock.js";
import { fault, send, sentence } from "./transport.js";
import { SETTINGS, Watch } from "./watch.js";

/** The longest that a timer is set for. The clock is looked at in between, lest a suspend be noticed too late. */
const LOOK_MS = 60_000;
/**
 * A deadline found passed by so much tells that nobody ran for a while. What lies in the socket then has not been read
 * yet, a wake perhaps: so it is read before the deadline takes effect.
 */
const LATE_MS = 1000;

/** After so many pieces of a stream others run: a server that never stops talking does not hold up the timers. */
const PIECES_A_TURN = 64;

/** Runs something in a later turn of the event loop. */
const soon = globalThis.setImmediate ?? ((next) => setTimeout(next, 0));

/** Sleeps on a watch. It connects when its first event is asked for. */
export function watch(base, options) {
  return new WatchStream(base, options);
}

class WatchStream {
  #machine;
  #clock = new Clock();
  #fetch;
  #log;
  #signal;
  #abort = () => this.stop();
  #begun = false;
  #draining = false;
  /** The requests under way: what aborts them, and their number. */
  #stream;
  #heartbeat;
  #timer;
  /** What is for the application and was not asked for yet. */
  #status;
  #wake;
  /** How the hand-over of the wake that the application holds went: well, until it says otherwise. */
  #handOver;
  #stopped = false;
  #failure;
  #waiting = [];
  #last;

  constructor(base, options) {
    check.options(options, "options", ["token", "signal", "log", "fetch", ...SETTINGS]);
    const { signal, log, fetch = globalThis.fetch, ...settings } = options;
    if (signal !== undefined && typeof signal?.addEventListener !== "function") {
      throw new TypeError("signal has to be an AbortSignal");
    }
    for (const [name, callback] of Object.entries({ log, fetch })) {
      if (callback !== undefined && typeof callback !== "function") {
        throw new TypeError(`${name} has to be a function`);
      }
    }
    this.#log = log;
    // Unbound: browsers refuse it as a method of anything else.
    this.#fetch = (...parameters) => fetch(...parameters);
    this.#signal = signal;
    const seed = globalThis.crypto.getRandomValues(new BigUint64Array(1))[0];
    this.#machine = new Watch(base instanceof URL ? base.href : base, {
      ...settings,
      seed,
      now: this.#clock.now(),
    });
    this.#last = { status: this.#machine.status, stats: this.#machine.stats };
    signal?.addEventListener("abort", this.#abort, { once: true });
    if (signal?.aborted) {
      this.stop();
    }
  }

  // What is asked for.

  next() {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#begun = true;
      this.#drain();
    });
  }

  async return() {
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  // What the application says.

  handOverFailed() {
    if (this.#handOver !== undefined) {
      this.#handOver = "failed";
    }
  }

  networkChanged() {
    this.#hint("network_changed");
  }

  resumed() {
    this.#hint("resumed");
  }

  offline(offline) {
    check.boolean(offline, "offline");
    this.#input((now) => this.#machine.handleOffline(offline, now));
  }

  setToken(token) {
    this.#command((now) => this.#machine.handleNewToken(token, now));
  }

  stop() {
    this.#input((now) => this.#machine.handleStop(now));
  }

  /** Stops, and asks for nothing more. */
  close() {
    this.stop();
    this.#status = this.#wake = undefined;
    this.#settle();
  }

  // What is seen.

  get status() {
    return this.#last.status;
  }

  get stats() {
    return this.#last.stats;
  }

  // The loop.

  #hint(hint) {
    // What has arrived comes first: it would be lost with the connection.
    this.#caughtUp(() => this.#input((now) => this.#machine.handleHint(hint, now)));
  }

  /** An input that cannot be wrong. */
  #input(hand) {
    try {
      this.#command(hand);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** An input that is refused if it is wrong, to whoever gave it. */
  #command(hand) {
    if (this.#stopped) {
      return;
    }
    hand(this.#clock.now());
    this.#drain();
  }

  /** Does what the machine wants done and answers who waits, until it sleeps. */
  #drain() {
    if (this.#draining) {
      return;
    }
    this.#draining = true;
    try {
      do {
        this.#sleepAgain();
        this.#poll();
        this.#settle();
      } while (this.#isAskedToSleep());
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#draining = false;
    }
  }

  /** Whether the next event is asked for while the application holds a wake. */
  #isAskedToSleep() {
    return this.#handOver !== undefined && this.#waiting.length > 0 && !this.#stopped;
  }

  #sleepAgain() {
    if (this.#isAskedToSleep()) {
      const handOver = this.#handOver;
      this.#handOver = undefined;
      this.#machine.handleSleepAgain(handOver, this.#clock.now());
    }
  }

  #poll() {
    while (!this.#stopped && (this.#begun || this.#machine.status === "stopped")) {
      const action = this.#machine.poll();
      this.#look();
      if (action.kind === "sleep") {
        this.#sleep(action.until);
        return;
      }
      if (this.#log !== undefined) {
        this.#note(this.#machine.describe(), action);
      }
      this.#do(action);
    }
  }

  #do(action) {
    switch (action.kind) {
      case "disconnect":
        this.#giveUp("stream");
        this.#giveUp("heartbeat");
        break;
      case "abandon":
        this.#giveUp("heartbeat");
        break;
      case "connect":
        this.#open(action);
        break;
      case "heartbeat":
        this.#post(action);
        break;
      case "status":
        this.#status = action;
        break;
      case "wake":
        this.#wake = action;
        break;
      case "stop":
        this.#close();
        break;
    }
  }

  async #open(action) {
    const { attempt } = action;
    const control = new AbortController();
    this.#stream = control;
    const mine = () => this.#stream === control;
    let reading = false;
    try {
      const response = await send(this.#fetch, action, control.signal);
      if (!mine()) {
        return;
      }
      reading = true;
      this.#input((now) => this.#machine.handleHead(attempt, response.status, response.headers, now));
      const reader = response.body?.getReader();
      for (let pieces = 1; mine(); pieces++) {
        if (pieces % PIECES_A_TURN === 0) {
          await new Promise((next) => soon(next));
        }
        const { done, value } = reader === undefined ? { done: true } : await reader.read();
        if (!mine()) {
          return;
        }
        if (done) {
          this.#stream = undefined;
          this.#input((now) => this.#machine.handleEnd(attempt, now));
        } else {
          this.#input((now) => this.#machine.handleData(attempt, value, now));
        }
      }
    } catch (error) {
      if (mine()) {
        this.#stream = undefined;
        this.#note(`attempt ${attempt}: ${sentence(error)}`);
        this.#input((now) => this.#machine.handleFailed(attempt, fault(error, reading), now));
      }
    } finally {
      // Whatever is left of it is not read.
      control.abort();
    }
  }

  async #post(action) {
    const { beat } = action;
    const control = new AbortController();
    this.#heartbeat = control;
    const mine = () => this.#heartbeat === control;
    try {
      const response = await send(this.#fetch, action, control.signal);
      if (mine()) {
        this.#heartbeat = undefined;
        this.#input((now) => this.#machine.handleHeartbeatAnswer(beat, response.status, now));
      }
    } catch (error) {
      if (mine()) {
        this.#heartbeat = undefined;
        this.#note(`heartbeat ${beat}: ${sentence(error)}`);
        this.#input((now) => this.#machine.handleHeartbeatFailed(beat, fault(error, false), now));
      }
    } finally {
      control.abort();
    }
  }

  #giveUp(which) {
    const control = which === "stream" ? this.#stream : this.#heartbeat;
    if (which === "stream") {
      this.#stream = undefined;
    } else {
      this.#heartbeat = undefined;
    }
    control?.abort();
  }

  #sleep(until) {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // While the application holds a wake nothing is open, and nothing has to be looked at.
    if (until === Infinity && (this.#wake !== undefined || this.#handOver !== undefined)) {
      return;
    }
    const wait = Math.max(0, until - this.#clock.now());
    this.#timer = setTimeout(() => this.#due(until), Math.min(wait, LOOK_MS));
  }

  /** A timer fired: it is late, early, or just right. */
  #due(until) {
    const resumed = this.#clock.resumed();
    const late = this.#clock.now() - until;
    const tick = () => this.#input((now) => this.#machine.handleTick(now));
    if (resumed) {
      this.#hint("resumed");
    } else if (late < 0) {
      this.#sleep(until);
    } else if (late < LATE_MS) {
      tick();
    } else {
      this.#caughtUp(tick);
    }
  }

  /** Runs `body` once what lies in the sockets was read. It is the next of this turn of the event loop, and then some. */
  #caughtUp(body) {
    soon(() => soon(body));
  }

  /** Ends everything, whatever it was. */
  #close() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#giveUp("stream");
    this.#giveUp("heartbeat");
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#machine.close();
  }

  /** A mistake, of the library's or of a fetch that is none: it goes to whoever asks for the next event. */
  #fail(error) {
    if (!this.#stopped) {
      this.#failure = error;
      this.#last = { ...this.#last, status: "stopped" };
      this.#close();
    }
    this.#settle();
  }

  #look() {
    this.#last = { status: this.#machine.status, stats: this.#machine.stats };
  }

  /** Answers who waits for an event, as far as there are any. */
  #settle() {
    while (this.#waiting.length > 0) {
      let event;
      if (this.#status !== undefined) {
        event = this.#status;
        this.#status = undefined;
      } else if (this.#wake !== undefined) {
        event = this.#wake;
        this.#wake = undefined;
        this.#handOver = "done";
      } else if (!this.#stopped) {
        return;
      }
      const { resolve, reject } = this.#waiting.shift();
      if (event !== undefined) {
        resolve({ done: false, value: event });
      } else if (this.#failure !== undefined) {
        reject(this.#failure);
        this.#failure = undefined;
      } else {
        resolve({ done: true, value: undefined });
      }
    }
  }

  /** Shows a sentence. What the application's function throws is not the watch's to catch, nor to fail of. */
  #note(line, action) {
    if (this.#log !== undefined) {
      try {
        this.#log(line, action);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

if (Symbol.asyncDispose) {
  WatchStream.prototype[Symbol.asyncDispose] = async function () {
    this.close();
  };
}
