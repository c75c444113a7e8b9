// Written by tools/codes.js from bindings/c/include/dormouse.h: what is changed here is lost.

/** Every stable number, by name. */
export declare const Code: {
  /** The call did what it says. */
  readonly OK: 0;
  /**
   * The base URL is not one: not absolute, neither http nor https, without a host, with a user name, a query or a
   * fragment.
   */
  readonly E_BASE: -701;
  /** A path that does not begin with a slash, or does not go into a URL as it stands. */
  readonly E_PATH: -702;
  /** The authorization scheme is no HTTP token. */
  readonly E_AUTH_SCHEME: -703;
  /** The protocol version is empty. */
  readonly E_PROTOCOL_VERSION: -704;
  /** A limit outside 1 KiB to 64 MiB. */
  readonly E_LIMIT: -705;
  /** More than 2 KiB of text in one setting. */
  readonly E_TOO_LONG: -706;
  /** The token is empty. */
  readonly E_TOKEN_EMPTY: -711;
  /** The token has more than 8 KiB. */
  readonly E_TOKEN_TOO_LONG: -712;
  /** The token has a line break in it: was it read from a file without trimming? */
  readonly E_TOKEN_LINE_BREAK: -713;
  /** The token holds a space, a control character or something that is not ASCII. */
  readonly E_TOKEN_FORBIDDEN: -714;
  /** A pointer is NULL that may not be. */
  readonly E_NULL: -1001;
  /** A length is greater than any object's. */
  readonly E_LENGTH: -1002;
  /** A pointer to a struct is not aligned as that struct. */
  readonly E_ALIGN: -1003;
  /** A text is not UTF-8. */
  readonly E_UTF8: -1004;
  /** A number has no meaning there: no such code, a status above 65535, a truth that is neither 0 nor 1. */
  readonly E_CODE: -1005;
  /** A struct has a size that this version does not know. */
  readonly E_SIZE: -1006;
  /** An earlier call on this handle hit a mistake in the library. All there is left to do with it is to free it. */
  readonly E_BROKEN: -1007;
  /** Give up `attempt`'s stream and its heartbeat: close the connection, now. */
  readonly ACTION_DISCONNECT: 1;
  /** Give up the heartbeat `beat`: its answer is no longer waited for. */
  readonly ACTION_ABANDON: 2;
  /** Open a watch: send the request, and mark what comes back with `attempt`. Redirects are not followed. */
  readonly ACTION_CONNECT: 3;
  /** Send a heartbeat beside the open stream, and mark its answer with `beat`. */
  readonly ACTION_HEARTBEAT: 4;
  /** For people, logs and metrics; nothing depends on it. `report` says of what. */
  readonly ACTION_REPORT: 5;
  /** What a person sees has changed: `code` is the status. */
  readonly ACTION_STATUS: 6;
  /** Somebody wants the device: go to `url` with `token`. Nothing more happens until `dormouse_watch_sleep_again`. */
  readonly ACTION_WAKE: 7;
  /** It is over, and `code` is the reason. Said once; every later poll sleeps without end. */
  readonly ACTION_STOP: 8;
  /** Nothing to do until `until_ms`, or until something happens. Repeats itself when polled again. */
  readonly ACTION_SLEEP: 9;
  /** A report: `hello` came and the lease is held. */
  readonly REPORT_CONNECTED: 1;
  /** A report: the server did something odd, which was ignored. `code` is which. */
  readonly REPORT_ODDITY: 2;
  /** A report: a heartbeat was answered, or given up. */
  readonly REPORT_HEARTBEAT: 3;
  /** A report: an attempt ended. */
  readonly REPORT_ENDED: 4;
  /** A report: what follows a hand-over that failed. */
  readonly REPORT_HAND_OVER_FAILED: 5;
  /** A report: the connect is due and has to wait, since many were made in a short time. */
  readonly REPORT_HELD: 6;
  /** The attempt ended before `hello`. */
  readonly PHASE_CONNECT: 1;
  /** The attempt ended after `hello`. */
  readonly PHASE_WATCH: 2;
  /** There is no watch, and one is being tried for. */
  readonly STATUS_CONNECTING: 1;
  /** The device can be woken. */
  readonly STATUS_CONNECTED: 2;
  /** The token was refused, and is tried again much later, or when there is a new one. */
  readonly STATUS_UNAUTHORIZED: 3;
  /** The end, as the application asked. A status, and a reason to stop. */
  readonly STOP_REQUESTED: 10;
  /** The end: the token was refused. A status, and a reason to stop. */
  readonly STOP_UNAUTHORIZED: 11;
  /** The end: heartbeats were cancelled from outside. A status, and a reason to stop. */
  readonly STOP_CANCELLED: 12;
  /** The name could not be looked up. */
  readonly TRANSPORT_RESOLVE: 101;
  /** No connection came about: refused, unreachable, or no answer. */
  readonly TRANSPORT_CONNECT: 102;
  /** TLS failed: an unknown authority, a wrong name, an expired certificate, a broken handshake. */
  readonly TRANSPORT_TLS: 103;
  /** The connection broke while it was in use. */
  readonly TRANSPORT_BROKEN: 104;
  /** What came back is not HTTP, or its framing is broken. */
  readonly TRANSPORT_HTTP: 105;
  /** None of these, or the transport cannot tell. */
  readonly TRANSPORT_OTHER: 199;
  /** A connect ended: 401, the token is refused. */
  readonly CONNECT_UNAUTHORIZED: 201;
  /** A connect ended: 409, another client holds the lease. */
  readonly CONNECT_CONFLICT: 202;
  /** A connect ended: a 2xx that is no event stream. */
  readonly CONNECT_NOT_EVENT_STREAM: 203;
  /** A connect ended: any other status, which is in `http_status`. */
  readonly CONNECT_STATUS: 204;
  /** A connect ended: the stream is compressed though `identity` was asked for. */
  readonly CONNECT_COMPRESSED: 205;
  /** A connect ended: the transport failed. */
  readonly CONNECT_TRANSPORT: 206;
  /** A connect ended: the stream ended before `hello`. */
  readonly CONNECT_ENDED: 207;
  /** A connect ended: no `hello` within 30 s. */
  readonly CONNECT_HELLO_TIMEOUT: 208;
  /** A connect ended: `hello` does not say what it must. */
  readonly CONNECT_HELLO: 209;
  /** A connect ended: the stream broke a limit. */
  readonly CONNECT_LIMIT: 210;
  /** A watch ended: a wake came. */
  readonly OUTCOME_WAKE: 301;
  /** A watch ended: nothing was heard for two and a half heartbeat intervals. */
  readonly OUTCOME_READ_TIMEOUT: 302;
  /** A watch ended: a hint. */
  readonly OUTCOME_HINT: 303;
  /** A watch ended: the server ended the stream. */
  readonly OUTCOME_ENDED: 304;
  /** A watch ended: the stream broke. */
  readonly OUTCOME_STREAM: 305;
  /** A watch ended: the lease was not kept. */
  readonly OUTCOME_HEARTBEAT_LOST: 306;
  /** How a stream broke: the transport failed. */
  readonly STREAM_TRANSPORT: 311;
  /** How a stream broke: a wake that does not say what it must. */
  readonly STREAM_WAKE: 312;
  /** How a stream broke: a limit. */
  readonly STREAM_LIMIT: 313;
  /** How a lease was lost: 409, another client took it. */
  readonly LOSS_TAKEN: 321;
  /** How a lease was lost: 410, it is unknown or has expired. */
  readonly LOSS_GONE: 322;
  /** How a lease was lost: 401, the token is refused. */
  readonly LOSS_UNAUTHORIZED: 323;
  /** How a lease was lost: no heartbeat succeeded for three intervals. */
  readonly LOSS_FAILED: 324;
  /** How a lease was lost: heartbeats were cancelled. */
  readonly LOSS_CANCELLED: 325;
  /** A hint: the device's network changed. */
  readonly HINT_NETWORK_CHANGED: 331;
  /** A hint: the device was suspended and runs again. */
  readonly HINT_RESUMED: 332;
  /** A heartbeat failed: a status that is no 2xx, which is in `http_status`. */
  readonly HEARTBEAT_STATUS: 401;
  /** A heartbeat failed: the transport did. */
  readonly HEARTBEAT_TRANSPORT: 402;
  /** A heartbeat failed: no answer in time. */
  readonly HEARTBEAT_TIMEOUT: 403;
  /** A message is not one JSON object with distinct keys. */
  readonly MESSAGE_JSON: 501;
  /** A message is nested deeper than 16 levels. */
  readonly MESSAGE_DEPTH: 502;
  /** A required key of a message is absent or null. */
  readonly MESSAGE_MISSING: 503;
  /** A value of a message is of the wrong type. */
  readonly MESSAGE_TYPE: 504;
  /** A value of a message is longer than its limit. */
  readonly MESSAGE_TOO_LONG: 505;
  /** An id is empty or holds something other than visible ASCII. */
  readonly MESSAGE_ID: 506;
  /** A wake's URL is not one to go to. */
  readonly MESSAGE_URL: 507;
  /** A key: `watchLeaseId` in `hello`. */
  readonly FIELD_WATCH_LEASE_ID: 511;
  /** A key: `deviceWaitForViewerMs` in `hello`. */
  readonly FIELD_DEVICE_WAIT_FOR_VIEWER_MS: 512;
  /** A key: `heartbeatIntervalMs` in `hello`. */
  readonly FIELD_HEARTBEAT_INTERVAL_MS: 513;
  /** A key: `url` in `wake`. */
  readonly FIELD_URL: 514;
  /** A key: `token` in `wake`. */
  readonly FIELD_TOKEN: 515;
  /** A key: `remoteAccessSessionId` in `wake`. */
  readonly FIELD_REMOTE_ACCESS_SESSION_ID: 516;
  /** A URL does not follow RFC 3986, or has no scheme. */
  readonly URL_SYNTAX: 521;
  /** A URL's scheme is not one of those allowed there. */
  readonly URL_SCHEME: 522;
  /** A URL names no host, or a port that there is not. */
  readonly URL_HOST: 523;
  /** A URL carries a user name or a password. */
  readonly URL_USER_INFO: 524;
  /** A URL carries a query or a fragment where none may be. */
  readonly URL_QUERY: 525;
  /** A line of the event stream is longer than its limit. */
  readonly LIMIT_LINE: 531;
  /** The data of an event is longer than its limit. */
  readonly LIMIT_DATA: 532;
  /** An oddity: a second `hello` on the same stream. */
  readonly ODDITY_SECOND_HELLO: 601;
  /** An oddity: a wake with another session id than the first one. */
  readonly ODDITY_OTHER_SESSION: 602;
  /** What follows an attempt: the next connect, after the delay. */
  readonly THEN_CONNECT: 611;
  /** What follows an attempt: another try with a token that was refused, after the delay. */
  readonly THEN_PARK: 612;
  /** What follows an attempt: the wake is handed over. */
  readonly THEN_HAND_OVER: 613;
  /** What follows an attempt: the end. */
  readonly THEN_STOP: 614;
  /** The application could act on the wake. */
  readonly HAND_OVER_DONE: 621;
  /** The application could not act on the wake. */
  readonly HAND_OVER_FAILED: 622;
  /** A guard, to be switched off: watches that end early in a row are answered with growing delays. */
  readonly GUARD_FLAP: 1;
  /** A guard, to be switched off: no more than 30 connects in any 10 minutes. */
  readonly GUARD_CONNECT_BOUND: 2;
  /** A guard, to be switched off: `Retry-After` is honoured on 429 and 503. */
  readonly GUARD_RETRY_AFTER: 4;
  /** A guard, to be switched off: delays and first heartbeats are spread. */
  readonly GUARD_JITTER: 8;
  /** A guard, to be switched off: the server's `retry:` spreads the return of its fleet. */
  readonly GUARD_WINDOW: 16;
  /** A guard, to be switched off: changes of network and resumes are acted upon. */
  readonly GUARD_HINTS: 32;
  /** When the token is refused: stop. */
  readonly ON_UNAUTHORIZED_STOP: 0;
  /** When the token is refused: show it, and try again after 5 minutes, doubling to an hour, or with a new token. */
  readonly ON_UNAUTHORIZED_PARK: 1;
  /** The input was taken whole, and more is needed. */
  readonly ITEM_NONE: 0;
  /** An event: `name`, `data` and `id`. */
  readonly ITEM_EVENT: 1;
  /** A comment ended: the server lives. */
  readonly ITEM_COMMENT: 2;
  /** The server set the reconnection time: `retry_ms`. */
  readonly ITEM_RETRY: 3;
  /** The stream broke a limit: `code`. It says so until the decoder is reset. */
  readonly ITEM_LIMIT: 4;
};
