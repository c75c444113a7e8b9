/// <reference lib="esnext.disposable" />
// The types of dormouse.js, and the manual of each piece. How they are used is in README.md.

export { Code } from "./code.js";

/** The version of the library, which is that of this package. */
export declare const version: string;

/** How the transport failed. */
export type Fault = "resolve" | "connect" | "tls" | "broken" | "http" | "other";
/** What suggests that a new connection would do better. */
export type Hint = "network_changed" | "resumed";
/** How it went with a wake. */
export type HandOver = "done" | "failed";
/** Why it is over. */
export type StopReason = "requested" | "unauthorized" | "cancelled";
/** What a person sees. */
export type Status = "connecting" | "connected" | "unauthorized" | "stopped";

/** A text that is never shown: not by `console.log`, `JSON.stringify` or `String()`. */
export interface Secret {
  /** The text itself, for the one place that has to send it. */
  expose(): string;
  toString(): "[secret]";
  toJSON(): "[secret]";
}

/** The headers of a request. They go into `fetch` as they are; only their names are shown. */
export interface RequestHeaders extends Iterable<[name: string, value: string]> {
  toJSON(): string[];
}

/** Open a watch: send this, and mark what comes back with `attempt`. Redirects are not followed. */
export interface Connect {
  readonly kind: "connect";
  readonly attempt: number;
  readonly method: string;
  readonly url: string;
  readonly headers: RequestHeaders;
}
/** Send a heartbeat beside the open stream, and mark its answer with `beat`. */
export interface Heartbeat {
  readonly kind: "heartbeat";
  readonly beat: number;
  readonly method: string;
  readonly url: string;
  readonly headers: RequestHeaders;
  readonly body: string;
}
/** Close the stream of `attempt` and give up its heartbeat, now. */
export interface Disconnect {
  readonly kind: "disconnect";
  readonly attempt: number;
}
/** Give up the heartbeat `beat`. */
export interface Abandon {
  readonly kind: "abandon";
  readonly beat: number;
}
/** What a person sees has changed. */
export interface StatusChange {
  readonly kind: "status";
  readonly code: number;
  readonly status: Status;
  /** Where it is over: why. */
  readonly reason?: StopReason;
}
/** Somebody wants the device. */
export interface Wake {
  readonly kind: "wake";
  /** Where to go. It may carry a secret in its query, and so is not shown where the wake is. */
  readonly url: string;
  /** What opens it. */
  readonly token: Secret;
  /** Which remote access session it belongs to, if it says so. */
  readonly session?: string;
  /** How long to wait for the viewer there: 5 s to 24 h. */
  readonly waitForViewerMs: number;
}
/** It is over. Said once; every later poll sleeps without end. */
export interface Stop {
  readonly kind: "stop";
  readonly code: number;
  readonly reason: StopReason;
}
/** Nothing to do until `until`, on the caller's clock, or until something happens. `Infinity` is never. */
export interface Sleep {
  readonly kind: "sleep";
  readonly until: number;
}

/** What was wrong. */
export interface Cause {
  /** Its codes, from the outside in: `Code.CONNECT_*`, `Code.OUTCOME_*` and so on. */
  readonly codes: readonly number[];
  /** Its stable name, every part with dots between, as `stream.wake.type.token`. */
  readonly name: string;
  /** The HTTP status, where that is what was wrong. */
  readonly httpStatus?: number;
}
/** How long the next connect waits, and what made it so long. */
export interface Delay {
  readonly totalMs: number;
  /** What the protocol's table gave. */
  readonly rowMs: number;
  /** The least that the flap guard asked for. */
  readonly flapMs: number;
  /** The least that the server's `Retry-After` asked for. */
  readonly retryAfterMs: number;
  /** What was drawn from the reconnect window. */
  readonly windowMs: number;
}

/** For people, logs and metrics; nothing depends on it. */
export type Report =
  | {
      readonly kind: "report";
      readonly report: "connected";
      readonly attempt: number;
      readonly tookMs: number;
      readonly heartbeatIntervalMs: number;
      readonly waitForViewerMs: number;
    }
  | {
      readonly kind: "report";
      readonly report: "oddity";
      readonly attempt: number;
      readonly code: number;
      readonly oddity: "second_hello" | "other_session";
    }
  | {
      readonly kind: "report";
      readonly report: "heartbeat";
      readonly beat: number;
      readonly tookMs: number;
      readonly accepted: true;
    }
  | {
      readonly kind: "report";
      readonly report: "heartbeat";
      readonly beat: number;
      readonly tookMs: number;
      readonly accepted: false;
      readonly cause: Cause;
    }
  | {
      readonly kind: "report";
      readonly report: "ended";
      readonly attempt: number;
      readonly phase: "connect" | "watch";
      readonly cause: Cause;
      readonly ranMs: number;
      readonly then: "connect" | "park" | "hand_over" | "stop";
      readonly delay?: Delay;
      readonly reason?: StopReason;
    }
  | { readonly kind: "report"; readonly report: "hand_over_failed"; readonly delay: Delay }
  | { readonly kind: "report"; readonly report: "held"; readonly waitMs: number }
  /** One that is newer than this file: `describe()` says it in words. */
  | { readonly kind: "report"; readonly report: "other" };

/** What a poll gives. */
export type Action =
  | Disconnect
  | Abandon
  | Connect
  | Heartbeat
  | Report
  | StatusChange
  | Wake
  | Stop
  | Sleep;

/** Counts since the beginning. */
export interface Stats {
  /** Connects that were handed out. */
  readonly connects: number;
  /** Connects that ended in `hello`. */
  readonly hellos: number;
  /** Wakes received. */
  readonly wakes: number;
  /** Wakes whose hand-over the application reported as failed. */
  readonly handOversFailed: number;
  /** Heartbeats that were handed out. */
  readonly heartbeats: number;
  /** Heartbeats that refreshed the lease. */
  readonly heartbeatsAccepted: number;
  /** Heartbeats that were due while one was still in flight. */
  readonly heartbeatsSkipped: number;
  /** Comments received: the server's signs of life. */
  readonly comments: number;
  /** Events received that the protocol gives no meaning where they came. */
  readonly eventsIgnored: number;
  /** Connects that had to wait, since many were made in a short time. */
  readonly connectsHeld: number;
  /** Hints that led to nothing. */
  readonly hintsIgnored: number;
  /** Inputs from attempts or heartbeats that were given up, or never were. */
  readonly stale: number;
  /** Inputs that make no sense in the state they met. */
  readonly outOfPlace: number;
}

/** What can be set of a watch. */
export interface Settings {
  /** The watch's path below the base: `/v1/watch` by default. */
  watchPath?: string | undefined;
  /** The heartbeat's path below the base: `/v1/watch/heartbeat` by default. */
  heartbeatPath?: string | undefined;
  /** The authorization scheme before the token: `Bearer` by default. */
  authScheme?: string | undefined;
  /** The protocol version to announce: `2.2.0` by default. */
  protocolVersion?: string | undefined;
  /** The longest line of the stream, in bytes: 64 KiB by default, 1 KiB to 64 MiB. */
  lineLimit?: number | undefined;
  /** The longest data of one event, in bytes: 256 KiB by default, 1 KiB to 64 MiB. */
  dataLimit?: number | undefined;
  /** Guards of protocol.md section 5, to be switched off with `false`. A fleet wants them all on. */
  guards?:
    | {
        flap?: boolean | undefined;
        connectBound?: boolean | undefined;
        retryAfter?: boolean | undefined;
        jitter?: boolean | undefined;
        window?: boolean | undefined;
        hints?: boolean | undefined;
      }
    | undefined;
  /** When the token is refused: `stop`, the default, or `park` and try again much later. */
  onUnauthorized?: "stop" | "park" | undefined;
}

/** What the library refuses. No message has a token in it. */
export declare class DormouseError extends Error {
  private constructor();
  /** One of `Code.E_*`. */
  readonly code: number;
}

/** A watch or a decoder was used after it was closed. */
export declare class ClosedError extends Error {
  private constructor();
}

/**
 * One watch: the whole protocol, without any I/O. Feed it what happens, poll it until it says `sleep`, do what it says.
 *
 * Every `now` is whole milliseconds on one clock of the caller's that does not run backwards. No order of calls is wrong,
 * and what comes late for something that was given up counts for nothing.
 *
 * Each method throws a TypeError or RangeError where an argument is none, a DormouseError where the library refuses
 * it, and a ClosedError after `close()`; then nothing has changed.
 */
export declare class Watch implements Disposable {
  /**
   * A watch that wants to connect at once, to `base`: an absolute http or https URL without query, fragment and user.
   * `seed` is all the chance that it will ever have: 64 bits of the system's entropy, others for each device.
   */
  constructor(base: string, options: { token: string; seed: bigint | number; now: number } & Settings);
  /** Time has passed. Call it when the time of a sleep has come, after what has arrived by then was handed in. */
  handleTick(now: number): void;
  /** The response to `attempt` began: its status, 0 where it is not told, and all of its headers. */
  handleHead(
    attempt: number,
    status: number,
    headers: Iterable<readonly [string, string] | string[]> | Record<string, string>,
    now: number,
  ): void;
  /** Bytes of its body, cut anywhere. They are read during the call. */
  handleData(attempt: number, bytes: ArrayBufferView, now: number): void;
  /** Its body came to its proper end. */
  handleEnd(attempt: number, now: number): void;
  /** It failed, or its body broke. */
  handleFailed(attempt: number, fault: Fault, now: number): void;
  /** The heartbeat `beat` was answered. */
  handleHeartbeatAnswer(beat: number, status: number, now: number): void;
  /** It got no answer. */
  handleHeartbeatFailed(beat: number, fault: Fault, now: number): void;
  /** Whoever sends heartbeats was told from outside to send no more: the watch stops. */
  handleHeartbeatsCancelled(now: number): void;
  /** The application has done with the wake. */
  handleSleepAgain(handOver: HandOver, now: number): void;
  /** Something outside the protocol suggests that a new connection would do better. */
  handleHint(hint: Hint, now: number): void;
  /** There is no network, or there is one again. */
  handleOffline(offline: boolean, now: number): void;
  /** A new token, for every request from now on. */
  handleNewToken(token: string, now: number): void;
  /** The application wants no more of it. Final. */
  handleStop(now: number): void;
  /** What to do next. Poll, and do it, until it is a `sleep`. */
  poll(): Action;
  /** The latest action as an English sentence, for logs: no token is in it, nor a wake's URL. */
  describe(): string;
  /** What a person sees. */
  readonly status: Status;
  /** Whether the device is offline, as was last said. */
  readonly isOffline: boolean;
  /** When `handleTick` is due next; `Infinity` if it is not. */
  readonly deadline: number;
  readonly stats: Stats;
  /** Frees it. What is forgotten unclosed is freed some time after it is collected. */
  close(): void;
  [Symbol.dispose](): void;
}

/** What an event stream is made of. */
export type Item =
  | { readonly kind: "event"; readonly name: string; readonly data: string; readonly id: string }
  | { readonly kind: "comment" }
  | { readonly kind: "retry"; readonly retryMs: number }
  /** The stream broke a limit, and nothing more is read of it until `reset()`. */
  | { readonly kind: "limit"; readonly code: number; readonly limit: "line" | "data" };

/** Decodes one `text/event-stream`, as the WHATWG HTML standard has it, cut into pieces of any size. */
export declare class Decoder implements Disposable {
  /** The limits are in bytes: 64 KiB for a line and 256 KiB for an event's data by default. */
  constructor(options?: { lineLimit?: number | undefined; dataLimit?: number | undefined });
  /** All that these bytes complete, in their order. */
  decode(bytes: ArrayBufferView): Item[];
  /** What `Last-Event-ID` of the next connection is; empty if there was none. */
  readonly lastEventId: string;
  /** Makes ready for a new stream. Only the limits and the last event id stay. */
  reset(): void;
  /** Frees it. */
  close(): void;
  [Symbol.dispose](): void;
}

/** What a watch that runs by itself is made with. */
export interface WatchOptions extends Settings {
  /** The device's: 1 byte to 8 KiB of visible ASCII. One that was read from a file wants trimming. */
  token: string;
  /** Stops the watch when it is aborted: the events then end, as after `stop()`. */
  signal?: AbortSignal | undefined;
  /**
   * Gets a sentence for everything that is done and everything that goes wrong, without a token in it, and the action
   * that it is about, if it is about one. It should return soon.
   */
  log?: ((sentence: string, action?: Action) => void) | undefined;
  /** Instead of the global one. It has to stream, to follow no redirect, and to send nothing again by itself. */
  fetch?: typeof globalThis.fetch | undefined;
}

/** What is for the application. */
export type Event = Wake | StatusChange;

/** A watch that runs by itself. Asking for the next event after a wake goes back to sleep. */
export interface WatchStream extends AsyncIterableIterator<Event, undefined, void>, AsyncDisposable {
  /** The next event; `done` once the watch has stopped. */
  next(): Promise<IteratorResult<Event, undefined>>;
  /** Closes it, which leaving a `for await` does. */
  return(): Promise<IteratorResult<Event, undefined>>;
  [Symbol.asyncIterator](): WatchStream;
  /** The wake that came last could not be acted upon: say so before the next event is asked for. */
  handOverFailed(): void;
  /** The device's network changed. */
  networkChanged(): void;
  /** The device was suspended and runs again. Most often that is found out without being told. */
  resumed(): void;
  /** There is no network, or there is one again. */
  offline(offline: boolean): void;
  /** A new token, for every request from now on. Throws a DormouseError if it is none. */
  setToken(token: string): void;
  /** Stops it, for good: everything is closed at once; the last event says so. */
  stop(): void;
  /** Stops it, and there is no further event. */
  close(): void;
  readonly status: Status;
  readonly stats: Stats;
}

/**
 * Sleeps on the service at `base`, over fetch. It connects when its first event is asked for. Throws a TypeError,
 * RangeError or DormouseError if the URL, the token or a setting is wrong.
 */
export declare function watch(base: string | URL, options: WatchOptions): WatchStream;
