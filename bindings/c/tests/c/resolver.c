/*
 * A resolver to be loaded before the system's (LD_PRELOAD). RESOLVER says what it does: "hangs" never answers; "two" gives
 * 127.0.0.2, where a connect is never answered, and then 127.0.0.1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static void say(const char *line) {
    if (write(STDOUT_FILENO, line, strlen(line)) < 0) {
        abort();
    }
}

/* A port with room for one connection, which is taken, so that the kernel drops whoever asks for the next. */
static void swallow(const char *service) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(service))};
    inet_pton(AF_INET, "127.0.0.2", &address.sin_addr);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 0) != 0) {
        return; /* it is there already */
    }
    for (int count = 0; count < 2; count++) {
        int taken = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(taken, (struct sockaddr *)&address, sizeof address);
    }
    say("the first address swallows\n");
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    lookup *system = NULL;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&system, &symbol, sizeof system);
    const char *what = getenv("RESOLVER");
    if (what != NULL && strcmp(what, "hangs") == 0) {
        say("the resolver hangs\n");
        for (;;) {
            pause();
        }
    }
    if (what == NULL || strcmp(what, "two") != 0 || strcmp(node, "device.test") != 0) {
        return system(node, service, hints, result);
    }
    swallow(service);
    struct addrinfo *second = NULL;
    int code = system("127.0.0.2", service, hints, result);
    if (code != 0 || (code = system("127.0.0.1", service, hints, &second)) != 0) {
        return code;
    }
    struct addrinfo *last = *result;
    while (last->ai_next != NULL) {
        last = last->ai_next;
    }
    last->ai_next = second;
    return 0;
}
