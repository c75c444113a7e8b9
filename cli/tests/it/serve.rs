//! `serve`: the first two minutes, and what it refuses.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::run::{Process, Room, SOON, dormouse, run};

#[test]
fn a_stranger_copies_the_printed_lines_and_a_device_is_woken() {
    let room = Room::new();
    let tokens = room.path("it's tokens");
    let mut server =
        Process::start(&mut dormouse(&["serve", "--listen", "127.0.0.1:0", "--tokens", &tokens]));
    let watch = server.line("how to watch", |line| line.contains(" watch http"));
    let wake = server.line("how to wake", |line| line.contains(" wake http"));

    // As they stand, in another shell.
    let shell = |line: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", line]).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut device = Process::start(&mut shell(&format!("exec {} --once", watch.trim())));
    device.line("the device asleep", |line| line.contains("asleep"));
    let woken = run(&mut shell(wake.trim()));
    assert_eq!(woken.code, Some(0), "{woken:?}");
    assert!(woken.stdout.contains("delivered"), "{woken:?}");
    device.line("the wake", |line| line.contains("woken"));
    assert_eq!(device.end(SOON).code(), Some(0));

    // The tokens are its owner's alone, and in no output.
    for name in ["laptop", "operator"] {
        let path = format!("{tokens}/{name}");
        let token = std::fs::read_to_string(&path).unwrap();
        assert_eq!(token.trim().len(), 32);
        for said in [server.said(), device.said(), format!("{woken:?}")] {
            assert!(!said.contains(token.trim()), "{said}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

#[test]
fn tokens_that_are_there_are_used_again() {
    let room = Room::new();
    let tokens = room.path("tokens");
    let serve = || {
        let args = ["serve", "--json", "--listen", "127.0.0.1:0", "--tokens", &tokens];
        Process::start(&mut dormouse(&args)).event("serving");
        std::fs::read_to_string(format!("{tokens}/laptop")).unwrap()
    };
    let first = serve();
    assert_eq!(first, serve());
    // A further device is a further file.
    std::fs::write(format!("{tokens}/camera-7"), "another-token\n").unwrap();
    let args = ["serve", "--json", "--listen", "127.0.0.1:0", "--tokens", &tokens];
    assert_eq!(Process::start(&mut dormouse(&args)).event("serving")["devices"], 2);
}

#[test]
fn devices_come_from_the_environment_too() {
    let mut command = dormouse(&["serve", "--json", "--listen", "127.0.0.1:0"]);
    command.env("DORMOUSE_DEVICES", "a=one, b=two").env("DORMOUSE_OPERATOR_TOKEN", "three");
    let serving = Process::start(&mut command).event("serving");
    assert_eq!((serving["devices"].as_u64(), serving["operators"].as_u64()), (Some(2), Some(1)));
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let room = Room::new();
    let state = room.path("state");
    let devices = room.file("devices", "device a t\n");
    let args = ["serve", "--listen", &address, "--devices", &devices, "--state-file", &state];
    let ended = run(&mut dormouse(&args));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(&format!("{address} is in use by another program")));
    assert!(ended.stderr.contains("--listen"), "{}", ended.stderr);
    // A server by mistake does not touch the state of the one that runs.
    assert!(!std::path::Path::new(&state).exists());
}

#[test]
fn what_cannot_be_used_is_named_with_its_place_and_without_a_token() {
    let room = Room::new();
    let file = |content: &str| room.file("devices", content);
    let broken = room.file("broken", "this is no file of leases\n");
    let good = room.file("good", "device a t\noperator o\n");
    let empty = room.path("empty");
    std::fs::create_dir(&empty).unwrap();
    for (args, said) in [
        (["--devices", &file("device a canary\n\ndevise b canary\n")], "devices, line 3: "),
        (["--devices", &room.path("absent")], "absent: the file of devices cannot be read"),
        (["--tokens", &empty], "no device is named"),
        (["--tokens", &good], "the directory of tokens cannot be read"),
        (["--listen", "nowhere"], "--listen nowhere"),
        (["--heartbeat-interval", "10ms"], "--heartbeat-interval is 10ms; it must be from 1s"),
        (["--lease-lifetime", "1s"], "--lease-lifetime is 1s; it must be from 60s"),
        (["--heartbeat-interval", "soon"], "write a duration such as 250ms"),
        (["--prefix", "api"], "--prefix is empty or a path such as \"/api\""),
        (["--auth-scheme", "a b"], "--auth-scheme is one word"),
        (["--state-file", &broken], "line 1 is not what this server writes"),
    ] {
        let mut all = vec!["serve"];
        if !args[0].starts_with("--devices") && !args[0].starts_with("--tokens") {
            all.extend(["--devices", &good]);
        }
        if args[0] != "--listen" {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        all.extend(args);
        let ended = run(&mut dormouse(&all));
        assert!(matches!(ended.code, Some(1 | 2)), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{args:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
    let environment = run(dormouse(&["serve"]).env("DORMOUSE_DEVICES", "a=canary,canary"));
    assert_eq!(environment.code, Some(2));
    assert!(environment.stderr.contains("DORMOUSE_DEVICES, entry 2: there is no = in it"));
    assert!(!environment.stderr.contains("canary"), "{}", environment.stderr);
}

#[test]
fn a_server_whose_reader_has_gone_serves_on() {
    let room = Room::new();
    let devices = room.file("devices", "device laptop t\noperator o\n");
    // What it listens on is not to be read, so it is told.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut server =
        dormouse(&["serve", "--listen", &address, "--devices", &devices]).spawn().unwrap();
    drop(server.stdout.take());
    let url = format!("http://{address}");
    let args = ["watch", &url, "--json"];
    let mut device = Process::start(dormouse(&args).env("DORMOUSE_TOKEN", "t"));
    device.event("connected");
    assert_eq!(server.try_wait().unwrap(), None);
    server.kill().unwrap();
    server.wait().unwrap();
}
