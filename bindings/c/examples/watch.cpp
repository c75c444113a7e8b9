// A device that sleeps until it is woken, over libcurl: watch.c again, in C++17, and with something to do on a wake.
//
//     watch BASE_URL TOKEN_FILE [COMMAND]
//
// COMMAND is run by the shell on each wake, with DORMOUSE_WAKE_URL and DORMOUSE_WAKE_TOKEN in its environment; if it fails,
// so has the hand-over. Ends with 0 after SIGINT or SIGTERM, and with 3 if the server refuses the token.

#include <curl/curl.h>
#include <dormouse.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <unistd.h>

namespace {

using std::chrono::milliseconds;
int signals[2]; // a pipe that a signal writes into, so that it ends a sleep

extern "C" void on_signal(int) {
    const int before = errno;
    [[maybe_unused]] const auto written = write(signals[1], "", 1);
    errno = before;
}

milliseconds read_clock(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return milliseconds(milliseconds::rep{time.tv_sec} * 1000 + time.tv_nsec / 1000000);
}

// By the clock that goes on while the device is suspended.
milliseconds now() { return read_clock(CLOCK_BOOTTIME); }

[[noreturn]] void die(const char* why) {
    std::cerr << "watch: " << why << '\n';
    std::exit(1);
}

// Every mistake here would be this program's own.
void fine(const dormouse::Result& result) {
    if (result) {
        die(result->what());
    }
}

template <auto function> struct Free {
    template <class T> void operator()(T* it) const { function(it); }
};

std::uint32_t fault_of(CURLcode code) {
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

// A request under way. When it goes, its connection is closed.
struct Transfer {
    Transfer(CURLM* multi, dormouse::Watch& watch, std::uint64_t number, bool beat,
             const dormouse::Request& request)
        : multi(multi), watch(watch), number(number), beat(beat), easy(curl_easy_init()) {
        for (const auto& [name, value] : request.headers) {
            add(name + ": " + value);
        }
        set(CURLOPT_URL, request.url.c_str());
        if (!request.body.empty()) {
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
            set(CURLOPT_COPYPOSTFIELDS, request.body.c_str());
            add("Accept:"); // not libcurl's own
        }
        set(CURLOPT_HTTPHEADER, headers.get());
        set(CURLOPT_HEADERFUNCTION, on_header), set(CURLOPT_HEADERDATA, this);
        set(CURLOPT_WRITEFUNCTION, on_body), set(CURLOPT_WRITEDATA, this);
        set(CURLOPT_PROTOCOLS_STR, "http,https");
        set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
        set(CURLOPT_FOLLOWLOCATION, 0L);
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        set(CURLOPT_CONNECTTIMEOUT_MS, 10000L); // shared by a name's addresses, so that each is tried
        set(CURLOPT_QUICK_EXIT, 1L); // nor does giving up wait for a resolver
        // A connection of its own: libcurl tries again by itself over one that it kept.
        set(CURLOPT_FRESH_CONNECT, 1L);
        set(CURLOPT_FORBID_REUSE, 1L);
        set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
        curl_multi_add_handle(multi, easy.get());
    }
    ~Transfer() { curl_multi_remove_handle(multi, easy.get()); }
    template <class T> void set(CURLoption option, T value) { curl_easy_setopt(easy.get(), option, value); }
    void add(const std::string& line) { headers.reset(curl_slist_append(headers.release(), line.c_str())); }
    // The head is complete: with the blank line behind it, and not that of an interim response.
    static std::size_t on_header(char* line, std::size_t size, std::size_t count, void* user) {
        auto& it = *static_cast<Transfer*>(user);
        long status = 0;
        curl_easy_getinfo(it.easy.get(), CURLINFO_RESPONSE_CODE, &status);
        if (it.answered || status < 200 || (line[0] != '\r' && line[0] != '\n')) {
            return size * count;
        }
        it.answered = true;
        std::vector<dormouse::Header> headers;
        for (curl_header* next = nullptr; (next = curl_easy_nextheader(it.easy.get(), CURLH_HEADER, -1, next));) {
            headers.push_back({next->name, next->value});
        }
        fine(it.beat ? it.watch.heartbeat_answer(it.number, unsigned(status), now())
                     : it.watch.head(it.number, unsigned(status), headers, now()));
        return size * count;
    }
    static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* user) {
        auto& it = *static_cast<Transfer*>(user);
        if (!it.beat) {
            fine(it.watch.data(it.number, {bytes, size * count}, now()));
        }
        return size * count;
    }
    void over(CURLcode result) {
        if (!beat) {
            fine(result == CURLE_OK ? watch.end(number, now()) : watch.failed(number, fault_of(result), now()));
        } else if (!answered) {
            fine(watch.heartbeat_failed(number, fault_of(result), now()));
        }
    }

    CURLM* multi;
    dormouse::Watch& watch;
    std::uint64_t number;
    bool beat, answered = false;
    std::unique_ptr<curl_slist, Free<curl_slist_free_all>> headers;
    std::unique_ptr<CURL, Free<curl_easy_cleanup>> easy;
};
// Does what is asked for, one kind of action each.
struct Device {
    CURLM* multi;
    dormouse::Watch& watch;
    const char* command;
    std::unique_ptr<Transfer> stream{}, heartbeat{};
    std::optional<milliseconds> until{};
    std::optional<std::uint32_t> stopped{};
    bool sleeps = false;

    void operator()(const dormouse::Sleep& it) { sleeps = true, until = it.until; }
    void operator()(const dormouse::Disconnect&) { stream.reset(), heartbeat.reset(); }
    void operator()(const dormouse::Abandon&) { heartbeat.reset(); }
    void operator()(const dormouse::Connect& it) {
        stream = std::make_unique<Transfer>(multi, watch, it.attempt, false, it.request);
    }
    void operator()(const dormouse::Heartbeat& it) {
        heartbeat = std::make_unique<Transfer>(multi, watch, it.beat, true, it.request);
    }
    void operator()(const dormouse::Report&) {} // said below, as all is
    void operator()(const dormouse::Status&) {}
    void operator()(const dormouse::Error& it) { die(it.what()); }
    void operator()(const dormouse::Stop& it) { stopped = it.code; }
    void operator()(const dormouse::Wake& it) {
        // What is behind a question mark may be a secret. The watch is closed, so that there is time.
        std::cout << "go to " << it.url.substr(0, it.url.find_first_of("?#")) << std::endl;
        bool done = true;
        if (command != nullptr) {
            setenv("DORMOUSE_WAKE_URL", it.url.c_str(), 1);
            setenv("DORMOUSE_WAKE_TOKEN", it.token.c_str(), 1);
            // A token with a NUL does not fit an environment.
            done = it.token.find('\0') == std::string::npos && std::system(command) == 0;
            unsetenv("DORMOUSE_WAKE_TOKEN");
        }
        fine(watch.sleep_again(done ? DORMOUSE_HAND_OVER_DONE : DORMOUSE_HAND_OVER_FAILED, now()));
    }

    void drain() {
        for (sleeps = false; !sleeps;) {
            const dormouse::Action action = watch.poll();
            if (!std::holds_alternative<dormouse::Sleep>(action)) {
                std::cout << watch.describe() << std::endl;
            }
            std::visit(*this, action);
        }
    }

    // Hands in what libcurl has: heads and bytes from within, and here what came to its end.
    void receive() {
        int count = 0;
        curl_multi_perform(multi, &count);
        while (const CURLMsg* message = curl_multi_info_read(multi, &count)) {
            auto& ended = stream && message->easy_handle == stream->easy.get() ? stream : heartbeat;
            ended->over(message->data.result);
            ended.reset();
        }
        if (heartbeat && heartbeat->answered) {
            heartbeat.reset(); // its body says nothing
        }
    }
};

} // namespace

int main(int count, char** arguments) {
    if (count < 3 || count > 4) {
        die("usage: watch BASE_URL TOKEN_FILE [COMMAND]");
    }
    std::ifstream file(arguments[2]);
    std::string token{std::istreambuf_iterator<char>(file), {}};
    token.erase(token.find_last_not_of("\r\n") + 1);
    dormouse::Config config;
    config.base = arguments[1];
    std::random_device entropy;
    auto made = dormouse::Watch::make(config, token, std::uint64_t{entropy()} << 32 | entropy(), now());
    if (const auto* error = std::get_if<dormouse::Error>(&made)) {
        die(error->what());
    }
    auto& watch = std::get<dormouse::Watch>(made);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const std::unique_ptr<CURLM, Free<curl_multi_cleanup>> multi(curl_multi_init());
    if (!multi || pipe(signals) < 0) {
        die("it cannot begin");
    }
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
    Device device{multi.get(), watch, arguments[3]};
    auto suspended = now() - read_clock(CLOCK_MONOTONIC); // in all
    for (device.drain(); !device.stopped; device.drain()) {
        // While it connects, often: libcurl 7.88 sets no timer to go on to the next address.
        const milliseconds most(device.heartbeat || (device.stream && !device.stream->answered) ? 1000 : 60000);
        const auto wait = std::clamp(device.until.value_or(milliseconds::max()) - now(), milliseconds(0), most);
        curl_waitfd signalled{signals[0], CURL_WAIT_POLLIN, 0};
        curl_multi_poll(multi.get(), &signalled, 1, int(wait.count()), nullptr);
        device.receive();
        if (signalled.revents != 0) {
            fine(watch.stop(now()));
        }
        if (const auto total = now() - read_clock(CLOCK_MONOTONIC); total > suspended + milliseconds(1000)) {
            suspended = total;
            fine(watch.hint(DORMOUSE_HINT_RESUMED, now()));
        }
        if (device.until && now() >= *device.until) {
            fine(watch.tick(now()));
        }
    }
    return *device.stopped == DORMOUSE_STOP_UNAUTHORIZED ? 3 : 0;
}
