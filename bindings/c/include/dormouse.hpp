// dormouse.hpp - dormouse.h for C++17.
//
// Nothing is added but types: a watch that frees itself, actions as a std::variant, errors as a value. No function here
// throws but for std::bad_alloc, and none lets an exception out into the library, which calls nothing back. What dormouse.h
// says of time, threads and secrets holds here too.
//
//     dormouse::Config config;
//     config.base = "https://api.example.com";
//     if (auto why = config.wrong()) { std::cerr << *why << '\n'; return 1; }
//     auto made = dormouse::Watch::make(config, token, seed, now());
//     if (auto* error = std::get_if<dormouse::Error>(&made)) { std::cerr << error->what() << '\n'; return 1; }
//     auto watch = std::move(std::get<dormouse::Watch>(made));
//     dormouse::Action action = watch.poll();
//     std::visit(overloaded{ [](const dormouse::Connect& it) { … }, … }, action);
//
// `poll` gives a dormouse::Error where the library is broken: that is an action like the others, to be visited, and the end.

#ifndef DORMOUSE_HPP
#define DORMOUSE_HPP

#include <dormouse.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dormouse {

using std::chrono::milliseconds;

// What a caller got wrong: one of DORMOUSE_E_*.
class Error {
public:
    explicit constexpr Error(std::int32_t code) noexcept : code_(code) {}
    constexpr std::int32_t code() const noexcept { return code_; }
    // One sentence, for ever there.
    const char* what() const noexcept { return dormouse_strerror(code_); }

private:
    std::int32_t code_;
};

// Nothing, where everything is fine.
using Result = std::optional<Error>;

inline Result result(std::int32_t code) noexcept {
    return code < 0 ? Result(Error(code)) : std::nullopt;
}

struct Header {
    std::string_view name;
    std::string_view value;
};

// A request to send as it stands. Redirects are not followed.
struct Request {
    std::string method;
    std::string url;
    // `authorization` is a secret.
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
};

// How long the next connect waits, and what made it so long.
struct Delay {
    milliseconds total, row, flap, retry_after, window;
};

// What was wrong: its codes from the outside in, 0 where there is none, and their names with dots between.
struct Cause {
    std::array<std::uint32_t, 4> codes;
    std::string name;
    std::optional<int> http_status;
};

// Actions: what dormouse.h says of the kinds DORMOUSE_ACTION_*. They own what they hold.
struct Disconnect {
    std::uint64_t attempt;
};
struct Abandon {
    std::uint64_t beat;
};
struct Connect {
    std::uint64_t attempt;
    Request request;
};
struct Heartbeat {
    std::uint64_t beat;
    Request request;
};
struct Status {
    std::uint32_t code;
    std::string name;
};
struct Wake {
    std::string url;
    std::string token; // a secret
    std::optional<std::string> session;
    milliseconds wait_for_viewer;
};
struct Stop {
    std::uint32_t code;
    std::string name;
};
struct Sleep {
    std::optional<milliseconds> until; // on the caller's clock
};

// Reports: what dormouse.h says of the kinds DORMOUSE_REPORT_*.
struct Connected {
    std::uint64_t attempt;
    milliseconds took, heartbeat_interval, wait_for_viewer;
};
struct Oddity {
    std::uint64_t attempt;
    std::uint32_t code;
    std::string name;
};
struct Answered {
    std::uint64_t beat;
    milliseconds took;
    std::optional<Cause> fault;
};
struct Ended {
    std::uint64_t attempt;
    std::uint32_t phase;
    Cause cause;
    milliseconds ran;
    std::uint32_t then;
    std::optional<Delay> delay;
    std::optional<std::uint32_t> reason;
};
struct HandOverFailed {
    Delay delay;
};
struct Held {
    milliseconds wait;
};
// One that is newer than this header; `Watch::describe` says it in words.
struct OtherReport {
    std::uint32_t report;
};
using Report =
    std::variant<Connected, Oddity, Answered, Ended, HandOverFailed, Held, OtherReport>;

// Error is none of the library's: the watch could not be polled and never will be, so that it is to be let go.
using Action = std::variant<Sleep, Disconnect, Abandon, Connect, Heartbeat, Report, Status, Wake,
                            Stop, Error>;

// How a watch is to be: see dormouse_config. What is not set is the default.
struct Config {
    std::string base;
    std::optional<std::string> watch_path, heartbeat_path, auth_scheme, protocol_version;
    std::size_t line_limit = 0, data_limit = 0;
    std::uint32_t guards_off = 0;
    std::uint32_t on_unauthorized = DORMOUSE_ON_UNAUTHORIZED_STOP;

    // Points into this one. Where the library refuses this header's struct, its size is 0, which is refused as well.
    dormouse_config view() const noexcept {
        dormouse_config config{};
        dormouse_config_init(&config, sizeof config);
        config.base = slice(base);
        config.watch_path = slice(watch_path);
        config.heartbeat_path = slice(heartbeat_path);
        config.auth_scheme = slice(auth_scheme);
        config.protocol_version = slice(protocol_version);
        config.line_limit = line_limit;
        config.data_limit = data_limit;
        config.guards_off = guards_off;
        config.on_unauthorized = on_unauthorized;
        return config;
    }

    // What is wrong with it, in a sentence, if anything is.
    std::optional<std::string> wrong() const {
        const dormouse_config config = view();
        char why[512] = "";
        const std::int32_t code = dormouse_config_check(&config, why, sizeof why);
        if (code >= 0) {
            return std::nullopt;
        }
        return why[0] != '\0' ? why : dormouse_strerror(code);
    }

private:
    static dormouse_slice slice(const std::string& text) noexcept {
        return {text.data(), text.size()};
    }
    static dormouse_slice slice(const std::optional<std::string>& text) noexcept {
        return text ? slice(*text) : dormouse_slice{nullptr, 0};
    }
};

// One watch. It can be moved and not copied, and is for one thread at a time, whichever that is.
class Watch {
public:
    static std::variant<Watch, Error> make(const Config& config, std::string_view token,
                                           std::uint64_t seed, milliseconds now) noexcept {
        const dormouse_config view = config.view();
        dormouse_watch* watch = nullptr;
        const std::int32_t code =
            dormouse_watch_new(&watch, &view, token.data(), token.size(), seed, count(now));
        if (code < 0) {
            return Error(code);
        }
        return Watch(watch);
    }

    // What to do next, until it is a Sleep, or an Error. After a move from this watch it sleeps without end.
    Action poll() {
        if (watch_ == nullptr) {
            return Sleep{std::nullopt};
        }
        const dormouse_action* action = nullptr;
        const std::int32_t code = dormouse_watch_poll(watch_.get(), &action);
        if (code < 0) {
            return Error(code);
        }
        return of(*action);
    }

    Result tick(milliseconds now) noexcept {
        return result(dormouse_watch_tick(watch_.get(), count(now)));
    }
    Result head(std::uint64_t attempt, unsigned status, const std::vector<Header>& headers,
                milliseconds now) {
        std::vector<dormouse_header> all;
        for (const Header& header : headers) {
            all.push_back({slice(header.name), slice(header.value)});
        }
        return result(dormouse_watch_head(watch_.get(), attempt, status, all.data(), all.size(),
                                          count(now)));
    }
    Result data(std::uint64_t attempt, std::string_view bytes, milliseconds now) noexcept {
        return result(dormouse_watch_data(watch_.get(), attempt, bytes.data(), bytes.size(),
                                          count(now)));
    }
    Result end(std::uint64_t attempt, milliseconds now) noexcept {
        return result(dormouse_watch_end(watch_.get(), attempt, count(now)));
    }
    Result failed(std::uint64_t attempt, std::uint32_t fault, milliseconds now) noexcept {
        return result(dormouse_watch_failed(watch_.get(), attempt, fault, count(now)));
    }
    Result heartbeat_answer(std::uint64_t beat, unsigned status, milliseconds now) noexcept {
        return result(dormouse_watch_heartbeat_answer(watch_.get(), beat, status, count(now)));
    }
    Result heartbeat_failed(std::uint64_t beat, std::uint32_t fault, milliseconds now) noexcept {
        return result(dormouse_watch_heartbeat_failed(watch_.get(), beat, fault, count(now)));
    }
    Result heartbeats_cancelled(milliseconds now) noexcept {
        return result(dormouse_watch_heartbeats_cancelled(watch_.get(), count(now)));
    }
    Result sleep_again(std::uint32_t hand_over, milliseconds now) noexcept {
        return result(dormouse_watch_sleep_again(watch_.get(), hand_over, count(now)));
    }
    Result hint(std::uint32_t hint, milliseconds now) noexcept {
        return result(dormouse_watch_hint(watch_.get(), hint, count(now)));
    }
    Result offline(bool offline, milliseconds now) noexcept {
        return result(dormouse_watch_offline(watch_.get(), offline ? 1 : 0, count(now)));
    }
    Result new_token(std::string_view token, milliseconds now) noexcept {
        return result(
            dormouse_watch_new_token(watch_.get(), token.data(), token.size(), count(now)));
    }
    Result stop(milliseconds now) noexcept {
        return result(dormouse_watch_stop(watch_.get(), count(now)));
    }

    // DORMOUSE_STATUS_*, or DORMOUSE_STOP_* at the end; negative after a move.
    std::int32_t status() const noexcept { return dormouse_watch_status(watch_.get()); }
    bool is_offline() const noexcept { return dormouse_watch_is_offline(watch_.get()) == 1; }
    std::optional<milliseconds> deadline() const noexcept {
        std::uint64_t until = DORMOUSE_NEVER;
        dormouse_watch_deadline(watch_.get(), &until);
        return instant(until);
    }
    dormouse_stats stats() const noexcept {
        dormouse_stats stats{};
        dormouse_watch_stats(watch_.get(), &stats, sizeof stats);
        return stats;
    }
    // The latest action as a sentence without secrets.
    std::string describe() const {
        char sentence[512] = "";
        dormouse_watch_describe(watch_.get(), sentence, sizeof sentence);
        return sentence;
    }

private:
    struct Free {
        void operator()(dormouse_watch* watch) const noexcept { dormouse_watch_free(watch); }
    };

    explicit Watch(dormouse_watch* watch) noexcept : watch_(watch) {}

    // Time before zero is zero.
    static std::uint64_t count(milliseconds time) noexcept {
        return time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count());
    }
    static std::optional<milliseconds> instant(std::uint64_t time) noexcept {
        if (time == DORMOUSE_NEVER) {
            return std::nullopt;
        }
        return span(time);
    }
    static milliseconds span(std::uint64_t time) noexcept {
        constexpr auto most = static_cast<std::uint64_t>(milliseconds::max().count());
        return milliseconds(static_cast<milliseconds::rep>(time < most ? time : most));
    }
    static dormouse_slice slice(std::string_view text) noexcept {
        return {text.data(), text.size()};
    }
    static std::string text(dormouse_slice slice) {
        return slice.ptr != nullptr ? std::string(slice.ptr, slice.len) : std::string();
    }

    static Request request(const dormouse_action& action) {
        Request request{text(action.method), text(action.url), {}, text(action.body)};
        for (std::size_t at = 0; at < action.header_count; at++) {
            request.headers.emplace_back(text(action.headers[at].name),
                                         text(action.headers[at].value));
        }
        return request;
    }
    static Cause cause(const dormouse_action& action) {
        return {{action.code, action.fault_code, action.detail_code, action.part_code},
                text(action.name),
                action.http_status < 0 ? std::nullopt : std::optional<int>(action.http_status)};
    }
    static Delay delay(const dormouse_action& action) noexcept {
        return {span(action.delay_ms), span(action.row_ms), span(action.flap_ms),
                span(action.retry_after_ms), span(action.window_ms)};
    }
    static Report report(const dormouse_action& action) {
        switch (action.report) {
        case DORMOUSE_REPORT_CONNECTED:
            return Connected{action.attempt, span(action.took_ms),
                             span(action.heartbeat_interval_ms), span(action.wait_for_viewer_ms)};
        case DORMOUSE_REPORT_ODDITY:
            return Oddity{action.attempt, action.code, text(action.name)};
        case DORMOUSE_REPORT_HEARTBEAT:
            return Answered{action.beat, span(action.took_ms),
                            action.accepted ? std::nullopt : std::optional(cause(action))};
        case DORMOUSE_REPORT_ENDED:
            return Ended{action.attempt,
                         action.phase,
                         cause(action),
                         span(action.ran_ms),
                         action.then,
                         action.has_delay ? std::optional(delay(action)) : std::nullopt,
                         action.then == DORMOUSE_THEN_STOP ? std::optional(action.reason)
                                                           : std::nullopt};
        case DORMOUSE_REPORT_HAND_OVER_FAILED: return HandOverFailed{delay(action)};
        case DORMOUSE_REPORT_HELD: return Held{span(action.wait_ms)};
        default: return OtherReport{action.report};
        }
    }
    static Action of(const dormouse_action& action) {
        switch (action.kind) {
        case DORMOUSE_ACTION_DISCONNECT: return Disconnect{action.attempt};
        case DORMOUSE_ACTION_ABANDON: return Abandon{action.beat};
        case DORMOUSE_ACTION_CONNECT: return Connect{action.attempt, request(action)};
        case DORMOUSE_ACTION_HEARTBEAT: return Heartbeat{action.beat, request(action)};
        case DORMOUSE_ACTION_REPORT: return report(action);
        case DORMOUSE_ACTION_STATUS: return Status{action.code, text(action.name)};
        case DORMOUSE_ACTION_WAKE:
            return Wake{text(action.url), text(action.token),
                        action.session.ptr != nullptr ? std::optional(text(action.session))
                                                      : std::nullopt,
                        span(action.wait_for_viewer_ms)};
        case DORMOUSE_ACTION_STOP: return Stop{action.code, text(action.name)};
        default: return Sleep{instant(action.until_ms)};
        }
    }

    std::unique_ptr<dormouse_watch, Free> watch_;
};

// The event-stream decoder on its own: see dormouse_decoder_decode.
class Decoder {
public:
    explicit Decoder(std::size_t line_limit = 0, std::size_t data_limit = 0) noexcept {
        dormouse_decoder* decoder = nullptr;
        dormouse_decoder_new(&decoder, line_limit, data_limit);
        decoder_.reset(decoder);
    }
    // Takes bytes off the front of `input`. What is lent stays until the next call, and as long as the input does.
    dormouse_item decode(std::string_view& input) noexcept {
        dormouse_slice rest = {input.data(), input.size()};
        dormouse_item item{};
        if (dormouse_decoder_decode(decoder_.get(), &rest, &item) == 0) {
            input.remove_prefix(input.size() - rest.len);
        }
        return item;
    }
    std::string last_event_id() const {
        dormouse_slice id{};
        dormouse_decoder_last_event_id(decoder_.get(), &id);
        return id.ptr != nullptr ? std::string(id.ptr, id.len) : std::string();
    }
    void reset() noexcept { dormouse_decoder_reset(decoder_.get()); }

private:
    struct Free {
        void operator()(dormouse_decoder* decoder) const noexcept {
            dormouse_decoder_free(decoder);
        }
    };
    std::unique_ptr<dormouse_decoder, Free> decoder_;
};

} // namespace dormouse

#endif // DORMOUSE_HPP
