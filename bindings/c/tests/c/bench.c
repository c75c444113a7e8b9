/* What benches/stream.rs measures, in C. */
#define _POSIX_C_SOURCE 200809L
#include <dormouse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 1400, CHUNKS = 100000, ROUNDS = 7 };

static const char HELLO[] = "event: hello\ndata: {\"watchLeaseId\":\"L\",\"deviceWaitForViewerMs\":5000,"
                            "\"heartbeatIntervalMs\":86400000}\n\n";
static const char BLOCK[] = ": alive\n\nevent: note\ndata: {\"level\":\"info\",\"text\":\"nothing of interest\"}\n\n";

static void drain(dormouse_watch *watch) {
    const dormouse_action *action;
    do {
        if (dormouse_watch_poll(watch, &action) < 0) {
            exit(1);
        }
    } while (action->kind != DORMOUSE_ACTION_SLEEP);
}

static double seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(void) {
    static char stream[CHUNK * (sizeof BLOCK - 1)];
    dormouse_config config;
    dormouse_watch *watch = NULL;
    dormouse_stats stats;
    dormouse_header head = {{"content-type", 12}, {"text/event-stream", 17}};
    dormouse_config_init(&config, sizeof config);
    config.base.ptr = "http://127.0.0.1";
    config.base.len = strlen(config.base.ptr);
    if (dormouse_watch_new(&watch, &config, "canary", 6, 1, 0) < 0) {
        return 1;
    }
    drain(watch);
    dormouse_watch_head(watch, 1, 200, &head, 1, 0);
    dormouse_watch_data(watch, 1, HELLO, sizeof HELLO - 1, 0);
    drain(watch);
    for (size_t at = 0; at < sizeof stream; at++) {
        stream[at] = BLOCK[at % (sizeof BLOCK - 1)];
    }
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double begun = seconds();
        for (size_t chunk = 0; chunk < CHUNKS; chunk++) {
            const char *bytes = stream + chunk % (sizeof BLOCK - 1) * CHUNK;
            if (dormouse_watch_data(watch, 1, bytes, CHUNK, 0) < 0) {
                return 1;
            }
            drain(watch);
        }
        double took = seconds() - begun;
        best = took < best ? took : best;
    }
    printf("%6.0f MB/s\n", (double)CHUNK * CHUNKS / best / 1e6);
    dormouse_watch_stats(watch, &stats, sizeof stats);
    dormouse_watch_free(watch);
    return stats.comments > CHUNKS ? 0 : 1;
}
