/*
 * Plays the vectors: journals that hold what goes into a watch and what has to come out.
 *
 *     vectors FILE...
 *
 * Each line with "in" is handed in through the functions of dormouse.h; for each line with "out" one poll is made, and
 * the action is written as such a line, from the public struct alone, field by field. Where one byte differs, or a
 * file cannot be read, or there are fewer than 90 of them, the exit code is 1.
 */
#define _POSIX_C_SOURCE 200809L
#include <dormouse.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEWEST = 90 };

static const char *file;
static size_t line_number;

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%zu: ", file, line_number);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

/* A call that has to be fine. */
static void fine(int32_t code) {
    if (code < 0) {
        fail("%s (%" PRId32 ")", dormouse_strerror(code), code);
    }
}

/* What goes in. */

static struct json_object *field(struct json_object *line, const char *key) {
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(line, key, &value)) {
        fail("it has no %s", key);
    }
    return value;
}

static int has(struct json_object *line, const char *key) {
    return json_object_object_get_ex(line, key, NULL);
}

static uint64_t number(struct json_object *line, const char *key) {
    return json_object_get_uint64(field(line, key));
}

static int flag(struct json_object *line, const char *key) {
    return json_object_get_boolean(field(line, key)) != 0;
}

static const char *string(struct json_object *line, const char *key) {
    return json_object_get_string(field(line, key));
}

static dormouse_slice text(struct json_object *line, const char *key) {
    struct json_object *value = field(line, key);
    dormouse_slice slice = {json_object_get_string(value), (size_t)json_object_get_string_len(value)};
    return slice;
}

static dormouse_slice slice_of(const char *text) {
    dormouse_slice slice = {text, strlen(text)};
    return slice;
}

/* The code among these that has this name. */
static uint32_t named(const char *name, uint32_t first, uint32_t last) {
    for (uint32_t code = first; code <= last; code++) {
        const char *known = dormouse_name(code);
        if (known != NULL && strcmp(known, name) == 0) {
            return code;
        }
    }
    fail("nothing is named %s", name);
    return 0;
}

/* As many x as the journal says that there were. */
static char *token(struct json_object *line, size_t *len) {
    *len = (size_t)number(line, "token_len");
    char *token = malloc(*len + 1);
    if (token == NULL) {
        fail("no memory");
    }
    memset(token, 'x', *len);
    return token;
}

static dormouse_watch *begin(struct json_object *line) {
    dormouse_config config;
    fine(dormouse_config_init(&config, sizeof config));
    config.base = text(line, "base");
    config.watch_path = text(line, "watch_path");
    config.heartbeat_path = text(line, "heartbeat_path");
    config.auth_scheme = text(line, "auth_scheme");
    config.protocol_version = text(line, "protocol_version");
    config.line_limit = (size_t)number(line, "line_limit");
    config.data_limit = (size_t)number(line, "data_limit");
    config.guards_off = (flag(line, "flap") ? 0 : DORMOUSE_GUARD_FLAP) |
                        (flag(line, "connect_bound") ? 0 : DORMOUSE_GUARD_CONNECT_BOUND) |
                        (flag(line, "retry_after") ? 0 : DORMOUSE_GUARD_RETRY_AFTER) |
                        (flag(line, "jitter") ? 0 : DORMOUSE_GUARD_JITTER) |
                        (flag(line, "window") ? 0 : DORMOUSE_GUARD_WINDOW) |
                        (flag(line, "hints") ? 0 : DORMOUSE_GUARD_HINTS);
    config.on_unauthorized = strcmp(string(line, "on_unauthorized"), "park") == 0
                                 ? DORMOUSE_ON_UNAUTHORIZED_PARK
                                 : DORMOUSE_ON_UNAUTHORIZED_STOP;
    dormouse_watch *watch = NULL;
    size_t len;
    char *device = token(line, &len);
    uint64_t seed = strtoull(string(line, "seed"), NULL, 16);
    fine(dormouse_watch_new(&watch, &config, device, len, seed, number(line, "start")));
    free(device);
    return watch;
}

static void head(dormouse_watch *watch, struct json_object *line, uint64_t now) {
    dormouse_header headers[3];
    size_t count = 0;
    char seconds[24];
    if (flag(line, "event_stream")) {
        dormouse_header header = {slice_of("content-type"), slice_of("text/event-stream")};
        headers[count++] = header;
    }
    if (flag(line, "compressed")) {
        dormouse_header header = {slice_of("content-encoding"), slice_of("gzip")};
        headers[count++] = header;
    }
    if (has(line, "retry_after_s")) {
        snprintf(seconds, sizeof seconds, "%" PRIu64, number(line, "retry_after_s"));
        dormouse_header header = {slice_of("retry-after"), slice_of(seconds)};
        headers[count++] = header;
    }
    uint32_t status = (uint32_t)number(line, "status");
    fine(dormouse_watch_head(watch, number(line, "attempt"), status, headers, count, now));
}

static int digit(char symbol) {
    return symbol <= '9' ? symbol - '0' : symbol - 'a' + 10;
}

static void data(dormouse_watch *watch, struct json_object *line, uint64_t now) {
    dormouse_slice written = text(line, has(line, "hex") ? "hex" : "text");
    size_t len = has(line, "hex") ? written.len / 2 : written.len;
    /* Exactly as long as it is said to be, so that a tool sees who reads one byte more. */
    char *bytes = malloc(len > 0 ? len : 1);
    if (bytes == NULL) {
        fail("no memory");
    }
    if (has(line, "hex")) {
        for (size_t at = 0; at < len; at++) {
            bytes[at] = (char)(digit(written.ptr[2 * at]) << 4 | digit(written.ptr[2 * at + 1]));
        }
    } else {
        memcpy(bytes, written.ptr, len);
    }
    fine(dormouse_watch_data(watch, number(line, "attempt"), bytes, len, now));
    free(bytes);
}

static void input(dormouse_watch *watch, struct json_object *line, const char *kind) {
    uint64_t now = number(line, "at");
    if (strcmp(kind, "tick") == 0) {
        fine(dormouse_watch_tick(watch, now));
    } else if (strcmp(kind, "head") == 0) {
        head(watch, line, now);
    } else if (strcmp(kind, "data") == 0) {
        data(watch, line, now);
    } else if (strcmp(kind, "end") == 0) {
        fine(dormouse_watch_end(watch, number(line, "attempt"), now));
    } else if (strcmp(kind, "failed") == 0) {
        uint32_t fault = (uint32_t)number(line, "code");
        fine(dormouse_watch_failed(watch, number(line, "attempt"), fault, now));
    } else if (strcmp(kind, "heartbeat_answer") == 0) {
        uint32_t status = (uint32_t)number(line, "status");
        fine(dormouse_watch_heartbeat_answer(watch, number(line, "beat"), status, now));
    } else if (strcmp(kind, "heartbeat_failed") == 0) {
        uint32_t fault = (uint32_t)number(line, "code");
        fine(dormouse_watch_heartbeat_failed(watch, number(line, "beat"), fault, now));
    } else if (strcmp(kind, "heartbeats_cancelled") == 0) {
        fine(dormouse_watch_heartbeats_cancelled(watch, now));
    } else if (strcmp(kind, "sleep_again") == 0) {
        uint32_t code = named(string(line, "hand_over"), DORMOUSE_HAND_OVER_DONE,
                              DORMOUSE_HAND_OVER_FAILED);
        fine(dormouse_watch_sleep_again(watch, code, now));
    } else if (strcmp(kind, "hint") == 0) {
        uint32_t code = named(string(line, "hint"), DORMOUSE_HINT_NETWORK_CHANGED,
                              DORMOUSE_HINT_RESUMED);
        fine(dormouse_watch_hint(watch, code, now));
    } else if (strcmp(kind, "offline") == 0) {
        fine(dormouse_watch_offline(watch, (uint32_t)flag(line, "offline"), now));
    } else if (strcmp(kind, "new_token") == 0) {
        size_t len;
        char *device = token(line, &len);
        fine(dormouse_watch_new_token(watch, device, len, now));
        free(device);
    } else if (strcmp(kind, "stop") == 0) {
        fine(dormouse_watch_stop(watch, now));
    } else {
        fail("an input that nobody knows: %s", kind);
    }
}

/* What comes out: one line in memory, field by field. */

static FILE *out;

static void put_number(const char *key, uint64_t value) {
    fprintf(out, ",\"%s\":%" PRIu64, key, value);
}

static void put_nonzero(const char *key, uint64_t value) {
    if (value != 0) {
        put_number(key, value);
    }
}

static void put_text(const char *key, dormouse_slice text) {
    fprintf(out, ",\"%s\":\"", key);
    for (size_t at = 0; at < text.len; at++) {
        unsigned char symbol = (unsigned char)text.ptr[at];
        switch (symbol) {
        case '"': fputs("\\\"", out); break;
        case '\\': fputs("\\\\", out); break;
        case '\b': fputs("\\b", out); break;
        case '\t': fputs("\\t", out); break;
        case '\n': fputs("\\n", out); break;
        case '\f': fputs("\\f", out); break;
        case '\r': fputs("\\r", out); break;
        default:
            if (symbol < 0x20) {
                fprintf(out, "\\u%04x", symbol);
            } else {
                fputc(symbol, out);
            }
        }
    }
    fputc('"', out);
}

static void put_name(const char *key, uint32_t code) {
    const char *name = dormouse_name(code);
    put_text(key, slice_of(name != NULL ? name : "?"));
}

static void put_request(const dormouse_action *action) {
    put_text("method", action->method);
    put_text("url", action->url);
    if (action->body.ptr != NULL) {
        put_text("body", action->body);
    }
}

static void put_cause(const dormouse_action *action) {
    put_number("code", action->code);
    put_nonzero("fault_code", action->fault_code);
    put_nonzero("detail_code", action->detail_code);
    put_nonzero("part_code", action->part_code);
    put_text("cause", action->name);
    if (action->http_status >= 0) {
        put_number("status", (uint64_t)action->http_status);
    }
}

static void put_delay(const dormouse_action *action) {
    if (action->has_delay) {
        put_number("delay_ms", action->delay_ms);
        put_number("row_ms", action->row_ms);
        put_number("flap_ms", action->flap_ms);
        put_number("retry_after_ms", action->retry_after_ms);
        put_number("window_ms", action->window_ms);
    }
}

static void put_report(const dormouse_action *action) {
    switch (action->report) {
    case DORMOUSE_REPORT_CONNECTED:
        put_text("report", slice_of("connected"));
        put_number("attempt", action->attempt);
        put_number("took_ms", action->took_ms);
        put_number("heartbeat_interval_ms", action->heartbeat_interval_ms);
        put_number("wait_for_viewer_ms", action->wait_for_viewer_ms);
        break;
    case DORMOUSE_REPORT_ODDITY:
        put_text("report", slice_of("oddity"));
        put_number("attempt", action->attempt);
        put_text("oddity", action->name);
        break;
    case DORMOUSE_REPORT_HEARTBEAT:
        put_text("report", slice_of("heartbeat"));
        put_number("beat", action->beat);
        put_number("took_ms", action->took_ms);
        fprintf(out, ",\"accepted\":%s", action->accepted ? "true" : "false");
        if (!action->accepted) {
            put_cause(action);
        }
        break;
    case DORMOUSE_REPORT_ENDED:
        put_text("report", slice_of("ended"));
        put_number("attempt", action->attempt);
        put_text("phase", slice_of(action->phase == DORMOUSE_PHASE_WATCH ? "watch" : "connect"));
        put_cause(action);
        put_number("ran_ms", action->ran_ms);
        put_name("then", action->then);
        put_delay(action);
        if (action->then == DORMOUSE_THEN_STOP) {
            put_name("reason", action->reason);
        }
        break;
    case DORMOUSE_REPORT_HAND_OVER_FAILED:
        put_text("report", slice_of("hand_over_failed"));
        put_delay(action);
        break;
    case DORMOUSE_REPORT_HELD:
        put_text("report", slice_of("held"));
        put_number("wait_ms", action->wait_ms);
        break;
    default:
        fail("a report that nobody knows: %" PRIu32, action->report);
    }
}

static void put_action(const dormouse_action *action) {
    static const char *const kinds[] = {
        [DORMOUSE_ACTION_DISCONNECT] = "disconnect", [DORMOUSE_ACTION_ABANDON] = "abandon",
        [DORMOUSE_ACTION_CONNECT] = "connect",       [DORMOUSE_ACTION_HEARTBEAT] = "heartbeat",
        [DORMOUSE_ACTION_REPORT] = "report",         [DORMOUSE_ACTION_STATUS] = "status",
        [DORMOUSE_ACTION_WAKE] = "wake",             [DORMOUSE_ACTION_STOP] = "stop",
        [DORMOUSE_ACTION_SLEEP] = "sleep",
    };
    if (action->kind == 0 || action->kind > DORMOUSE_ACTION_SLEEP) {
        fail("an action that nobody knows: %" PRIu32, action->kind);
    }
    fprintf(out, "{\"out\":\"%s\"", kinds[action->kind]);
    switch (action->kind) {
    case DORMOUSE_ACTION_DISCONNECT:
        put_number("attempt", action->attempt);
        break;
    case DORMOUSE_ACTION_ABANDON:
        put_number("beat", action->beat);
        break;
    case DORMOUSE_ACTION_CONNECT:
        put_number("attempt", action->attempt);
        put_request(action);
        break;
    case DORMOUSE_ACTION_HEARTBEAT:
        put_number("beat", action->beat);
        put_request(action);
        break;
    case DORMOUSE_ACTION_REPORT:
        put_report(action);
        break;
    case DORMOUSE_ACTION_STATUS:
        put_number("code", action->code);
        put_text("status", action->name);
        break;
    case DORMOUSE_ACTION_WAKE:
        put_text("url", action->url);
        put_number("token_len", action->token.len);
        if (action->session.ptr != NULL) {
            put_text("session", action->session);
        }
        put_number("wait_for_viewer_ms", action->wait_for_viewer_ms);
        break;
    case DORMOUSE_ACTION_STOP:
        put_number("code", action->code);
        put_text("reason", action->name);
        break;
    case DORMOUSE_ACTION_SLEEP:
        if (action->until_ms != DORMOUSE_NEVER) {
            put_number("until", action->until_ms);
        }
        break;
    }
    fputc('}', out);
}

/* What the header promises of an action beside its fields. */
static void check_promises(const dormouse_watch *watch, const dormouse_action *action) {
    const dormouse_slice texts[] = {action->name, action->method, action->url,
                                    action->body, action->token,  action->session};
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        if (texts[at].ptr != NULL && texts[at].ptr[texts[at].len] != '\0') {
            fail("a text that is not closed");
        }
    }
    for (size_t at = 0; at < action->header_count; at++) {
        const dormouse_header *header = &action->headers[at];
        if (strlen(header->name.ptr) != header->name.len ||
            strlen(header->value.ptr) != header->value.len) {
            fail("a header that is not closed");
        }
    }
    char sentence[512];
    int32_t len = dormouse_watch_describe(watch, sentence, sizeof sentence);
    if (len <= 0 || (size_t)len >= sizeof sentence || strlen(sentence) != (size_t)len) {
        fail("a sentence of %" PRId32 " bytes", len);
    }
    if (strstr(sentence, "xxxx") != NULL) {
        fail("a token in a sentence: %s", sentence);
    }
}

static void output(dormouse_watch *watch, const char *wanted) {
    const dormouse_action *action = NULL;
    fine(dormouse_watch_poll(watch, &action));
    check_promises(watch, action);
    char *line = NULL;
    size_t len = 0;
    out = open_memstream(&line, &len);
    if (out == NULL) {
        fail("no memory");
    }
    put_action(action);
    fclose(out);
    if (strcmp(line, wanted) != 0) {
        fail("it has to be\n    %s\nand is\n    %s", wanted, line);
    }
    free(line);
}

static size_t play(void) {
    FILE *lines = fopen(file, "rb");
    if (lines == NULL) {
        fail("it cannot be opened");
    }
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    size_t outputs = 0;
    dormouse_watch *watch = NULL;
    for (line_number = 1; (len = getline(&line, &capacity, lines)) > 0; line_number++) {
        if (line[len - 1] != '\n') {
            fail("a line that was torn off");
        }
        line[len - 1] = '\0';
        struct json_object *object = json_tokener_parse(line);
        if (!json_object_is_type(object, json_type_object)) {
            fail("no JSON object");
        }
        if (watch == NULL) {
            if (number(object, "dormouse_journal") != 1) {
                fail("another format");
            }
            watch = begin(object);
        } else if (has(object, "in")) {
            input(watch, object, string(object, "in"));
        } else if (has(object, "out")) {
            output(watch, line);
            outputs++;
        } else {
            fail("neither in nor out");
        }
        json_object_put(object);
    }
    free(line);
    fclose(lines);
    dormouse_watch_free(watch);
    if (outputs == 0) {
        fail("nothing was asked of the watch");
    }
    return outputs;
}

int main(int count, char **files) {
    size_t outputs = 0;
    for (int at = 1; at < count; at++) {
        file = files[at];
        line_number = 0;
        outputs += play();
    }
    if (count - 1 < FEWEST) {
        fprintf(stderr, "%d vectors are not all of them\n", count - 1);
        return 1;
    }
    printf("%d vectors, %zu actions, every byte the same\n", count - 1, outputs);
    return 0;
}
