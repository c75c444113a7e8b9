/*
 * dormouse - the watch protocol as a state machine without I/O
 *
 * SYNOPSIS
 *
 *     #include <dormouse.h>
 *     cc -o device device.c $(pkg-config --cflags --libs dormouse libcurl)
 *
 * A device that sleeps keeps one HTTP response open, a stream of server-sent events, and is woken through it. This
 * library makes every decision of that: when to connect, what a broken stream means, how long to wait, when a
 * lease is lost. It opens no socket, reads no clock and starts no thread: the caller does, with whatever HTTP client
 * and event loop it has, and says what happened.
 *
 * THE LOOP
 *
 *     dormouse_config config;
 *     dormouse_config_init(&config, sizeof config);
 *     config.base = (dormouse_slice){"https://api.example.com", 23};
 *     dormouse_watch *watch = NULL;
 *     int error = dormouse_watch_new(&watch, &config, token, strlen(token), seed, now());
 *     for (;;) {
 *         const dormouse_action *action;
 *         while (dormouse_watch_poll(watch, &action) == 0 && action->kind != DORMOUSE_ACTION_SLEEP) {
 *             switch (action->kind) {
 *             case DORMOUSE_ACTION_DISCONNECT: // close the connection of action->attempt
 *             case DORMOUSE_ACTION_ABANDON:    // give the heartbeat action->beat up
 *             case DORMOUSE_ACTION_CONNECT:    // send the request; mark what comes back with action->attempt
 *             case DORMOUSE_ACTION_HEARTBEAT:  // send the request; mark its answer with action->beat
 *             case DORMOUSE_ACTION_REPORT:     // for logs: dormouse_watch_describe
 *             case DORMOUSE_ACTION_STATUS:     // show action->code
 *             case DORMOUSE_ACTION_WAKE:       // go to action->url with action->token; then dormouse_watch_sleep_again
 *             case DORMOUSE_ACTION_STOP:       // it is over
 *             }
 *         }
 *         // Sleep until action->until_ms or until something happens. Then hand in first what has arrived
 *         // (dormouse_watch_head, _data, _end, _failed, _heartbeat_answer, _heartbeat_failed), then, if its time has
 *         // come, dormouse_watch_tick.
 *     }
 *
 * No action waits: start it and go on. Redirects are not followed, and nothing is sent again by itself. What belongs to
 * an attempt or a heartbeat that was given up is ignored, so that late answers may be handed in as they come.
 *
 * OWNERSHIP
 *
 * What dormouse_watch_new and dormouse_decoder_new made, dormouse_watch_free and dormouse_decoder_free free. An action
 * belongs to its watch and stays until the next call on it that is not const: copy what has to live longer. What is
 * passed in stays the caller's, is read during the call and is not kept. Nothing else is allocated for the caller.
 *
 * TIME
 *
 * Milliseconds on any clock of the caller's that does not run backwards. Best is one that counts while the device is
 * suspended (CLOCK_BOOTTIME); say dormouse_watch_hint(watch, DORMOUSE_HINT_RESUMED, now) after it was. Deadlines are
 * absolute, on the same clock.
 *
 * THREADS
 *
 * The library has no state but its handles, starts no thread and calls nothing back. One handle is for one thread at a
 * time, whichever that is; two handles have nothing to do with each other. Calls that are const may run side by side.
 *
 * ERRORS
 *
 * 0 is fine, and so is what is greater where a function says so; what is negative is a mistake of the caller's, a
 * DORMOUSE_E_*, and the call has changed nothing. dormouse_strerror has a sentence for each. What a server or a
 * network gets wrong is no error: it is handed in, and decides. Numbers that are no code, pointers that are NULL,
 * lengths that no object has and texts that are not UTF-8 are refused; a length that is longer than what is there, and a
 * handle that was freed, cannot be seen. Without memory the process aborts.
 *
 * SECRETS
 *
 * Tokens are in action->token and in the value of the header named authorization, and nowhere else: not in
 * dormouse_watch_describe, in no name, and in no error.
 */


#ifndef DORMOUSE_H
#define DORMOUSE_H

/* Written by cbindgen from bindings/c/src: what is changed here is lost. */

#include <stddef.h>
#include <stdint.h>

/* The version of this header. `dormouse_version()` is that of the library. */
#define DORMOUSE_VERSION "0.1.0"


// The call did what it says.
#define DORMOUSE_OK 0

// The base URL is not one: not absolute, neither http nor https, without a host, with a user name, a query or a
// fragment.
#define DORMOUSE_E_BASE -701

// A path that does not begin with a slash, or does not go into a URL as it stands.
#define DORMOUSE_E_PATH -702

// The authorization scheme is no HTTP token.
#define DORMOUSE_E_AUTH_SCHEME -703

// The protocol version is empty.
#define DORMOUSE_E_PROTOCOL_VERSION -704

// A limit outside 1 KiB to 64 MiB.
#define DORMOUSE_E_LIMIT -705

// More than 2 KiB of text in one setting.
#define DORMOUSE_E_TOO_LONG -706

// The token is empty.
#define DORMOUSE_E_TOKEN_EMPTY -711

// The token has more than 8 KiB.
#define DORMOUSE_E_TOKEN_TOO_LONG -712

// The token has a line break in it: was it read from a file without trimming?
#define DORMOUSE_E_TOKEN_LINE_BREAK -713

// The token holds a space, a control character or something that is not ASCII.
#define DORMOUSE_E_TOKEN_FORBIDDEN -714

// A pointer is NULL that may not be.
#define DORMOUSE_E_NULL -1001

// A length is greater than any object's.
#define DORMOUSE_E_LENGTH -1002

// A pointer to a struct is not aligned as that struct.
#define DORMOUSE_E_ALIGN -1003

// A text is not UTF-8.
#define DORMOUSE_E_UTF8 -1004

// A number has no meaning there: no such code, a status above 65535, a truth that is neither 0 nor 1.
#define DORMOUSE_E_CODE -1005

// A struct has a size that this version does not know.
#define DORMOUSE_E_SIZE -1006

// An earlier call on this handle hit a mistake in the library. All there is left to do with it is to free it.
#define DORMOUSE_E_BROKEN -1007

// No deadline: `until_ms` of a sleep without end.
#define DORMOUSE_NEVER UINT64_MAX

// Give up `attempt`'s stream and its heartbeat: close the connection, now.
#define DORMOUSE_ACTION_DISCONNECT 1

// Give up the heartbeat `beat`: its answer is no longer waited for.
#define DORMOUSE_ACTION_ABANDON 2

// Open a watch: send the request, and mark what comes back with `attempt`. Redirects are not followed.
#define DORMOUSE_ACTION_CONNECT 3

// Send a heartbeat beside the open stream, and mark its answer with `beat`.
#define DORMOUSE_ACTION_HEARTBEAT 4

// For people, logs and metrics; nothing depends on it. `report` says of what.
#define DORMOUSE_ACTION_REPORT 5

// What a person sees has changed: `code` is the status.
#define DORMOUSE_ACTION_STATUS 6

// Somebody wants the device: go to `url` with `token`. Nothing more happens until `dormouse_watch_sleep_again`.
#define DORMOUSE_ACTION_WAKE 7

// It is over, and `code` is the reason. Said once; every later poll sleeps without end.
#define DORMOUSE_ACTION_STOP 8

// Nothing to do until `until_ms`, or until something happens. Repeats itself when polled again.
#define DORMOUSE_ACTION_SLEEP 9

// A report: `hello` came and the lease is held.
#define DORMOUSE_REPORT_CONNECTED 1

// A report: the server did something odd, which was ignored. `code` is which.
#define DORMOUSE_REPORT_ODDITY 2

// A report: a heartbeat was answered, or given up.
#define DORMOUSE_REPORT_HEARTBEAT 3

// A report: an attempt ended.
#define DORMOUSE_REPORT_ENDED 4

// A report: what follows a hand-over that failed.
#define DORMOUSE_REPORT_HAND_OVER_FAILED 5

// A report: the connect is due and has to wait, since many were made in a short time.
#define DORMOUSE_REPORT_HELD 6

// The attempt ended before `hello`.
#define DORMOUSE_PHASE_CONNECT 1

// The attempt ended after `hello`.
#define DORMOUSE_PHASE_WATCH 2

// There is no watch, and one is being tried for.
#define DORMOUSE_STATUS_CONNECTING 1

// The device can be woken.
#define DORMOUSE_STATUS_CONNECTED 2

// The token was refused, and is tried again much later, or when there is a new one.
#define DORMOUSE_STATUS_UNAUTHORIZED 3

// The end, as the application asked. A status, and a reason to stop.
#define DORMOUSE_STOP_REQUESTED 10

// The end: the token was refused. A status, and a reason to stop.
#define DORMOUSE_STOP_UNAUTHORIZED 11

// The end: heartbeats were cancelled from outside. A status, and a reason to stop.
#define DORMOUSE_STOP_CANCELLED 12

// The name could not be looked up.
#define DORMOUSE_TRANSPORT_RESOLVE 101

// No connection came about: refused, unreachable, or no answer.
#define DORMOUSE_TRANSPORT_CONNECT 102

// TLS failed: an unknown authority, a wrong name, an expired certificate, a broken handshake.
#define DORMOUSE_TRANSPORT_TLS 103

// The connection broke while it was in use.
#define DORMOUSE_TRANSPORT_BROKEN 104

// What came back is not HTTP, or its framing is broken.
#define DORMOUSE_TRANSPORT_HTTP 105

// None of these, or the transport cannot tell.
#define DORMOUSE_TRANSPORT_OTHER 199

// A connect ended: 401, the token is refused.
#define DORMOUSE_CONNECT_UNAUTHORIZED 201

// A connect ended: 409, another client holds the lease.
#define DORMOUSE_CONNECT_CONFLICT 202

// A connect ended: a 2xx that is no event stream.
#define DORMOUSE_CONNECT_NOT_EVENT_STREAM 203

// A connect ended: any other status, which is in `http_status`.
#define DORMOUSE_CONNECT_STATUS 204

// A connect ended: the stream is compressed though `identity` was asked for.
#define DORMOUSE_CONNECT_COMPRESSED 205

// A connect ended: the transport failed.
#define DORMOUSE_CONNECT_TRANSPORT 206

// A connect ended: the stream ended before `hello`.
#define DORMOUSE_CONNECT_ENDED 207

// A connect ended: no `hello` within 30 s.
#define DORMOUSE_CONNECT_HELLO_TIMEOUT 208

// A connect ended: `hello` does not say what it must.
#define DORMOUSE_CONNECT_HELLO 209

// A connect ended: the stream broke a limit.
#define DORMOUSE_CONNECT_LIMIT 210

// A watch ended: a wake came.
#define DORMOUSE_OUTCOME_WAKE 301

// A watch ended: nothing was heard for two and a half heartbeat intervals.
#define DORMOUSE_OUTCOME_READ_TIMEOUT 302

// A watch ended: a hint.
#define DORMOUSE_OUTCOME_HINT 303

// A watch ended: the server ended the stream.
#define DORMOUSE_OUTCOME_ENDED 304

// A watch ended: the stream broke.
#define DORMOUSE_OUTCOME_STREAM 305

// A watch ended: the lease was not kept.
#define DORMOUSE_OUTCOME_HEARTBEAT_LOST 306

// How a stream broke: the transport failed.
#define DORMOUSE_STREAM_TRANSPORT 311

// How a stream broke: a wake that does not say what it must.
#define DORMOUSE_STREAM_WAKE 312

// How a stream broke: a limit.
#define DORMOUSE_STREAM_LIMIT 313

// How a lease was lost: 409, another client took it.
#define DORMOUSE_LOSS_TAKEN 321

// How a lease was lost: 410, it is unknown or has expired.
#define DORMOUSE_LOSS_GONE 322

// How a lease was lost: 401, the token is refused.
#define DORMOUSE_LOSS_UNAUTHORIZED 323

// How a lease was lost: no heartbeat succeeded for three intervals.
#define DORMOUSE_LOSS_FAILED 324

// How a lease was lost: heartbeats were cancelled.
#define DORMOUSE_LOSS_CANCELLED 325

// A hint: the device's network changed.
#define DORMOUSE_HINT_NETWORK_CHANGED 331

// A hint: the device was suspended and runs again.
#define DORMOUSE_HINT_RESUMED 332

// A heartbeat failed: a status that is no 2xx, which is in `http_status`.
#define DORMOUSE_HEARTBEAT_STATUS 401

// A heartbeat failed: the transport did.
#define DORMOUSE_HEARTBEAT_TRANSPORT 402

// A heartbeat failed: no answer in time.
#define DORMOUSE_HEARTBEAT_TIMEOUT 403

// A message is not one JSON object with distinct keys.
#define DORMOUSE_MESSAGE_JSON 501

// A message is nested deeper than 16 levels.
#define DORMOUSE_MESSAGE_DEPTH 502

// A required key of a message is absent or null.
#define DORMOUSE_MESSAGE_MISSING 503

// A value of a message is of the wrong type.
#define DORMOUSE_MESSAGE_TYPE 504

// A value of a message is longer than its limit.
#define DORMOUSE_MESSAGE_TOO_LONG 505

// An id is empty or holds something other than visible ASCII.
#define DORMOUSE_MESSAGE_ID 506

// A wake's URL is not one to go to.
#define DORMOUSE_MESSAGE_URL 507

// A key: `watchLeaseId` in `hello`.
#define DORMOUSE_FIELD_WATCH_LEASE_ID 511

// A key: `deviceWaitForViewerMs` in `hello`.
#define DORMOUSE_FIELD_DEVICE_WAIT_FOR_VIEWER_MS 512

// A key: `heartbeatIntervalMs` in `hello`.
#define DORMOUSE_FIELD_HEARTBEAT_INTERVAL_MS 513

// A key: `url` in `wake`.
#define DORMOUSE_FIELD_URL 514

// A key: `token` in `wake`.
#define DORMOUSE_FIELD_TOKEN 515

// A key: `remoteAccessSessionId` in `wake`.
#define DORMOUSE_FIELD_REMOTE_ACCESS_SESSION_ID 516

// A URL does not follow RFC 3986, or has no scheme.
#define DORMOUSE_URL_SYNTAX 521

// A URL's scheme is not one of those allowed there.
#define DORMOUSE_URL_SCHEME 522

// A URL names no host, or a port that there is not.
#define DORMOUSE_URL_HOST 523

// A URL carries a user name or a password.
#define DORMOUSE_URL_USER_INFO 524

// A URL carries a query or a fragment where none may be.
#define DORMOUSE_URL_QUERY 525

// A line of the event stream is longer than its limit.
#define DORMOUSE_LIMIT_LINE 531

// The data of an event is longer than its limit.
#define DORMOUSE_LIMIT_DATA 532

// An oddity: a second `hello` on the same stream.
#define DORMOUSE_ODDITY_SECOND_HELLO 601

// An oddity: a wake with another session id than the first one.
#define DORMOUSE_ODDITY_OTHER_SESSION 602

// What follows an attempt: the next connect, after the delay.
#define DORMOUSE_THEN_CONNECT 611

// What follows an attempt: another try with a token that was refused, after the delay.
#define DORMOUSE_THEN_PARK 612

// What follows an attempt: the wake is handed over.
#define DORMOUSE_THEN_HAND_OVER 613

// What follows an attempt: the end.
#define DORMOUSE_THEN_STOP 614

// The application could act on the wake.
#define DORMOUSE_HAND_OVER_DONE 621

// The application could not act on the wake.
#define DORMOUSE_HAND_OVER_FAILED 622

// A guard, to be switched off: watches that end early in a row are answered with growing delays.
#define DORMOUSE_GUARD_FLAP 1

// A guard, to be switched off: no more than 30 connects in any 10 minutes.
#define DORMOUSE_GUARD_CONNECT_BOUND 2

// A guard, to be switched off: `Retry-After` is honoured on 429 and 503.
#define DORMOUSE_GUARD_RETRY_AFTER 4

// A guard, to be switched off: delays and first heartbeats are spread.
#define DORMOUSE_GUARD_JITTER 8

// A guard, to be switched off: the server's `retry:` spreads the return of its fleet.
#define DORMOUSE_GUARD_WINDOW 16

// A guard, to be switched off: changes of network and resumes are acted upon.
#define DORMOUSE_GUARD_HINTS 32

// When the token is refused: stop.
#define DORMOUSE_ON_UNAUTHORIZED_STOP 0

// When the token is refused: show it, and try again after 5 minutes, doubling to an hour, or with a new token.
#define DORMOUSE_ON_UNAUTHORIZED_PARK 1

// The input was taken whole, and more is needed.
#define DORMOUSE_ITEM_NONE 0

// An event: `name`, `data` and `id`.
#define DORMOUSE_ITEM_EVENT 1

// A comment ended: the server lives.
#define DORMOUSE_ITEM_COMMENT 2

// The server set the reconnection time: `retry_ms`.
#define DORMOUSE_ITEM_RETRY 3

// The stream broke a limit: `code`. It says so until the decoder is reset.
#define DORMOUSE_ITEM_LIMIT 4

// Decodes one `text/event-stream`, as the WHATWG HTML standard has it, cut into pieces of any size.
typedef struct dormouse_decoder dormouse_decoder;

// One watch: the whole protocol, without any I/O. Made by `dormouse_watch_new`, freed by `dormouse_watch_free`.
typedef struct dormouse_watch dormouse_watch;

// Bytes that somebody else owns: `ptr` points at `len` of them. NULL with a length of 0 is nothing at all.
typedef struct dormouse_slice {
    // The first byte.
    const char *ptr;
    // How many there are.
    size_t len;
} dormouse_slice;

// How a watch is to be: begin with `dormouse_config_init`, and set what is to be different. A text whose `ptr` is NULL
// and a number that is 0 are the defaults. Texts are read during the call and need not stay. The struct of an older header
// is taken as well: what it does not have is the default.
typedef struct dormouse_config {
    // `sizeof(dormouse_config)`, which `dormouse_config_init` writes.
    size_t size;
    // The service: an absolute http or https URL, perhaps with a path, without query, fragment and user info.
    // Required. At most 2 KiB, like every text here.
    struct dormouse_slice base;
    // The watch's path below the base: `/v1/watch` by default.
    struct dormouse_slice watch_path;
    // The heartbeat's path below the base: `/v1/watch/heartbeat` by default.
    struct dormouse_slice heartbeat_path;
    // The authorization scheme before the token: `Bearer` by default.
    struct dormouse_slice auth_scheme;
    // The protocol version to announce: `2.2.0` by default.
    struct dormouse_slice protocol_version;
    // The longest line of the stream, in bytes: 64 KiB by default, 1 KiB to 64 MiB.
    size_t line_limit;
    // The longest data of one event, in bytes: 256 KiB by default, 1 KiB to 64 MiB.
    size_t data_limit;
    // Which guards are off: `DORMOUSE_GUARD_*`, combined with `|`. A fleet wants them all on.
    uint32_t guards_off;
    // What to do when the token is refused: `DORMOUSE_ON_UNAUTHORIZED_*`.
    uint32_t on_unauthorized;
} dormouse_config;

// One header of a request or a response.
typedef struct dormouse_header {
    // Its name, without the colon, in any case.
    struct dormouse_slice name;
    // Its value.
    struct dormouse_slice value;
} dormouse_header;

// What is to be done. `kind` says which of these it is, and which fields apply; the others are 0, or NULL and 0. It is
// the library's own, and stays as it is until the next call on its watch that is not const. Every text is followed by a
// NUL that `len` does not count, and none has one inside, but for a wake's `token`, which may hold anything.
typedef struct dormouse_action {
    // `DORMOUSE_ACTION_*`.
    uint32_t kind;
    // Status: `DORMOUSE_STATUS_*` or `DORMOUSE_STOP_*`. Stop: `DORMOUSE_STOP_*`. Reports: the oddity, or the first
    // code of what was wrong, from the outside in.
    uint32_t code;
    // The stable name of all of it: `connected`, or of a cause every part with dots between, as
    // `stream.wake.type.token`. A status that is an end is `stopped`.
    struct dormouse_slice name;
    // Connect, disconnect, and reports about one: the number of the attempt, from 1.
    uint64_t attempt;
    // Heartbeat, abandon, and reports about one: the number of the heartbeat, from 1.
    uint64_t beat;
    // Sleep: when `dormouse_watch_tick` is due, or `DORMOUSE_NEVER`.
    uint64_t until_ms;
    // Connect and heartbeat: `GET` or `POST`.
    struct dormouse_slice method;
    // Connect and heartbeat: the absolute URL to send it to. Wake: where to go.
    struct dormouse_slice url;
    // Connect and heartbeat: the headers to send, and no others that mean anything. `authorization` is a secret.
    const struct dormouse_header *headers;
    // How many headers there are.
    size_t header_count;
    // Heartbeat: the body. A connect has none.
    struct dormouse_slice body;
    // Wake: the token that opens `url`. A secret.
    struct dormouse_slice token;
    // Wake: which remote access session it belongs to, if it says so; else NULL.
    struct dormouse_slice session;
    // Wake, and report connected: how long the device is to wait for its viewer, 5 s to 24 h.
    uint64_t wait_for_viewer_ms;
    // Report: `DORMOUSE_REPORT_*`.
    uint32_t report;
    // Report ended: `DORMOUSE_PHASE_*`.
    uint32_t phase;
    // The second code of what was wrong, if it has one.
    uint32_t fault_code;
    // The third.
    uint32_t detail_code;
    // The fourth.
    uint32_t part_code;
    // The HTTP status, where that is what was wrong; else -1.
    int32_t http_status;
    // Report heartbeat: 1 if the lease was refreshed.
    uint32_t accepted;
    // Report ended: what follows, `DORMOUSE_THEN_*`.
    uint32_t then;
    // Report ended, where the end follows: `DORMOUSE_STOP_*`.
    uint32_t reason;
    // 1 where the five fields below apply.
    uint32_t has_delay;
    // How long the next connect waits, in all.
    uint64_t delay_ms;
    // What the protocol's table gave.
    uint64_t row_ms;
    // The least that the flap guard asked for.
    uint64_t flap_ms;
    // The least that the server's `Retry-After` asked for.
    uint64_t retry_after_ms;
    // What was drawn from the reconnect window.
    uint64_t window_ms;
    // Report connected: from the connect to `hello`. Report heartbeat: from its sending to its end.
    uint64_t took_ms;
    // Report connected: how often the lease is refreshed, 1 s to 24 h.
    uint64_t heartbeat_interval_ms;
    // Report ended: how long the attempt ran, or a watch since `hello`.
    uint64_t ran_ms;
    // Report held: how long the connect waits.
    uint64_t wait_ms;
} dormouse_action;

// Counts since a watch was made. They never run backwards and never overflow.
typedef struct dormouse_stats {
    // Connects that were handed out.
    uint64_t connects;
    // Connects that ended in `hello`.
    uint64_t hellos;
    // Wakes received.
    uint64_t wakes;
    // Wakes whose hand-over the application reported as failed.
    uint64_t hand_overs_failed;
    // Heartbeats that were handed out.
    uint64_t heartbeats;
    // Heartbeats that refreshed the lease.
    uint64_t heartbeats_accepted;
    // Heartbeats that were due while one was still in flight.
    uint64_t heartbeats_skipped;
    // Comments received: the server's signs of life.
    uint64_t comments;
    // Events received that the protocol gives no meaning where they came.
    uint64_t events_ignored;
    // Connects that had to wait, since many were made in a short time.
    uint64_t connects_held;
    // Hints that led to nothing.
    uint64_t hints_ignored;
    // Inputs from attempts or heartbeats that were given up, or never were.
    uint64_t stale;
    // Inputs that make no sense in the state they met.
    uint64_t out_of_place;
} dormouse_stats;

// What a stream is made of. Its texts are UTF-8, not closed with NUL, and stay until the next call on the decoder that
// is not const, as long as the input that was decoded stays too.
typedef struct dormouse_item {
    // `DORMOUSE_ITEM_*`.
    uint32_t kind;
    // Limit: `DORMOUSE_LIMIT_*`.
    uint32_t code;
    // Event: its name; `message` if the stream gave none.
    struct dormouse_slice name;
    // Event: its data, lines joined with LF.
    struct dormouse_slice data;
    // Event: the last event id at that time.
    struct dormouse_slice id;
    // Retry: the reconnection time that the server asks for.
    uint64_t retry_ms;
} dormouse_item;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// What a number means that a call returned: one English sentence, for ever there, never NULL.
const char *dormouse_strerror(int32_t code);

// The stable name of a status, a reason to stop, a transport fault, a hint, an oddity, of what follows an attempt or how
// a hand-over went; for ever there. NULL if the code is none of those. A cause's name is in the action.
const char *dormouse_name(uint32_t code);

// The version of this library, as `DORMOUSE_VERSION` is that of the header.
const char *dormouse_version(void);

// Makes `config` one in which everything is the default. `size` is `sizeof(dormouse_config)`, of the header that the
// caller was compiled with.
int32_t dormouse_config_init(struct dormouse_config *config,
                             size_t size);

// Whether a watch can be made of this. `why`, if there is room for it, becomes a sentence that says what is wrong and
// where, cut off at `capacity` and closed with NUL; it becomes empty if nothing is. Where nothing more is known it is the
// sentence of `dormouse_strerror`. The result is that of `dormouse_watch_new`.
int32_t dormouse_config_check(const struct dormouse_config *config,
                              char *why,
                              size_t capacity);

// Whether this is a token: 1 to 8192 bytes of visible ASCII. `why` is as of `dormouse_config_check`, and says where the
// token is wrong, never what is in it.
int32_t dormouse_token_check(const char *token,
                             size_t token_len,
                             char *why,
                             size_t capacity);

// Makes a watch that wants to connect at once, and puts it in `*watch`.
//
// `token` is the device's: 1 to 8192 bytes of visible ASCII. `seed` is all the chance that the watch will ever have:
// give each device another one, from the operating system's entropy. `now_ms` is the time, on a clock of the
// caller's that does not run backwards, and best one that counts while the device is suspended; where its zero is does
// not matter.
int32_t dormouse_watch_new(struct dormouse_watch **watch,
                           const struct dormouse_config *config,
                           const char *token,
                           size_t token_len,
                           uint64_t seed,
                           uint64_t now_ms);

// Frees a watch, and the action it handed out last. NULL is fine.
void dormouse_watch_free(struct dormouse_watch *watch);

// What to do next, in `*action`. Poll, and do it, until it is `DORMOUSE_ACTION_SLEEP`, which repeats itself until the
// next input. The action is the library's, and stays until the next call on this watch that is not const.
int32_t dormouse_watch_poll(struct dormouse_watch *watch,
                            const struct dormouse_action **action);

// Time has passed. Call it when the time of a sleep has come, after whatever has arrived by then; early is
// harmless, late makes the watch late.
int32_t dormouse_watch_tick(struct dormouse_watch *watch,
                            uint64_t now_ms);

// The head of the response to `attempt` arrived: its status and its headers, all of them, as they came. The library
// knows which ones matter.
int32_t dormouse_watch_head(struct dormouse_watch *watch,
                            uint64_t attempt,
                            uint32_t status,
                            const struct dormouse_header *headers,
                            size_t header_count,
                            uint64_t now_ms);

// Bytes of the stream of `attempt` arrived, cut anywhere. They are read during the call and need not stay.
int32_t dormouse_watch_data(struct dormouse_watch *watch,
                            uint64_t attempt,
                            const void *data,
                            size_t len,
                            uint64_t now_ms);

// The stream of `attempt` came to its proper end.
int32_t dormouse_watch_end(struct dormouse_watch *watch, uint64_t attempt, uint64_t now_ms);

// The connect of `attempt` failed, or its stream broke: `fault` is one of `DORMOUSE_TRANSPORT_*`.
int32_t dormouse_watch_failed(struct dormouse_watch *watch,
                              uint64_t attempt,
                              uint32_t fault,
                              uint64_t now_ms);

// The heartbeat `beat` was answered with this HTTP status, a redirect included.
int32_t dormouse_watch_heartbeat_answer(struct dormouse_watch *watch,
                                        uint64_t beat,
                                        uint32_t status,
                                        uint64_t now_ms);

// The heartbeat `beat` got no answer: `fault` is one of `DORMOUSE_TRANSPORT_*`.
int32_t dormouse_watch_heartbeat_failed(struct dormouse_watch *watch,
                                        uint64_t beat,
                                        uint32_t fault,
                                        uint64_t now_ms);

// Whoever sends heartbeats was told from outside to send no more: the watch stops.
int32_t dormouse_watch_heartbeats_cancelled(struct dormouse_watch *watch, uint64_t now_ms);

// The application has done with the wake and wants to sleep again: `hand_over` is one of `DORMOUSE_HAND_OVER_*`.
int32_t dormouse_watch_sleep_again(struct dormouse_watch *watch,
                                   uint32_t hand_over,
                                   uint64_t now_ms);

// Something outside the protocol suggests that a new connection would do better: `hint` is one of `DORMOUSE_HINT_*`.
int32_t dormouse_watch_hint(struct dormouse_watch *watch,
                            uint32_t hint,
                            uint64_t now_ms);

// There is no network (`offline` is 1), or there is one again (0). While offline nothing is attempted and nothing is
// forgotten.
int32_t dormouse_watch_offline(struct dormouse_watch *watch,
                               uint32_t offline,
                               uint64_t now_ms);

// A new device token, for every request from now on.
int32_t dormouse_watch_new_token(struct dormouse_watch *watch,
                                 const char *token,
                                 size_t token_len,
                                 uint64_t now_ms);

// The application wants no more of it. Final.
int32_t dormouse_watch_stop(struct dormouse_watch *watch, uint64_t now_ms);

// What a person sees: `DORMOUSE_STATUS_*`, or `DORMOUSE_STOP_*` at the end. Negative if the call is wrong.
int32_t dormouse_watch_status(const struct dormouse_watch *watch);

// Whether the device is offline, as was last said: 0 or 1. Negative if the call is wrong.
int32_t dormouse_watch_is_offline(const struct dormouse_watch *watch);

// When `dormouse_watch_tick` is due next, in `*until_ms`: what a sleep says. `DORMOUSE_NEVER` if it is not.
int32_t dormouse_watch_deadline(const struct dormouse_watch *watch,
                                uint64_t *until_ms);

// Counts since the beginning, in `*stats`. `size` is `sizeof(dormouse_stats)`, of the header that the caller was
// compiled with: an older one gets the counts that it has, and counts that the library does not have yet are 0.
int32_t dormouse_watch_stats(const struct dormouse_watch *watch,
                             struct dormouse_stats *stats,
                             size_t size);

// The latest action as an English sentence, for logs: no token is in it, nor a wake's URL. It is written to `buffer`,
// cut off at `capacity` and closed with NUL. Gives the length of the whole sentence, as `snprintf` does; a buffer of 512
// holds every one there is.
int32_t dormouse_watch_describe(const struct dormouse_watch *watch,
                                char *buffer,
                                size_t capacity);

// Makes a decoder at the start of a stream, and puts it in `*decoder`. The limits are in bytes, of one line and of the
// data of one event; 0 is the default: 64 KiB and 256 KiB.
int32_t dormouse_decoder_new(struct dormouse_decoder **decoder,
                             size_t line_limit,
                             size_t data_limit);

// Frees a decoder. NULL is fine.
void dormouse_decoder_free(struct dormouse_decoder *decoder);

// Takes bytes off the front of `input` up to the end of the next item, and puts that in `*item`. Call it again with what
// is left until the item is `DORMOUSE_ITEM_NONE`; then all of the input was taken. How a stream is cut makes no
// difference. A limit that the stream broke is an item too, and `input` is then taken whole.
int32_t dormouse_decoder_decode(struct dormouse_decoder *decoder,
                                struct dormouse_slice *input,
                                struct dormouse_item *item);

// The last event id, in `*id`: what `Last-Event-ID` of the next connection is. Empty if there was none. It outlives a
// reset, and stays until the next call on the decoder that is not const.
int32_t dormouse_decoder_last_event_id(const struct dormouse_decoder *decoder,
                                       struct dormouse_slice *id);

// Makes ready for a new stream. What was unfinished is discarded; only the limits and the last event id stay.
int32_t dormouse_decoder_reset(struct dormouse_decoder *decoder);

#if defined(__wasm__)
// Memory for what is handed in, aligned for every struct of this interface; NULL if there is none. In
// wasm only: elsewhere callers have memory of their own.
void *dormouse_alloc(size_t size);
#endif

#if defined(__wasm__)
// Gives back what `dormouse_alloc` gave for this size. NULL is fine.
void dormouse_free(void *pointer, size_t size);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DORMOUSE_H */
