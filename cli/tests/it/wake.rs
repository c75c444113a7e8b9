//! `wake`: what an operator is told.

use crate::peer::Peer;
use crate::run::{Ended, Served, dormouse, run};

fn wake(url: &str, args: &[&str]) -> Ended {
    let mut all = vec!["wake", url, "laptop"];
    all.extend(args);
    run(dormouse(&all).env("DORMOUSE_OPERATOR_TOKEN", "canary-operator"))
}

#[test]
fn the_servers_refusals_are_explained() {
    let served = Served::start(&[]);
    let refused = wake(&served.url, &[]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("refuses the operator's token (401)"), "{refused:?}");

    let token = served.room.path("operator");
    let unknown = ["wake", &served.url, "desk/top?", "--operator-token-file", &token];
    let refused = run(&mut dormouse(&unknown));
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("knows no device \"desk/top?\" (404)"), "{refused:?}");

    let refused = served.wake(&["--to", "nowhere"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("(400): url is no absolute URL"), "{refused:?}");
    assert!(refused.stdout.starts_with("{\"event\":\"refused\""), "{refused:?}");

    let refused = wake(&format!("{}/api", served.url), &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("there is no such service at this URL (404)"), "{refused:?}");
    assert!(refused.stderr.contains("--prefix"), "{refused:?}");
}

#[test]
fn a_server_that_is_none_is_told_apart() {
    for (head, body, said) in [
        ("200 OK\r\nContent-Type: text/html", "<html>", "maintenance page"),
        ("204 No Content", "", "maintenance page"),
        ("302 Found\r\nLocation: http://127.0.0.1:1/", "", "redirects are not followed"),
        ("403 Forbidden", "", "answered 403"),
        ("500 Internal Server Error", "", "answered 500"),
        ("503 Service Unavailable", "", "(503)"),
    ] {
        let peer = Peer::answering(head, body);
        let ended = wake(&peer.url, &[]);
        assert_eq!(ended.code, Some(1), "{head}: {ended:?}");
        assert!(ended.stderr.contains(said), "{head}: {}", ended.stderr);
        assert!(peer.request().starts_with("POST /v1/devices/laptop/wake HTTP/1.1\r\n"));
    }
    let ended = wake("http://127.0.0.1:1", &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("connection refused"), "{}", ended.stderr);

    let plain = Served::start(&[]);
    let ended = wake(&plain.url.replace("http:", "https:"), &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("is it http instead of https?"), "{}", ended.stderr);
}

#[test]
fn a_server_that_gives_tokens_back_does_not_have_them_printed() {
    let body = "{\"error\":\"canary-wake\",\"message\":\"\\u001b[2J canary-operator canary-wake\"}";
    for json in [&[][..], &["--json"]] {
        let peer = Peer::answering("400 Bad Request", body);
        let mut args = vec!["wake", &peer.url, "laptop"];
        args.extend(json);
        let ended = run(dormouse(&args)
            .env("DORMOUSE_OPERATOR_TOKEN", "canary-operator")
            .env("DORMOUSE_WAKE_TOKEN", "canary-wake"));
        assert_eq!(ended.code, Some(1));
        let said = format!("{ended:?}");
        assert!(said.contains("[secret]") && !said.contains("canary"), "{said}");
        assert!(!ended.stderr.contains('\x1b'), "{said}");
    }
}
