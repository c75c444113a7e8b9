// What dormouse.hpp adds: ownership, values, and errors that are none of the library's exceptions.
#include <dormouse.hpp>

#include <cstdio>
#include <cstdlib>
#include <type_traits>

using namespace dormouse;

#define CHECK(condition)                                                                   \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
            std::exit(1);                                                                  \
        }                                                                                  \
    } while (0)

static_assert(!std::is_copy_constructible_v<Watch>);
static_assert(std::is_nothrow_move_constructible_v<Watch>);

// The next action of this kind, before the watch sleeps.
template <class T> static std::optional<T> next(Watch& watch) {
    for (;;) {
        Action action = watch.poll();
        CHECK(watch.describe().find("canary") == std::string::npos);
        if (auto* found = std::get_if<T>(&action)) {
            return std::move(*found);
        }
        if (std::holds_alternative<Sleep>(action)) {
            return std::nullopt;
        }
    }
}

// The next report of this kind.
template <class T> static std::optional<T> next_report(Watch& watch) {
    while (auto report = next<Report>(watch)) {
        if (auto* found = std::get_if<T>(&*report)) {
            return std::move(*found);
        }
    }
    return std::nullopt;
}

static void a_life() {
    Config config;
    config.base = "https://api.example.com";
    config.guards_off = DORMOUSE_GUARD_JITTER;
    CHECK(!config.wrong());
    auto made = Watch::make(config, "canary", 1, milliseconds(0));
    Watch watch = std::move(std::get<Watch>(made));

    // A connect owns what it says, for as long as one likes.
    const auto connect = next<Connect>(watch);
    CHECK(connect && connect->attempt == 1);
    CHECK(connect->request.method == "GET" && connect->request.body.empty());
    CHECK(next<Status>(watch)->name == "connecting");
    CHECK(!next<Connect>(watch) && watch.deadline() == milliseconds(30000));
    CHECK(connect->request.url == "https://api.example.com/v1/watch?protocolVersion=2.2.0");
    CHECK(connect->request.headers.size() == 4);

    const std::vector<Header> head = {{"Content-Type", "text/event-stream"}};
    CHECK(!watch.head(1, 200, head, milliseconds(10)));
    CHECK(watch.head(1, 70000, head, milliseconds(10))->code() == DORMOUSE_E_CODE);
    CHECK(!watch.data(1,
                      "event: hello\ndata: {\"watchLeaseId\":\"L\",\"deviceWaitForViewerMs\":5000,"
                      "\"heartbeatIntervalMs\":1000}\n\n",
                      milliseconds(20)));
    const auto connected = next_report<Connected>(watch);
    CHECK(connected && connected->took == milliseconds(20));
    CHECK(connected->heartbeat_interval == milliseconds(1000));
    CHECK(!watch.tick(milliseconds(1020)));
    CHECK(next<Heartbeat>(watch)->request.body == "{\"watchLeaseId\":\"L\"}");
    CHECK(!watch.heartbeat_answer(1, 503, milliseconds(1030)));
    const auto answered = next_report<Answered>(watch);
    CHECK(answered && answered->fault && answered->fault->http_status == 503);
    CHECK(answered->fault->codes[0] == DORMOUSE_HEARTBEAT_STATUS);

    CHECK(!watch.data(1, "event: wake\ndata: {\"url\":\"wss://e.com/\",\"token\":\"canary\"}\n\n",
                      milliseconds(1040)));
    const auto wake = next<Wake>(watch);
    CHECK(wake && wake->token == "canary" && !wake->session);
    CHECK(wake->wait_for_viewer == milliseconds(5000));
    CHECK(watch.stats().wakes == 1);
    CHECK(!watch.sleep_again(DORMOUSE_HAND_OVER_FAILED, milliseconds(1050)));
    CHECK(next_report<HandOverFailed>(watch).has_value());
    CHECK(!watch.failed(2, DORMOUSE_TRANSPORT_TLS, milliseconds(1060)));
    const auto ended = next_report<Ended>(watch);
    CHECK(ended && ended->cause.name == "transport.tls" && ended->phase == DORMOUSE_PHASE_CONNECT);
    CHECK(ended->delay && ended->delay->row == milliseconds(1000) && !ended->reason);
    CHECK(!watch.stop(milliseconds(1070)));
    CHECK(next<Stop>(watch)->name == "requested");
    CHECK(watch.status() == DORMOUSE_STOP_REQUESTED && !watch.deadline());

    // What was moved from is nobody's watch, and says so.
    const Watch other = std::move(watch);
    CHECK(watch.tick(milliseconds(2000))->code() == DORMOUSE_E_NULL);
    CHECK(!next<Connect>(watch) && watch.status() == DORMOUSE_E_NULL);
    CHECK(other.status() == DORMOUSE_STOP_REQUESTED);
}

static void mistakes() {
    Config config;
    config.base = "api.example.com";
    CHECK(config.wrong() == "the base URL is not an absolute URL as RFC 3986 has it");
    auto made = Watch::make(config, "canary", 1, milliseconds(-5));
    CHECK(std::get<Error>(made).code() == DORMOUSE_E_BASE);
    config.base = "https://\xff";
    CHECK(config.wrong() == "a text is not UTF-8");
    config.base = "https://api.example.com";
    config.watch_path = "";
    CHECK(config.wrong().has_value());
    config.watch_path.reset();
    made = Watch::make(config, "", 1, milliseconds(0));
    CHECK(std::get<Error>(made).what() == std::string("the token is empty"));
}

static void a_stream() {
    Decoder decoder;
    std::string_view input = "id: 7\nevent: greet\ndata: a\ndata: b\n\n: alive\nretry: 5\ndata: cut";
    dormouse_item item = decoder.decode(input);
    CHECK(item.kind == DORMOUSE_ITEM_EVENT);
    CHECK(std::string_view(item.name.ptr, item.name.len) == "greet");
    CHECK(std::string_view(item.data.ptr, item.data.len) == "a\nb");
    CHECK(decoder.decode(input).kind == DORMOUSE_ITEM_COMMENT);
    item = decoder.decode(input);
    CHECK(item.kind == DORMOUSE_ITEM_RETRY && item.retry_ms == 5);
    CHECK(decoder.decode(input).kind == DORMOUSE_ITEM_NONE && input.empty());
    decoder.reset();
    CHECK(decoder.last_event_id() == "7");
}

int main() {
    a_life();
    mistakes();
    a_stream();
}
