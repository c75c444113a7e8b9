//! Law 13 of protocol.md, section 6: no token is ever printed. Everything that is logged, at every
//! level and by every crate, is searched for the secrets that went through.

use std::io::Write;
use std::sync::{Arc, Mutex};

use dormouse_server::{Config, Directory, Server};
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;

use super::support::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_ever_printed() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole program: connections run in tasks of their own. Other tests are logged with it.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let directory = Directory::new().device("canary-bird", "CANARY-device").unwrap();
    let directory = directory.operator("CANARY-operator").unwrap();
    let path = std::env::temp_dir().join(format!("dormouse-canary-{}", std::process::id()));
    let config = Config::builder(directory).state_file(&path).build().unwrap();
    let server = Server::new(config.clone()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = server.spawn(listener).unwrap();
    let to = running.local_addr();

    let mut printed = format!("{config:?}");
    let mut leases = Vec::new();
    let wake_line = "POST /v1/devices/canary-bird/wake";
    let wake = r#"{"url":"wss://r.example/CANARY-url","token":"CANARY-wake"}"#;
    let mut watch = Wire::watch(to, "CANARY-device", None).await;
    leases.push(watch.hello().await);
    Wire::beat(to, "CANARY-device", &leases[0]).await;
    Wire::beat(to, "CANARY-device", "CANARY-lease").await;
    Wire::beat(to, "CANARY-wrong", "CANARY-lease").await;
    Wire::watch(to, "CANARY-device", Some("CANARY-lease")).await;
    let mut taken_over = Wire::watch(to, "CANARY-device", Some(&leases[0])).await;
    leases.push(taken_over.hello().await);
    watch.rest().await;
    for body in [
        wake,
        "\"CANARY-wake\"",
        r#"{"CANARY-wake":1}"#,
        r#"{"url":"CANARY-wake","token":["CANARY-wake"]}"#,
        r#"{"url":"CANARY wake","token":"CANARY-wake"}"#,
        r#"{"url":"wss://r.example","token":"CANARY-wake","remoteAccessSessionId":"CANARY wake"}"#,
    ] {
        let answer = Wire::send(to, "CANARY-operator", wake_line, body).await;
        printed.push_str(&answer.head);
    }
    taken_over.rest().await;
    Wire::send(to, "CANARY-operator", wake_line, wake).await;
    printed.push_str(&format!("{running:?} {server:?}"));
    running.abort().await;
    drop(Server::new(config).unwrap());

    std::fs::write(&path, "{\"CANARY\":\n").unwrap();
    let directory = Directory::new().device("x", "CANARY-x").unwrap();
    printed.push_str(&format!("{:?}", directory.clone().operator("CANARY-x").unwrap_err()));
    let config = Config::builder(directory).state_file(&path).build().unwrap();
    printed.push_str(&format!("{:?}", Server::new(config).unwrap_err()));
    std::fs::remove_file(&path).unwrap();

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for expected in ["watch open", "watch closed", "woken", "heartbeat", "canary-bird"] {
        assert!(logged.contains(expected), "nothing about {expected:?} was logged:\n{logged}");
    }
    for text in [&logged, &printed] {
        assert!(!text.contains("CANARY"), "{text}");
        assert!(leases.iter().all(|lease| !text.contains(lease.as_str())), "{text}");
    }
}
