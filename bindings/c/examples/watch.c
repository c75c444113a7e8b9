/*
 * A device that sleeps until it is woken, over libcurl.
 *
 *     watch BASE_URL TOKEN_FILE
 *
 * Says on standard output what it does. Ends with 0 after SIGINT or SIGTERM, and with 3 if the server refuses the token.
 *
 * libcurl is asked for as little as it can do: one connection for each request, no redirect, nothing again by itself.
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <dormouse.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A request under way: the watch, or a heartbeat beside it. */
struct transfer {
    CURL *easy; /* NULL if there is none */
    struct curl_slist *headers;
    uint64_t number; /* of the attempt or the beat */
    int answered;    /* its head was handed in */
};

static dormouse_watch *watch;
static CURLM *multi;
static struct transfer stream, heartbeat;
static int signals[2]; /* a pipe that a signal writes into, so that it ends a sleep */

static void die(const char *what, const char *why) {
    fprintf(stderr, "watch: %s: %s\n", what, why);
    exit(1);
}

static uint64_t clock_ms(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* By the clock that goes on while the device is suspended. */
static uint64_t now(void) { return clock_ms(CLOCK_BOOTTIME); }

/* Every mistake here would be this program's own. */
static void fine(int32_t code) {
    if (code < 0) {
        die("dormouse", dormouse_strerror(code));
    }
}

static void on_signal(int number) {
    int before = errno;
    ssize_t written = write(signals[1], "", 1);
    (void)number, (void)written; /* where the pipe is full of signals one more makes no difference */
    errno = before;
}

/* The head is complete: with the blank line behind it, and not that of an interim response. */
static size_t on_header(char *line, size_t size, size_t count, void *user) {
    struct transfer *transfer = user;
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->answered || status < 200 || (line[0] != '\r' && line[0] != '\n')) {
        return size * count;
    }
    dormouse_header headers[100];
    size_t known = 0;
    for (struct curl_header *header = NULL;
         known < 100 && (header = curl_easy_nextheader(transfer->easy, CURLH_HEADER, -1, header));) {
        headers[known].name = (dormouse_slice){header->name, strlen(header->name)};
        headers[known++].value = (dormouse_slice){header->value, strlen(header->value)};
    }
    transfer->answered = 1;
    fine(transfer == &stream
             ? dormouse_watch_head(watch, stream.number, (uint32_t)status, headers, known, now())
             : dormouse_watch_heartbeat_answer(watch, heartbeat.number, (uint32_t)status, now()));
    return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user) {
    if (user == &stream) {
        fine(dormouse_watch_data(watch, stream.number, bytes, size * count, now()));
    }
    return size * count;
}

static void start(struct transfer *transfer, uint64_t number, const dormouse_action *action) {
    CURL *easy = curl_easy_init();
    *transfer = (struct transfer){.easy = easy, .number = number};
    for (size_t at = 0; at < action->header_count; at++) {
        char line[12 * 1024]; /* a scheme of 2 KiB and a token of 8 at most */
        snprintf(line, sizeof line, "%s: %s", action->headers[at].name.ptr, action->headers[at].value.ptr);
        transfer->headers = curl_slist_append(transfer->headers, line);
    }
    curl_easy_setopt(easy, CURLOPT_URL, action->url.ptr);
    if (action->body.ptr != NULL) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)action->body.len);
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, action->body.ptr);
        transfer->headers = curl_slist_append(transfer->headers, "Accept:"); /* not libcurl's own */
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10000L); /* shared by a name's addresses, so that each is tried */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* nor does giving up wait for a resolver */
    /* A connection of its own, and a name that is looked up anew: libcurl tries again by itself over one that it kept. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    if (curl_multi_add_handle(multi, easy) != CURLM_OK) { /* nor is a handle of NULL fine with it */
        die("libcurl", "out of memory");
    }
}
/* Gives a request up, and closes its connection. */
static void give_up(struct transfer *transfer) {
    if (transfer->easy != NULL) {
        curl_multi_remove_handle(multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
        curl_slist_free_all(transfer->headers);
        *transfer = (struct transfer){0};
    }
}

static uint32_t fault_of(CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: case CURLE_COULDNT_RESOLVE_PROXY: return DORMOUSE_TRANSPORT_RESOLVE;
    case CURLE_COULDNT_CONNECT: case CURLE_OPERATION_TIMEDOUT: return DORMOUSE_TRANSPORT_CONNECT;
    case CURLE_SSL_CONNECT_ERROR: case CURLE_SSL_CACERT_BADFILE: case CURLE_PEER_FAILED_VERIFICATION:
        return DORMOUSE_TRANSPORT_TLS;
    case CURLE_SEND_ERROR: case CURLE_RECV_ERROR: case CURLE_PARTIAL_FILE: case CURLE_GOT_NOTHING:
        return DORMOUSE_TRANSPORT_BROKEN;
    case CURLE_WEIRD_SERVER_REPLY: case CURLE_UNSUPPORTED_PROTOCOL: return DORMOUSE_TRANSPORT_HTTP;
    default: return DORMOUSE_TRANSPORT_OTHER;
    }
}

/* Hands in what libcurl has: heads and bytes from within, and here what came to its end. */
static void receive(void) {
    int count;
    curl_multi_perform(multi, &count);
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &count)) != NULL;) {
        struct transfer *transfer = message->easy_handle == stream.easy ? &stream : &heartbeat;
        CURLcode result = message->data.result;
        if (transfer == &stream && result == CURLE_OK) {
            fine(dormouse_watch_end(watch, transfer->number, now()));
        } else if (transfer == &stream) {
            fine(dormouse_watch_failed(watch, transfer->number, fault_of(result), now()));
        } else if (!transfer->answered) {
            fine(dormouse_watch_heartbeat_failed(watch, transfer->number, fault_of(result), now()));
        }
        give_up(transfer);
    }
    if (heartbeat.answered) { /* its body says nothing */
        give_up(&heartbeat);
    }
}

/* Does what is to be done, until the watch sleeps. Gives the action that it ended with: a sleep, or a stop. */
static const dormouse_action *drain(void) {
    for (;;) {
        const dormouse_action *action;
        char sentence[512];
        fine(dormouse_watch_poll(watch, &action));
        if (action->kind == DORMOUSE_ACTION_SLEEP) {
            return action;
        }
        fine(dormouse_watch_describe(watch, sentence, sizeof sentence));
        printf("%s\n", sentence);
        switch (action->kind) {
        case DORMOUSE_ACTION_DISCONNECT: give_up(&stream); give_up(&heartbeat); break;
        case DORMOUSE_ACTION_ABANDON: give_up(&heartbeat); break;
        case DORMOUSE_ACTION_CONNECT: start(&stream, action->attempt, action); break;
        case DORMOUSE_ACTION_HEARTBEAT: start(&heartbeat, action->beat, action); break;
        case DORMOUSE_ACTION_WAKE:
            /* Here goes what the device is woken for, with action->token, which is a secret, as a query may be. */
            printf("go to %.*s\n", (int)strcspn(action->url.ptr, "?#"), action->url.ptr);
            fine(dormouse_watch_sleep_again(watch, DORMOUSE_HAND_OVER_DONE, now()));
            break;
        case DORMOUSE_ACTION_STOP: return action;
        }
    }
}

int main(int count, char **arguments) {
    if (count != 3) {
        die("usage", "watch BASE_URL TOKEN_FILE");
    }
    char token[8193], why[256] = "";
    FILE *file = fopen(arguments[2], "r");
    size_t token_len = file != NULL ? fread(token, 1, sizeof token, file) : 0;
    if (file == NULL || fclose(file) != 0) {
        die(arguments[2], strerror(errno));
    }
    for (; token_len > 0 && (token[token_len - 1] == '\n' || token[token_len - 1] == '\r'); token_len--) {}
    uint64_t seed;
    dormouse_config config;
    fine(dormouse_config_init(&config, sizeof config));
    config.base = (dormouse_slice){arguments[1], strlen(arguments[1])};
    if (dormouse_config_check(&config, why, sizeof why) < 0 ||
        dormouse_token_check(token, token_len, why, sizeof why) < 0) {
        die("it cannot begin", why);
    }
    if (getentropy(&seed, sizeof seed) < 0 || pipe(signals) < 0) {
        die("it cannot begin", strerror(errno));
    }
    fine(dormouse_watch_new(&watch, &config, token, token_len, seed, now()));
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal}, NULL);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if ((multi = curl_multi_init()) == NULL) {
        die("it cannot begin", "libcurl does not");
    }
    uint64_t suspended = now() - clock_ms(CLOCK_MONOTONIC); /* in all */
    const dormouse_action *action;
    while ((action = drain())->kind != DORMOUSE_ACTION_STOP) {
        uint64_t until = action->until_ms, time = now(), wait = until > time ? until - time : 0;
        int connects = heartbeat.easy != NULL || (stream.easy != NULL && !stream.answered);
        int most = connects ? 1000 : 60000; /* libcurl 7.88 sets no timer to go on to the next address */
        struct curl_waitfd signalled = {.fd = signals[0], .events = CURL_WAIT_POLLIN};
        curl_multi_poll(multi, &signalled, 1, wait < (uint64_t)most ? (int)wait : most, NULL);
        receive();
        if (signalled.revents != 0) {
            fine(dormouse_watch_stop(watch, now()));
        }
        if (now() - clock_ms(CLOCK_MONOTONIC) > suspended + 1000) {
            suspended = now() - clock_ms(CLOCK_MONOTONIC);
            fine(dormouse_watch_hint(watch, DORMOUSE_HINT_RESUMED, now()));
        }
        if (now() >= until) {
            fine(dormouse_watch_tick(watch, now()));
        }
    }
    int code = action->code == DORMOUSE_STOP_UNAUTHORIZED ? 3 : 0;
    dormouse_watch_free(watch);
    curl_multi_cleanup(multi);
    curl_global_cleanup();
    return code;
}
