//! The examples, and the program in README.md, as devices: against the reference server, and against one that is watched.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};

use crate::cc::{HERE, Under, compiler, installed, program, room, run, succeed};
use crate::process::{Process, SOON};

/// The program `dormouse`, which has the server and the operator.
fn dormouse() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let root = Path::new(HERE).join("../..");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "--package", "dormouse"]).current_dir(&root);
        cargo.arg("--target-dir").arg(root.join("target")).env_remove("CARGO_BUILD_TARGET");
        succeed(&mut cargo);
        root.join("target/debug/dormouse")
    });
    Command::new(program)
}

fn example(name: &str, under: Under) -> PathBuf {
    program(&Path::new(HERE).join("examples").join(name), &["libcurl"], under)
}

/// The reference server, with a device named laptop.
struct Service {
    room: PathBuf,
    process: Process,
    url: String,
}

impl Service {
    fn start(name: &str) -> Self {
        let room = room(name);
        fs::write(room.join("devices"), "device laptop canary-device\noperator canary-operator\n")
            .expect("a file");
        fs::write(room.join("token"), "canary-device\n").expect("a file");
        fs::write(room.join("stranger"), "canary-stranger\n").expect("a file");
        let (process, url) = Self::serve(&room, "127.0.0.1:0");
        Self { room, process, url }
    }

    fn serve(room: &Path, listen: &str) -> (Process, String) {
        let mut command = dormouse();
        // Long enough that nobody is thought dead on a machine that is busy, under valgrind.
        command.args(["serve", "--listen", listen, "--heartbeat-interval", "3s", "--devices"]);
        command.arg(room.join("devices")).arg("--state-file").arg(room.join("leases"));
        let process = Process::start(&mut command);
        let line = process.line("http://");
        let at = line.find("http://").expect("its URL");
        let url = line[at..].split_whitespace().next().expect("its URL").to_owned();
        (process, url)
    }

    /// As after `kill -9`, on the same port.
    fn restart(&mut self) {
        self.process.kill();
        let listen = self.url.trim_start_matches("http://").to_owned();
        (self.process, _) = Self::serve(&self.room, &listen);
    }

    fn wake(&self) {
        let mut command = dormouse();
        command.args(["wake", &self.url, "laptop", "--to", "wss://relay.example/1?t=canary-url"]);
        command.env("DORMOUSE_OPERATOR_TOKEN", "canary-operator");
        succeed(command.env("DORMOUSE_WAKE_TOKEN", "canary-wake"));
    }

    fn token(&self, name: &str) -> String {
        self.room.join(name).to_str().expect("UTF-8").to_owned()
    }
}

/// A day in the life of a device.
fn day(name: &str, under: Under) {
    let mut service = Service::start(&format!("day-{name}"));
    let device = example(name, under);
    let watch = |token| {
        let mut command = run(&device, under);
        command.args([&service.url, &service.token(token)]);
        command
    };
    let (mut twin, mut stranger) = (watch("token"), watch("stranger"));

    let mut device = Process::start(&mut watch("token"));
    device.line("attempt 1: connected");
    device.line("heartbeat 1: accepted");

    let mut twin = Process::start(&mut twin);
    twin.line("another client holds the lease (409)");
    twin.terminate();
    assert_eq!(twin.end().code(), Some(0), "{}", twin.said());

    let mut stranger = Process::start(&mut stranger);
    assert_eq!(stranger.end().code(), Some(3), "{}", stranger.said());

    service.wake();
    assert_eq!(device.line("go to"), "go to wss://relay.example/1");
    device.line(": connected in");

    service.restart();
    device.line(": the connection broke");
    device.line(": connected in");
    service.wake();
    device.line("go to wss://relay.example/1");
    device.line(": connected in");

    device.terminate();
    assert_eq!(device.end().code(), Some(0), "{}", device.said());
    for said in [device.said(), twin.said(), stranger.said()] {
        assert!(!said.contains("canary"), "a token is shown:\n{said}");
    }
    assert!(device.said().contains("stopping: as asked"), "{}", device.said());
}

#[test]
fn a_day_of_the_device_in_c() {
    day("watch.c", Under::Valgrind);
    day("watch.c", Under::Sanitizers);
}

#[test]
fn a_day_of_the_device_in_cpp() {
    day("watch.cpp", Under::Valgrind);
    day("watch.cpp", Under::Sanitizers);
}

#[test]
fn a_command_is_run_on_a_wake_and_may_fail() {
    let service = Service::start("command");
    let device = example("watch.cpp", Under::Nothing);
    let mut command = run(&device, Under::Nothing);
    command.args([&service.url, &service.token("token")]);
    let mut device = Process::start(
        command.arg("echo \"to $DORMOUSE_WAKE_URL with ${#DORMOUSE_WAKE_TOKEN}\"; exit 1"),
    );
    device.line("attempt 1: connected");
    service.wake();
    device.line("to wss://relay.example/1?t=canary-url with 11");
    device.line("the wake came to nothing");
    device.terminate();
    assert_eq!(device.end().code(), Some(0));
}

/// The program that README.md shows, as it stands there.
#[test]
fn the_program_of_the_readme_runs() {
    let readme = fs::read_to_string(Path::new(HERE).join("README.md")).expect("the README");
    let blocks = readme.split("```c\n").skip(1).filter_map(|block| block.split("```").next());
    let complete: Vec<_> = blocks.filter(|block| block.contains("int main(")).collect();
    let [complete] = complete[..] else { panic!("one program, not {}", complete.len()) };
    let source = room("readme").join("device.c");
    fs::write(&source, complete).expect("a file");
    for under in Under::ALL {
        let service = Service::start(&format!("readme-{under:?}"));
        let device = program(&source, &["libcurl"], under);
        let mut command = run(&device, under);
        command.arg(&service.url).env("DORMOUSE_TOKEN", "canary-device");
        let device = Process::start(&mut command);
        device.line("attempt 1: connected");
        device.line("heartbeat 1: accepted");
        service.wake();
        device.line("go to wss://relay.example/1");
        device.line(": connected in");
        assert!(!device.said().contains("canary"), "{}", device.said());
    }
}

/// What README.md and the header have a reader type makes `./device`, which runs.
#[test]
fn what_the_readme_says_to_type_makes_the_program() {
    let readme = fs::read_to_string(Path::new(HERE).join("README.md")).expect("the README");
    let line = readme.lines().find(|line| line.contains("cc -o device")).expect("the line").trim();
    let header =
        fs::read_to_string(Path::new(HERE).join("include/dormouse.h")).expect("the header");
    assert!(header.contains(line), "the header has another line");
    let room = room("typed");
    let program = readme.split("```c\n").nth(1).and_then(|rest| rest.split("```").next());
    fs::write(room.join("device.c"), program.expect("the program")).expect("a file");
    let lib = installed().join("lib");
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(&room).env("PKG_CONFIG_PATH", lib.join("pkgconfig"));
    succeed(&mut shell);
    let mut device = Command::new("./device");
    let output = device.current_dir(&room).env("LD_LIBRARY_PATH", &lib).output().expect("it");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("usage: "));
}

/// This device, but that names are looked up by tests/c/resolver.c.
fn with_resolver(device: &Path, what: &str) -> Command {
    static RESOLVER: OnceLock<PathBuf> = OnceLock::new();
    let resolver = RESOLVER.get_or_init(|| {
        let library = room("resolver").join("resolver.so");
        let mut compiler = compiler(&Path::new(HERE).join("tests/c/resolver.c"));
        succeed(compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg("-ldl"));
        library
    });
    let mut command = run(device, Under::Nothing);
    command.env("LD_PRELOAD", resolver).env("RESOLVER", what);
    command
}

/// A name that is looked up without end holds nobody up who is asked to go.
#[test]
fn a_resolver_that_never_answers_is_not_waited_for() {
    let token = room("never").join("token");
    fs::write(&token, "canary-device").expect("a file");
    for name in ["watch.c", "watch.cpp"] {
        let mut command = with_resolver(&example(name, Under::Nothing), "hangs");
        let mut device = Process::start(command.arg("http://device.test:80").arg(&token));
        device.line("the resolver hangs");
        device.terminate();
        assert_eq!(device.end().code(), Some(0), "{name}: {}", device.said());
    }
}

/// A name of which the first address swallows every connect, and the second is the server: within one attempt.
#[test]
fn a_second_address_is_tried_in_time() {
    for name in ["watch.c", "watch.cpp"] {
        let service = Service::start(&format!("second-{name}"));
        let url = service.url.replace("127.0.0.1", "device.test");
        let mut command = with_resolver(&example(name, Under::Nothing), "two");
        let device = Process::start(command.args([url, service.token("token")]));
        device.line("the first address swallows");
        device.line("attempt 1: connected");
    }
}

/// A server whose every connection is in the test's hands.
struct Peer {
    url: String,
    connections: Receiver<TcpStream>,
}

impl Peer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let (sender, connections) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_read_timeout(Some(SOON)).expect("a timeout");
                if sender.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { url, connections }
    }

    /// The next connection, and the request that came over it: its first line, its headers by name, its body.
    fn request(&self) -> (TcpStream, String, Vec<String>, String) {
        let mut stream = self.connections.recv_timeout(SOON).expect("a connection");
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("a request");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("UTF-8");
        let mut lines = head.trim_end().lines();
        let first = lines.next().expect("its first line").to_owned();
        let (mut names, mut length) = (Vec::new(), 0);
        for line in lines {
            let (name, value) = line.split_once(": ").expect("a header");
            names.push(name.to_ascii_lowercase());
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().expect("a length");
            }
            if name.eq_ignore_ascii_case("authorization") {
                assert_eq!(value, "Bearer canary-device");
            }
        }
        names.sort();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).expect("a body");
        (stream, first, names, String::from_utf8(body).expect("UTF-8"))
    }
}

/// Whether the other end closes the connection, and soon. It sends nothing more.
fn is_closed(mut stream: TcpStream) -> bool {
    match stream.read(&mut [0; 1]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// No more than the protocol: these requests with these headers, each on a connection of its own, none that was not asked
/// for, and a connection that is closed as soon as it is given up.
fn no_more_than_the_protocol(name: &str) {
    const GET: &str = "GET /v1/watch?protocolVersion=2.2.0 HTTP/1.1";
    let room = room(&format!("peer-{name}"));
    let token = room.join("token");
    fs::write(&token, "canary-device").expect("a file");
    let (peer, elsewhere) = (Peer::start(), Peer::start());
    let device = example(name, Under::Nothing);
    let mut device = Process::start(run(&device, Under::Nothing).arg(&peer.url).arg(&token));

    let (mut stream, first, names, _) = peer.request();
    assert_eq!(first, GET);
    assert_eq!(names, ["accept", "accept-encoding", "authorization", "cache-control", "host"]);
    let redirect =
        format!("HTTP/1.1 302 x\r\nLocation: {}/\r\nContent-Length: 0\r\n\r\n", elsewhere.url);
    stream.write_all(redirect.as_bytes()).expect("to answer");
    device.line("redirects are not followed");
    assert!(is_closed(stream));

    // Closed without an answer: a client that tries again by itself does so here.
    let (stream, first, ..) = peer.request();
    assert_eq!(first, GET);
    drop(stream);
    device.line("attempt 2: the connection broke");

    let (mut watch, first, ..) = peer.request();
    assert_eq!(first, GET);
    let hello = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n\
        event: hello\ndata: {\"watchLeaseId\":\"L\",\"deviceWaitForViewerMs\":5000,\"heartbeatIntervalMs\":4000}\n\n";
    watch.write_all(hello.as_bytes()).expect("to answer");
    device.line("attempt 3: connected");
    let (mut beat, first, names, body) = peer.request();
    assert_eq!(first, "POST /v1/watch/heartbeat HTTP/1.1");
    assert_eq!(
        names,
        ["accept-encoding", "authorization", "content-length", "content-type", "host"]
    );
    assert_eq!(body, r#"{"watchLeaseId":"L"}"#);
    // The answer counts at once, although its body never ends.
    beat.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").expect("to answer");
    device.line("heartbeat 1: accepted");
    assert!(is_closed(beat));

    // What comes after a wake is not read, and the connection is closed with the stream still open.
    let wake = "event: wake\ndata: {\"url\":\"ws://relay.example/2\",\"token\":\"canary-wake\"}\n\n: more\n";
    watch.write_all(wake.as_bytes()).expect("to wake it");
    device.line("go to ws://relay.example/2");
    // A heartbeat that was due in between is given up with it.
    let mut last = loop {
        let (stream, first, ..) = peer.request();
        if first.starts_with("GET ") {
            assert_eq!(first, GET);
            break stream;
        }
    };
    assert!(is_closed(watch));
    last.write_all(hello.as_bytes()).expect("to answer");
    device.line("attempt 4: connected");
    device.terminate();
    assert_eq!(device.end().code(), Some(0), "{}", device.said());
    assert!(is_closed(last));

    let attempts = device.said().matches(": connecting\n").count();
    assert_eq!(attempts, 4, "{}", device.said());
    while let Ok(mut stream) = peer.connections.try_recv() {
        let mut first = [0; 4];
        assert!(stream.read_exact(&mut first).is_err() || &first == b"POST", "a connect too many");
    }
    assert!(elsewhere.connections.try_recv().is_err(), "a redirect was followed");
}

#[test]
fn the_device_in_c_sends_no_more_than_the_protocol() {
    no_more_than_the_protocol("watch.c");
}

#[test]
fn the_device_in_cpp_sends_no_more_than_the_protocol() {
    no_more_than_the_protocol("watch.cpp");
}
