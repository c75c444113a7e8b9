// dormouse.hpp over a library that refuses: what stands here is called in its place.
#include <dormouse.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace dormouse;

#define CHECK(condition)                                                                   \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
            std::exit(1);                                                                  \
        }                                                                                  \
    } while (0)

static bool refuses;

// As one to which this header's struct is none of its versions, if it is to refuse.
extern "C" std::int32_t dormouse_config_init(dormouse_config* config, std::size_t size) {
    if (refuses) {
        return DORMOUSE_E_SIZE;
    }
    std::memset(static_cast<void*>(config), 0, size);
    config->size = size;
    return 0;
}

// As after a panic inside.
extern "C" std::int32_t dormouse_watch_poll(dormouse_watch*, const dormouse_action**) {
    return DORMOUSE_E_BROKEN;
}

static void a_struct_that_is_refused_is_not_used() {
    Config config;
    config.base = "https://api.example.com";
    CHECK(config.view().size == 0);
    CHECK(config.wrong() == dormouse_strerror(DORMOUSE_E_SIZE));
    auto made = Watch::make(config, "canary", 1, milliseconds(0));
    CHECK(std::get<Error>(made).code() == DORMOUSE_E_SIZE);
}

static void a_broken_watch_does_not_sleep() {
    Config config;
    config.base = "https://api.example.com";
    auto made = Watch::make(config, "canary", 1, milliseconds(0));
    Watch watch = std::move(std::get<Watch>(made));
    for (int round = 0; round < 2; round++) {
        const Action action = watch.poll();
        const Error* error = std::get_if<Error>(&action);
        CHECK(error != nullptr && error->code() == DORMOUSE_E_BROKEN);
    }
    // Only what was moved from sleeps without end.
    const Watch other = std::move(watch);
    const Action action = watch.poll();
    const Sleep* sleep = std::get_if<Sleep>(&action);
    CHECK(sleep != nullptr && !sleep->until);
    CHECK(other.status() == DORMOUSE_STATUS_CONNECTING);
}

int main() {
    refuses = true;
    a_struct_that_is_refused_is_not_used();
    refuses = false;
    a_broken_watch_does_not_sleep();
}
