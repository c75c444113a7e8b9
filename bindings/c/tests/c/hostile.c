/*
 * A caller that gets everything wrong: each call has to be refused with its number, and nothing may have changed.
 */
#define _POSIX_C_SOURCE 200809L
#include <dormouse.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned checks;

#define CHECK(condition)                                                              \
    do {                                                                              \
        checks++;                                                                     \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

static const char *const SPACES = "   ";

static dormouse_slice slice(const char *text) {
    dormouse_slice slice = {text, text != NULL ? strlen(text) : 0};
    return slice;
}

static dormouse_config config_of(const char *base) {
    dormouse_config config;
    CHECK(dormouse_config_init(&config, sizeof config) == 0);
    config.base = slice(base);
    return config;
}

static dormouse_watch *fresh(void) {
    dormouse_config config = config_of("https://api.example.com");
    dormouse_watch *watch = NULL;
    CHECK(dormouse_watch_new(&watch, &config, "canary", 6, 1, 1000) == 0);
    return watch;
}

static dormouse_stats stats_of(const dormouse_watch *watch) {
    dormouse_stats stats;
    CHECK(dormouse_watch_stats(watch, &stats, sizeof stats) == 0);
    return stats;
}

/* Polls until it sleeps, and says how many actions there were, and the last one. */
static const dormouse_action *drain(dormouse_watch *watch, unsigned *count) {
    const dormouse_action *action = NULL;
    for (*count = 0; *count < 100; ++*count) {
        CHECK(dormouse_watch_poll(watch, &action) == 0);
        if (action->kind == DORMOUSE_ACTION_SLEEP) {
            return action;
        }
        char sentence[512];
        CHECK(dormouse_watch_describe(watch, sentence, sizeof sentence) > 0);
        CHECK(strstr(sentence, "canary") == NULL);
    }
    CHECK(!"it sleeps at last");
    return NULL;
}

/* What was refused is also said, in a buffer that held something else, to its end and not beyond. */
static int says(int32_t code, const dormouse_config *config) {
    char why[256];
    memset(why, '#', sizeof why);
    CHECK(dormouse_config_check(config, why, sizeof why) == code);
    int said = memchr(why, '\0', sizeof why) != NULL && strcmp(why, dormouse_strerror(code)) == 0;
    memset(why, '#', sizeof why);
    CHECK(dormouse_config_check(config, why, 4) == code);
    return said && memcmp(why, dormouse_strerror(code), 3) == 0 && why[3] == '\0' && why[4] == '#';
}

static int says_of_token(int32_t code, const char *token, size_t len) {
    char why[256];
    memset(why, '#', sizeof why);
    CHECK(dormouse_token_check(token, len, why, sizeof why) == code);
    return memchr(why, '\0', sizeof why) != NULL && strcmp(why, dormouse_strerror(code)) == 0;
}

static void configurations(void) {
    dormouse_config config;
    memset(&config, 0x55, sizeof config);
    dormouse_config before = config;
    CHECK(dormouse_config_init(NULL, sizeof config) == DORMOUSE_E_NULL);
    CHECK(dormouse_config_init(&config, 0) == DORMOUSE_E_SIZE);
    CHECK(dormouse_config_init(&config, sizeof config - 1) == DORMOUSE_E_SIZE);
    CHECK(dormouse_config_init(&config, SIZE_MAX) == DORMOUSE_E_SIZE);
    CHECK(memcmp(&config, &before, sizeof config) == 0);

    const struct {
        const char *base;
        int32_t code;
    } bases[] = {
        {"", DORMOUSE_E_BASE},
        {"example.com", DORMOUSE_E_BASE},
        {"ftp://example.com", DORMOUSE_E_BASE},
        {"https://me:canary@example.com", DORMOUSE_E_BASE},
        {"https://example.com/?q", DORMOUSE_E_BASE},
        {"https://ex\xff", DORMOUSE_E_UTF8},
        {NULL, DORMOUSE_E_NULL},
    };
    for (size_t at = 0; at < sizeof bases / sizeof *bases; at++) {
        config = config_of(bases[at].base);
        char why[200] = "?";
        CHECK(dormouse_config_check(&config, why, sizeof why) == bases[at].code);
        if (bases[at].code == DORMOUSE_E_BASE) {
            CHECK(strlen(why) > 20);
        } else {
            CHECK(strcmp(why, dormouse_strerror(bases[at].code)) == 0);
        }
        CHECK(strstr(why, "canary") == NULL);
        CHECK(dormouse_config_check(&config, NULL, 0) == bases[at].code);
        dormouse_watch *watch = (dormouse_watch *)(uintptr_t)8;
        CHECK(dormouse_watch_new(&watch, &config, "canary", 6, 0, 0) == bases[at].code);
        CHECK(watch == (dormouse_watch *)(uintptr_t)8);
    }

    config = config_of("https://example.com");
    char why[200] = "?";
    CHECK(dormouse_config_check(&config, why, sizeof why) == 0 && why[0] == '\0');
    CHECK(dormouse_config_check(&config, NULL, 1) == DORMOUSE_E_NULL);
    CHECK(dormouse_config_check(NULL, why, sizeof why) == DORMOUSE_E_NULL);
    CHECK(dormouse_config_check((dormouse_config *)((char *)&config + 1), why, sizeof why) ==
          DORMOUSE_E_ALIGN);
    CHECK(says(DORMOUSE_E_NULL, NULL));
    CHECK(says(DORMOUSE_E_ALIGN, (dormouse_config *)((char *)&config + 1)));
    config.size = 7;
    CHECK(says(DORMOUSE_E_SIZE, &config));
    config.size = SIZE_MAX;
    CHECK(says(DORMOUSE_E_SIZE, &config));

    /* The first version's structs, to which later ones may only add: what is as long is always taken, what is shorter never. */
    dormouse_config first;
    const size_t first_config = sizeof(size_t) * 13 + 8;
    memset(&first, 0x55, sizeof first);
    CHECK(dormouse_config_init(&first, first_config) == 0 && first.size == first_config);
    CHECK(sizeof first == first_config || ((char *)&first)[first_config] == 0x55);
    first.base = slice("https://example.com");
    CHECK(dormouse_config_check(&first, NULL, 0) == 0);
    first.size = first_config - sizeof(size_t);
    CHECK(says(DORMOUSE_E_SIZE, &first));
    CHECK(dormouse_config_init(&first, first_config - sizeof(size_t)) == DORMOUSE_E_SIZE);
    CHECK(dormouse_config_init(&first, first_config + 1) == DORMOUSE_E_SIZE);

    /* A newer caller: more fields, which may be zero and nothing else. */
    struct {
        dormouse_config known;
        uint64_t unknown;
    } newer;
    CHECK(dormouse_config_init(&newer.known, sizeof newer) == 0);
    CHECK(newer.known.size == sizeof newer && newer.unknown == 0);
    newer.known.base = slice("https://example.com");
    CHECK(dormouse_config_check(&newer.known, NULL, 0) == 0);
    newer.unknown = 1;
    CHECK(says(DORMOUSE_E_SIZE, &newer.known));

    const struct {
        size_t offset;
        const char *text;
        int32_t code;
    } texts[] = {
        {offsetof(dormouse_config, watch_path), "v1", DORMOUSE_E_PATH},
        {offsetof(dormouse_config, watch_path), "", DORMOUSE_E_PATH},
        {offsetof(dormouse_config, heartbeat_path), "/a?b", DORMOUSE_E_PATH},
        {offsetof(dormouse_config, auth_scheme), "Bea rer", DORMOUSE_E_AUTH_SCHEME},
        {offsetof(dormouse_config, protocol_version), "", DORMOUSE_E_PROTOCOL_VERSION},
        {offsetof(dormouse_config, protocol_version), "\xc3", DORMOUSE_E_UTF8},
        {offsetof(dormouse_config, watch_path), NULL, 0},
    };
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        config = config_of("https://example.com");
        *(dormouse_slice *)((char *)&config + texts[at].offset) = slice(texts[at].text);
        CHECK(dormouse_config_check(&config, NULL, 0) == texts[at].code);
    }
    config = config_of("https://example.com");
    config.watch_path.len = 3;
    CHECK(says(DORMOUSE_E_NULL, &config));
    config.watch_path = slice(SPACES);
    config.watch_path.len = SIZE_MAX;
    CHECK(says(DORMOUSE_E_LENGTH, &config));
    char *long_text = malloc(5000);
    CHECK(long_text != NULL);
    memset(long_text, 'x', 5000);
    config = config_of("https://example.com");
    config.auth_scheme.ptr = long_text;
    config.auth_scheme.len = 5000;
    CHECK(dormouse_config_check(&config, NULL, 0) == DORMOUSE_E_TOO_LONG);
    config = config_of("https://example.com");
    for (size_t limit = 1; limit != 0; limit <<= 1) {
        config.line_limit = limit;
        int32_t wanted = limit >= 1024 && limit <= 64 * 1024 * 1024 ? 0 : DORMOUSE_E_LIMIT;
        CHECK(dormouse_config_check(&config, NULL, 0) == wanted);
    }
    config.line_limit = 0;
    config.guards_off = 64;
    CHECK(says(DORMOUSE_E_CODE, &config));
    config.guards_off = 63;
    config.on_unauthorized = 2;
    CHECK(says(DORMOUSE_E_CODE, &config));

    CHECK(dormouse_token_check("canary\n", 7, why, sizeof why) == DORMOUSE_E_TOKEN_LINE_BREAK);
    CHECK(strstr(why, "byte 6") != NULL && strstr(why, "canary") == NULL);
    CHECK(dormouse_token_check("", 0, NULL, 0) == DORMOUSE_E_TOKEN_EMPTY);
    CHECK(dormouse_token_check(NULL, 0, NULL, 0) == DORMOUSE_E_TOKEN_EMPTY);
    CHECK(dormouse_token_check(NULL, 1, NULL, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_token_check("a", 1, NULL, 1) == DORMOUSE_E_NULL);
    CHECK(says_of_token(DORMOUSE_E_NULL, NULL, 1));
    CHECK(says_of_token(DORMOUSE_E_UTF8, "canary\xff", 7));
    CHECK(says_of_token(DORMOUSE_E_LENGTH, "canary", SIZE_MAX));
    CHECK(dormouse_token_check("a b", 3, NULL, 0) == DORMOUSE_E_TOKEN_FORBIDDEN);
    CHECK(dormouse_token_check("\xff", 1, NULL, 0) == DORMOUSE_E_UTF8);
    CHECK(dormouse_token_check("ab\0c", 4, NULL, 0) == DORMOUSE_E_TOKEN_FORBIDDEN);
    CHECK(dormouse_token_check("a", SIZE_MAX, NULL, 0) == DORMOUSE_E_LENGTH);
    char *long_token = malloc(8193);
    CHECK(long_token != NULL);
    memset(long_token, 'x', 8193);
    CHECK(dormouse_token_check(long_token, 8193, NULL, 0) == DORMOUSE_E_TOKEN_TOO_LONG);
    CHECK(dormouse_token_check(long_token, 8192, NULL, 0) == 0);
    free(long_token);
    free(long_text);
}

static void nothing_at_all(void) {
    const dormouse_action *action = NULL;
    uint64_t until = 7;
    dormouse_stats stats;
    char buffer[8];
    dormouse_watch_free(NULL);
    CHECK(dormouse_watch_new(NULL, NULL, NULL, 0, 0, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_poll(NULL, &action) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_tick(NULL, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_head(NULL, 1, 200, NULL, 0, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_data(NULL, 1, "x", 1, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_end(NULL, 1, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_failed(NULL, 1, DORMOUSE_TRANSPORT_OTHER, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_heartbeat_answer(NULL, 1, 204, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_heartbeat_failed(NULL, 1, DORMOUSE_TRANSPORT_OTHER, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_heartbeats_cancelled(NULL, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_sleep_again(NULL, DORMOUSE_HAND_OVER_DONE, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_hint(NULL, DORMOUSE_HINT_RESUMED, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_offline(NULL, 1, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_new_token(NULL, "a", 1, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_stop(NULL, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_status(NULL) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_is_offline(NULL) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_deadline(NULL, &until) == DORMOUSE_E_NULL && until == 7);
    CHECK(dormouse_watch_stats(NULL, &stats, sizeof stats) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_describe(NULL, buffer, sizeof buffer) == DORMOUSE_E_NULL);
    CHECK(action == NULL);

    dormouse_watch *watch = fresh();
    dormouse_stats before = stats_of(watch);
    CHECK(dormouse_watch_poll(watch, NULL) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_deadline(watch, NULL) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_stats(watch, NULL, sizeof stats) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_stats(watch, &stats, 8) == DORMOUSE_E_SIZE);
    CHECK(dormouse_watch_stats(watch, &stats, SIZE_MAX) == DORMOUSE_E_SIZE);
    /* The first version's 13 counts are always given, and no fewer; what a newer caller has beyond is 0. */
    struct {
        dormouse_stats known;
        uint64_t unknown[2];
    } newer;
    memset(&newer, 0x55, sizeof newer);
    CHECK(dormouse_watch_stats(watch, &newer.known, 12 * 8) == DORMOUSE_E_SIZE);
    CHECK(newer.known.connects == 0x5555555555555555 && newer.known.out_of_place == newer.known.connects);
    CHECK(dormouse_watch_stats(watch, &newer.known, 13 * 8) == 0);
    CHECK(newer.known.out_of_place == 0 && newer.unknown[0] == 0x5555555555555555);
    CHECK(dormouse_watch_stats(watch, &newer.known, sizeof stats + 8) == 0);
    CHECK(newer.unknown[0] == 0 && newer.unknown[1] == 0x5555555555555555);
    CHECK(dormouse_watch_describe(watch, NULL, 8) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_describe(watch, NULL, 0) > 0);
    CHECK(dormouse_watch_data(watch, 1, NULL, 1, 2000) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_data(watch, 1, "x", SIZE_MAX, 2000) == DORMOUSE_E_LENGTH);
    CHECK(dormouse_watch_head(watch, 1, 200, NULL, 1, 2000) == DORMOUSE_E_NULL);
    dormouse_header header = {slice("content-type"), slice("text/event-stream")};
    CHECK(dormouse_watch_head(watch, 1, 200, &header, SIZE_MAX / sizeof header, 2000) ==
          DORMOUSE_E_LENGTH);
    CHECK(dormouse_watch_head(watch, 1, 200, (dormouse_header *)((char *)&header + 1), 1, 2000) ==
          DORMOUSE_E_ALIGN);
    dormouse_header half = header;
    half.value.ptr = NULL;
    CHECK(dormouse_watch_head(watch, 1, 200, &half, 1, 2000) == DORMOUSE_E_NULL);
    CHECK(dormouse_watch_head(watch, 1, 65536, &header, 1, 2000) == DORMOUSE_E_CODE);
    CHECK(dormouse_watch_head(watch, 1, UINT32_MAX, &header, 1, 2000) == DORMOUSE_E_CODE);
    CHECK(dormouse_watch_heartbeat_answer(watch, 1, 65536, 2000) == DORMOUSE_E_CODE);
    CHECK(dormouse_watch_new_token(watch, "a b", 3, 2000) == DORMOUSE_E_TOKEN_FORBIDDEN);
    CHECK(dormouse_watch_offline(watch, 2, 2000) == DORMOUSE_E_CODE);
    /* What is a code somewhere else is none here. */
    for (uint32_t code = 0; code < 100000; code++) {
        int fault = (code >= 101 && code <= 105) || code == 199;
        if (!fault) {
            CHECK(dormouse_watch_failed(watch, 1, code, 2000) == DORMOUSE_E_CODE);
            CHECK(dormouse_watch_heartbeat_failed(watch, 1, code, 2000) == DORMOUSE_E_CODE);
        }
        if (code != DORMOUSE_HINT_NETWORK_CHANGED && code != DORMOUSE_HINT_RESUMED) {
            CHECK(dormouse_watch_hint(watch, code, 2000) == DORMOUSE_E_CODE);
        }
        if (code != DORMOUSE_HAND_OVER_DONE && code != DORMOUSE_HAND_OVER_FAILED) {
            CHECK(dormouse_watch_sleep_again(watch, code, 2000) == DORMOUSE_E_CODE);
        }
    }
    CHECK(dormouse_watch_failed(watch, 1, UINT32_MAX, 2000) == DORMOUSE_E_CODE);

    /* None of that was ever there: not the time, not a count, and the first action is still the first connect. */
    stats = stats_of(watch);
    CHECK(memcmp(&stats, &before, sizeof stats) == 0);
    CHECK(dormouse_watch_deadline(watch, &until) == 0 && until == 31000);
    unsigned count = 0;
    CHECK(dormouse_watch_poll(watch, &action) == 0);
    CHECK(action->kind == DORMOUSE_ACTION_CONNECT && action->attempt == 1);
    CHECK(strcmp(action->method.ptr, "GET") == 0 && action->header_count == 4);
    drain(watch, &count);
    dormouse_watch_free(watch);
}

/* Every input, in an order that makes no sense, at times that jump, with numbers that are too large. */
static void senseless(void) {
    static const uint64_t times[] = {0,       1,          UINT64_MAX, 5,
                                     1u << 31, UINT64_MAX - 1, 77,   (uint64_t)1 << 40};
    dormouse_watch *watch = fresh();
    unsigned count;
    for (unsigned round = 0; round < 64; round++) {
        uint64_t now = times[round % (sizeof times / sizeof *times)];
        uint64_t any = round % 3 == 0 ? UINT64_MAX : round % 5;
        dormouse_header header = {slice("\xff\xfe"), slice("\x80")};
        CHECK(dormouse_watch_head(watch, any, round * 1021 % 65536, &header, 1, now) == 0);
        CHECK(dormouse_watch_data(watch, any, "data: \xff\0\n\n", 10, now) == 0);
        CHECK(dormouse_watch_data(watch, any, NULL, 0, now) == 0);
        CHECK(dormouse_watch_end(watch, any, now) == 0);
        CHECK(dormouse_watch_failed(watch, any, DORMOUSE_TRANSPORT_TLS, now) == 0);
        CHECK(dormouse_watch_heartbeat_answer(watch, any, 410, now) == 0);
        CHECK(dormouse_watch_heartbeat_failed(watch, any, DORMOUSE_TRANSPORT_HTTP, now) == 0);
        CHECK(dormouse_watch_sleep_again(watch, DORMOUSE_HAND_OVER_FAILED, now) == 0);
        CHECK(dormouse_watch_hint(watch, DORMOUSE_HINT_NETWORK_CHANGED, now) == 0);
        CHECK(dormouse_watch_offline(watch, round % 2, now) == 0);
        CHECK(dormouse_watch_is_offline(watch) == (int32_t)(round % 2));
        CHECK(dormouse_watch_new_token(watch, "canary2", 7, now) == 0);
        CHECK(dormouse_watch_tick(watch, now) == 0);
        if (round % 4 == 0) {
            drain(watch, &count);
        }
    }
    CHECK(stats_of(watch).stale > 0);

    /* After a stop everything is taken and nothing is asked for. */
    CHECK(dormouse_watch_stop(watch, 0) == 0);
    CHECK(dormouse_watch_status(watch) == DORMOUSE_STOP_REQUESTED);
    drain(watch, &count);
    for (unsigned round = 0; round < 8; round++) {
        CHECK(dormouse_watch_stop(watch, times[round]) == 0);
        CHECK(dormouse_watch_tick(watch, times[round]) == 0);
        CHECK(dormouse_watch_sleep_again(watch, DORMOUSE_HAND_OVER_DONE, times[round]) == 0);
        CHECK(dormouse_watch_offline(watch, 0, times[round]) == 0);
        const dormouse_action *action = drain(watch, &count);
        CHECK(count == 0 && action->until_ms == DORMOUSE_NEVER);
    }
    dormouse_watch_free(watch);
}

/* An action stays through every call that is const, and is whole whatever a token holds. */
static void an_action_stays(void) {
    dormouse_watch *watch = fresh();
    unsigned count;
    drain(watch, &count);
    dormouse_header header = {slice("CONTENT-TYPE"), slice("Text/Event-Stream; charset=utf-8")};
    CHECK(dormouse_watch_head(watch, 1, 200, &header, 1, 1001) == 0);
    const char *stream = "event: hello\ndata: {\"watchLeaseId\":\"L\",\"deviceWaitForViewerMs\":5000,"
                         "\"heartbeatIntervalMs\":1000}\n\n"
                         "event: wake\ndata: {\"url\":\"wss://e.com/w?t=canary\",\"token\":"
                         "\"can\\u0000ary\",\"remoteAccessSessionId\":\"S\"}\n\n";
    CHECK(dormouse_watch_data(watch, 1, stream, strlen(stream), 1002) == 0);
    const dormouse_action *action = NULL;
    do {
        CHECK(dormouse_watch_poll(watch, &action) == 0);
    } while (action->kind != DORMOUSE_ACTION_WAKE && action->kind != DORMOUSE_ACTION_SLEEP);
    CHECK(action->kind == DORMOUSE_ACTION_WAKE);
    char sentence[64];
    uint64_t until;
    CHECK(dormouse_watch_describe(watch, sentence, sizeof sentence) == 5);
    CHECK(strcmp(sentence, "woken") == 0);
    CHECK(dormouse_watch_describe(watch, sentence, 3) == 5 && strcmp(sentence, "wo") == 0);
    CHECK(dormouse_watch_deadline(watch, &until) == 0);
    CHECK(dormouse_watch_status(watch) == DORMOUSE_STATUS_CONNECTED);
    CHECK(stats_of(watch).wakes == 1);
    CHECK(strcmp(action->url.ptr, "wss://e.com/w?t=canary") == 0);
    CHECK(action->token.len == 7 && memcmp(action->token.ptr, "can\0ary", 8) == 0);
    CHECK(strcmp(action->session.ptr, "S") == 0 && action->wait_for_viewer_ms == 5000);
    /* Freed with an action that is still lent, and with more to say. */
    dormouse_watch_free(watch);
}

static void *in_another_thread(void *watch) {
    unsigned count;
    CHECK(dormouse_watch_tick(watch, 100000) == 0);
    drain(watch, &count);
    return NULL;
}

/* One watch, from one thread after the other. */
static void threads(void) {
    dormouse_watch *watch = fresh();
    unsigned count;
    drain(watch, &count);
    for (int round = 0; round < 4; round++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, in_another_thread, watch) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK(dormouse_watch_status(watch) == DORMOUSE_STATUS_CONNECTING);
    }
    dormouse_watch_free(watch);
}

static void decoders(void) {
    dormouse_decoder *decoder = NULL;
    dormouse_item item;
    dormouse_slice input = slice(": x\nid: 7\nevent: greet\ndata: a\ndata: b\n\nretry: 12\n");
    dormouse_slice id;
    dormouse_decoder_free(NULL);
    CHECK(dormouse_decoder_new(NULL, 0, 0) == DORMOUSE_E_NULL);
    CHECK(dormouse_decoder_decode(NULL, &input, &item) == DORMOUSE_E_NULL);
    CHECK(dormouse_decoder_reset(NULL) == DORMOUSE_E_NULL);
    CHECK(dormouse_decoder_last_event_id(NULL, &id) == DORMOUSE_E_NULL);
    CHECK(dormouse_decoder_new(&decoder, 0, 0) == 0);
    CHECK(dormouse_decoder_decode(decoder, NULL, &item) == DORMOUSE_E_NULL);
    CHECK(dormouse_decoder_decode(decoder, &input, NULL) == DORMOUSE_E_NULL);
    CHECK(dormouse_decoder_last_event_id(decoder, NULL) == DORMOUSE_E_NULL);
    dormouse_slice wrong = {NULL, 3};
    CHECK(dormouse_decoder_decode(decoder, &wrong, &item) == DORMOUSE_E_NULL);
    wrong.ptr = SPACES;
    wrong.len = SIZE_MAX;
    CHECK(dormouse_decoder_decode(decoder, &wrong, &item) == DORMOUSE_E_LENGTH);

    CHECK(dormouse_decoder_decode(decoder, &input, &item) == 0);
    CHECK(item.kind == DORMOUSE_ITEM_COMMENT);
    CHECK(dormouse_decoder_decode(decoder, &input, &item) == 0);
    CHECK(item.kind == DORMOUSE_ITEM_EVENT);
    CHECK(item.name.len == 5 && memcmp(item.name.ptr, "greet", 5) == 0);
    CHECK(item.data.len == 3 && memcmp(item.data.ptr, "a\nb", 3) == 0);
    CHECK(item.id.len == 1 && item.id.ptr[0] == '7');
    CHECK(dormouse_decoder_decode(decoder, &input, &item) == 0);
    CHECK(item.kind == DORMOUSE_ITEM_RETRY && item.retry_ms == 12);
    CHECK(dormouse_decoder_decode(decoder, &input, &item) == 0);
    CHECK(item.kind == DORMOUSE_ITEM_NONE && input.len == 0);
    dormouse_slice nothing = {NULL, 0};
    CHECK(dormouse_decoder_decode(decoder, &nothing, &item) == 0);
    CHECK(item.kind == DORMOUSE_ITEM_NONE);
    CHECK(dormouse_decoder_reset(decoder) == 0);
    CHECK(dormouse_decoder_last_event_id(decoder, &id) == 0);
    CHECK(id.len == 1 && id.ptr[0] == '7');
    dormouse_decoder_free(decoder);

    CHECK(dormouse_decoder_new(&decoder, 8, 8) == 0);
    for (int round = 0; round < 2; round++) {
        input = slice("data: a line that is too long\n\n");
        CHECK(dormouse_decoder_decode(decoder, &input, &item) == 0);
        CHECK(item.kind == DORMOUSE_ITEM_LIMIT && item.code == DORMOUSE_LIMIT_LINE && input.len == 0);
    }
    CHECK(dormouse_decoder_reset(decoder) == 0);
    input = slice(":\n");
    CHECK(dormouse_decoder_decode(decoder, &input, &item) == 0);
    CHECK(item.kind == DORMOUSE_ITEM_COMMENT);
    dormouse_decoder_free(decoder);
}

static void numbers(void) {
    for (int64_t code = INT32_MIN; code <= INT32_MAX; code += 65537) {
        CHECK(dormouse_strerror((int32_t)code) != NULL);
        CHECK(dormouse_name((uint32_t)code) == NULL || strlen(dormouse_name((uint32_t)code)) > 2);
    }
    CHECK(strcmp(dormouse_version(), DORMOUSE_VERSION) == 0);
}

int main(void) {
    configurations();
    nothing_at_all();
    senseless();
    an_action_stays();
    threads();
    decoders();
    numbers();
    printf("%u checks\n", checks);
    return 0;
}
