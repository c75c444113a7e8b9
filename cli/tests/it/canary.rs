//! No token appears in any output, whatever the log level.
//!
//! Every token of this story begins with the same word, so that one search finds any of them, whole or in
//! part, on any stream of any process.

use crate::run::{Process, Room, SOON, dormouse, run};

const CANARY: &str = "canary";

#[test]
fn no_token_is_in_any_output_at_the_highest_log_level() {
    for json in [true, false] {
        let room = Room::new();
        let devices =
            room.file("devices", "device laptop canary-device\noperator canary-operator\n");
        let state = room.path("leases");
        let with = |args: &[&str]| {
            let mut command = dormouse(args);
            command.args(["--log", "trace"]);
            if json {
                command.arg("--json");
            }
            command
        };
        let serve = ["serve", "--listen", "127.0.0.1:0", "--devices", &devices];
        let mut server = Process::start(with(&serve).args([
            "--state-file",
            &state,
            "--heartbeat-interval",
            "1s",
        ]));
        let serving = server.line("the server", |line| line.contains("serving"));
        let at = serving.find("http://").unwrap();
        let url = serving[at..].split('"').next().unwrap().to_owned();

        let watch = ["watch", &url, "--once", "--exec", "test -n \"$DORMOUSE_WAKE_TOKEN\""];
        let mut device = Process::start(with(&watch).env("DORMOUSE_TOKEN", "canary-device"));
        device.line("a heartbeat", |line| line.contains("heartbeat") && line.contains("accepted"));
        let mut twin = Process::start(with(&watch).env("DORMOUSE_TOKEN", "canary-device"));
        twin.line("the refusal", |line| line.contains("409"));
        let stranger = run(with(&watch).env("DORMOUSE_TOKEN", "canary-stranger"));
        assert_eq!(stranger.code, Some(3), "{stranger:?}");

        let woken = run(with(&["wake", &url, "laptop", "--to", "wss://a/?t=canary-wake"])
            .env("DORMOUSE_OPERATOR_TOKEN", "canary-operator")
            .env("DORMOUSE_WAKE_TOKEN", "canary-wake"));
        assert_eq!(woken.code, Some(0), "{woken:?}");
        let refused = run(with(&["wake", &url, "laptop"])
            .env("DORMOUSE_OPERATOR_TOKEN", "canary-nobody")
            .env("DORMOUSE_WAKE_TOKEN", "canary-wake"));
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert_eq!(device.end(SOON).code(), Some(0), "{}", device.said());
        // All that it had to say has been heard.
        device.line("its end", |line| line.contains("stopped"));

        // Nothing under a watch says more than we do, which is no trace.
        let said = [
            (server.said(), "TRACE"),
            (device.said(), "DEBUG"),
            (twin.said(), "DEBUG"),
            (format!("{stranger:?}"), "DEBUG"),
            (format!("{woken:?}"), "TRACE"),
            (format!("{refused:?}"), "TRACE"),
        ];
        for (said, most) in &said {
            assert!(said.contains(most), "the log is not at its highest level:\n{said}");
            let line = said.lines().find(|line| line.contains(CANARY));
            assert_eq!(line, None);
        }
    }
}
