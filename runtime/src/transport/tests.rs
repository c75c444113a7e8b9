//! The transport against small servers of the standard library: what happens to connections, through
//! proxies, and under TLS.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]

use super::*;

use crate::network::tests::Reactor;

use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use dormouse_core::{Action, Config, Input, Timestamp, Token, Watch};
use futures_lite::future::block_on;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

type Http = HttpTransport<Reactor>;

const PATIENCE: Duration = Duration::from_secs(20);
const NO_CONTENT: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// The two requests as the machine makes them.
fn requests(base: &str) -> (Request, Request) {
    let config = Config::new(base).build().expect("a config");
    let start = Timestamp::ORIGIN;
    let token = Token::new("canary-device-token").expect("a token");
    let mut machine = Watch::new(config, token, 1, start);
    let (mut watch, mut now) = (None, start);
    loop {
        match machine.poll() {
            Action::Connect { attempt, request } => {
                let headers = [("content-type", b"text/event-stream".as_slice())];
                machine.handle(now, Input::Head { attempt, head: Head::read(200, headers) });
                let hello = b"event: hello\ndata: {\"watchLeaseId\":\"l\",\
                    \"deviceWaitForViewerMs\":5000,\"heartbeatIntervalMs\":1000}\n\n";
                machine.handle(now, Input::Data { attempt, bytes: hello });
                watch = Some(request);
            }
            Action::Heartbeat { request, .. } => return (watch.expect("it connected"), request),
            Action::Sleep { until } => {
                now = until.expect("a deadline");
                machine.handle(now, Input::Tick);
            }
            _ => {}
        }
    }
}

/// A server that serves each connection in a thread of its own, and its address.
fn serve(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (serve, stream) = (Arc::clone(&serve), stream.expect("a connection"));
            thread::spawn(move || serve(number, stream));
        }
    });
    address.to_string()
}

/// A request as it came, its body included; nothing at the end.
fn read_request(from: &mut impl io::Read) -> String {
    let (mut from, mut text, mut length) = (BufReader::with_capacity(1, from), String::new(), 0);
    loop {
        let start = text.len();
        if from.read_line(&mut text).unwrap_or(0) == 0 {
            return text;
        }
        match text[start..].trim_end() {
            "" => break,
            line => {
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.parse().expect("a length");
                }
            }
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).expect("a body");
    text + &String::from_utf8(body).expect("text")
}

/// A transport that goes the direct way, whatever the environment says.
fn direct() -> Http {
    Http::over(None, Proxies::default())
}

fn through(variable: &'static str, value: String, tls: Option<ClientConfig>) -> Http {
    Http::over(tls, Proxies::read(move |name| (name == variable).then(|| value.clone())))
}

fn open(transport: &mut Http, base: &str) -> Result<(Head, HttpBody<Reactor>), TransportError> {
    block_on(transport.open(requests(base).0))
}

fn post(transport: &mut Http, base: &str) -> Result<u16, TransportError> {
    block_on(transport.post(requests(base).1))
}

fn chunk(body: &mut HttpBody<Reactor>) -> Option<Result<Vec<u8>, TransportError>> {
    let chunk = block_on(poll_fn(|cx| body.poll_chunk(cx)));
    chunk.map(|chunk| chunk.map(|chunk| chunk.as_ref().to_vec()))
}

/// A server whose watches stay open, and whose heartbeats are answered, one connection after the other, by
/// `beat`: the connection's number, the request's on that connection, and the stream. Says which connection each
/// came over.
fn beating(
    beat: impl Fn(usize, usize, &mut TcpStream) -> bool + Send + Sync + 'static,
) -> (String, mpsc::Receiver<usize>) {
    let (said, beats) = mpsc::channel();
    let address = serve(move |connection, mut stream| {
        for number in 0.. {
            let request = read_request(&mut stream);
            if request.starts_with("GET ") {
                stream.write_all(STREAM).expect("a client");
                let _ = stream.read(&mut [0]);
                return;
            }
            if request.is_empty() {
                return;
            }
            assert!(request.ends_with(r#"{"watchLeaseId":"l"}"#), "{request}");
            let _ = said.send(connection);
            if !beat(connection, number, &mut stream) {
                return;
            }
        }
    });
    (format!("http://{address}"), beats)
}

#[test]
fn heartbeats_share_a_connection_that_goes_with_its_watch() {
    let (base, beats) = beating(|_, _, stream| stream.write_all(NO_CONTENT).is_ok());
    let mut transport = direct();
    let watch = open(&mut transport, &base).expect("a watch");
    for _ in 0..3 {
        assert_eq!(post(&mut transport, &base), Ok(204));
    }
    let first: Vec<_> = beats.try_iter().collect();
    assert_eq!(first, [1, 1, 1], "connection 0 is the stream's");
    drop(watch);
    transport.close();
    assert_eq!(post(&mut transport, &base), Ok(204), "late, for a watch that is gone");
    let _watch = open(&mut transport, &base).expect("another watch");
    assert_eq!(post(&mut transport, &base), Ok(204));
    let then: Vec<_> = beats.try_iter().collect();
    assert!(then[0] > 1 && then[1] > then[0] && then.len() == 2, "{then:?}");
}

#[test]
fn clones_have_connections_of_their_own() {
    let (base, beats) = beating(|_, _, stream| stream.write_all(NO_CONTENT).is_ok());
    let mut one = direct();
    let _watch = open(&mut one, &base).expect("a watch");
    assert_eq!(post(&mut one, &base), Ok(204));
    let mut other = one.clone();
    let _other = open(&mut other, &base).expect("another watch");
    for _ in 0..2 {
        assert_eq!(post(&mut other, &base), Ok(204));
        assert_eq!(post(&mut one, &base), Ok(204));
    }
    assert_eq!(beats.try_iter().collect::<Vec<_>>(), [1, 3, 1, 3, 1]);
}

#[test]
fn a_heartbeat_is_answered_by_its_head_and_its_body_is_left_for_later() {
    let (go, late) = mpsc::channel::<()>();
    let late = Mutex::new(late);
    let (base, beats) = beating(move |_, number, stream| {
        let body = if number == 0 { "hello" } else { "" };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).expect("a client");
        if number == 0 {
            late.lock().expect("whole").recv().expect("a word");
        }
        stream.write_all(body.as_bytes()).is_ok()
    });
    let mut transport = direct();
    let _watch = open(&mut transport, &base).expect("a watch");
    assert_eq!(post(&mut transport, &base), Ok(200), "the body has not come yet");
    go.send(()).expect("a server");
    // No way to know that the bytes are there but to give them time.
    thread::sleep(Duration::from_millis(200));
    assert_eq!(post(&mut transport, &base), Ok(200));
    assert_eq!(beats.try_iter().collect::<Vec<_>>(), [1, 1], "the body came in time");
}

#[test]
fn a_connection_is_used_again_whatever_tells_the_end_of_its_answer() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (what, now, later) in [
        ("the end comes with the head", format!("{chunked}0\r\n\r\n"), ""),
        ("the end comes alone", format!("{chunked}2\r\nok\r\n"), "0\r\n\r\n"),
        ("the end comes in two", format!("{chunked}2\r\nok\r\n0"), "\r\n\r\n"),
        (
            "a length, with the head",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned(),
            "",
        ),
        ("a length, later", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no".to_owned(), "k"),
        (
            "a body of all that is read",
            {
                let body = "x".repeat(SPARE_BODY);
                format!("HTTP/1.1 500 No\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            },
            "",
        ),
    ] {
        let (base, beats) = beating(move |_, _, stream| {
            let sent = stream.write_all(now.as_bytes());
            thread::sleep(Duration::from_millis(20));
            sent.and_then(|()| stream.write_all(later.as_bytes())).is_ok()
        });
        let mut transport = direct();
        let _watch = open(&mut transport, &base).expect("a watch");
        assert!(matches!(post(&mut transport, &base), Ok(200 | 500)), "{what}");
        thread::sleep(Duration::from_millis(100));
        assert!(matches!(post(&mut transport, &base), Ok(200 | 500)), "{what}");
        assert_eq!(beats.try_iter().collect::<Vec<_>>(), [1, 1], "{what}");
    }
}

#[test]
fn a_connection_that_was_silent_for_long_is_not_used_again() {
    let (base, beats) = beating(|_, _, stream| stream.write_all(NO_CONTENT).is_ok());
    let mut transport = direct();
    let _watch = open(&mut transport, &base).expect("a watch");
    assert_eq!(post(&mut transport, &base), Ok(204));
    age(&transport);
    assert_eq!(post(&mut transport, &base), Ok(204));
    assert_eq!(beats.try_iter().collect::<Vec<_>>(), [1, 2]);
}

/// As if the connection for heartbeats had been silent for as long as one is kept.
fn age(transport: &Http) {
    let mut kept = transport.idle.as_ref().expect("heartbeats").lock();
    let kept = kept.as_mut().expect("a connection");
    kept.since = kept.since.checked_sub(IDLE).expect("the clock is older");
}

#[test]
fn a_server_that_is_tired_of_waiting_is_asked_again() {
    let (base, beats) = beating(|connection, number, stream| {
        let tired = connection == 1 && number == 1;
        let text =
            if tired { b"HTTP/1.1 408 Late\r\ncontent-length: 0\r\n\r\n" } else { NO_CONTENT };
        stream.write_all(text).is_ok() && !tired
    });
    let mut transport = direct();
    let _watch = open(&mut transport, &base).expect("a watch");
    assert_eq!(post(&mut transport, &base), Ok(204));
    assert_eq!(post(&mut transport, &base), Ok(204));
    assert_eq!(beats.try_iter().collect::<Vec<_>>(), [1, 1, 2]);
    // Over a new connection it is an answer like any other.
    let (base, _) = beating(|_, _, stream| stream.write_all(b"HTTP/1.1 408 Late\r\n\r\n").is_ok());
    let _watch = open(&mut transport, &base).expect("a watch");
    assert_eq!(post(&mut transport, &base), Ok(408));
}

#[test]
fn a_connection_is_not_used_again_when_anything_is_odd() {
    for (what, odd) in [
        ("a body cut short", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell".to_owned()),
        ("more than the body", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhello".to_owned()),
        ("a long body", {
            let body = "x".repeat(SPARE_BODY + 1);
            format!("HTTP/1.1 500 No\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        }),
        ("a bad chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz".to_owned()),
        ("no length", "HTTP/1.1 200 OK\r\n\r\n".to_owned()),
        ("close", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("another answer", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 408 Late\r\n\r\n".to_owned()),
    ] {
        let (base, beats) = beating(move |connection, _, stream| {
            stream.write_all(if connection == 1 { odd.as_bytes() } else { NO_CONTENT }).is_ok()
        });
        let mut transport = direct();
        let _watch = open(&mut transport, &base).expect("a watch");
        assert!(matches!(post(&mut transport, &base), Ok(200 | 204 | 500)), "{what}");
        thread::sleep(Duration::from_millis(50));
        assert_eq!(post(&mut transport, &base), Ok(204), "{what}");
        assert_eq!(beats.try_iter().collect::<Vec<_>>(), [1, 2], "{what}");
    }
}

#[test]
fn a_heartbeat_over_a_stale_connection_is_sent_once_more() {
    // Answered once, and then closed just when the next one comes: before a byte of an answer.
    let (base, beats) = beating(|connection, number, stream| {
        if connection == 1 && number == 1 {
            return false;
        }
        stream.write_all(NO_CONTENT).is_ok()
    });
    let mut transport = direct();
    let _watch = open(&mut transport, &base).expect("a watch");
    assert_eq!(post(&mut transport, &base), Ok(204));
    assert_eq!(post(&mut transport, &base), Ok(204));
    assert_eq!(beats.try_iter().collect::<Vec<_>>(), [1, 1, 2]);
}

#[test]
fn a_heartbeat_is_not_sent_again_after_a_byte_of_an_answer_nor_over_a_new_connection() {
    let (base, beats) = beating(|_, number, stream| {
        let text = if number == 0 { NO_CONTENT } else { &NO_CONTENT[..9] };
        stream.write_all(text).is_ok() && number == 0
    });
    let mut transport = direct();
    let _watch = open(&mut transport, &base).expect("a watch");
    assert_eq!(post(&mut transport, &base), Ok(204));
    let broken = post(&mut transport, &base).expect_err("cut in the head");
    assert_eq!(broken.fault(), TransportFault::Broken);
    assert_eq!(beats.try_iter().collect::<Vec<_>>(), [1, 1]);

    let (base, beats) = beating(|_, _, _| false);
    let _watch = open(&mut transport, &base).expect("a watch");
    let broken = post(&mut transport, &base).expect_err("closed");
    assert_eq!(broken.fault(), TransportFault::Broken);
    assert_eq!(beats.try_iter().collect::<Vec<_>>(), [1]);
}

#[test]
fn what_comes_with_the_head_belongs_to_the_body() {
    let address = serve(|_, mut stream| {
        read_request(&mut stream);
        let text = [STREAM, b"data: x\n\n"].concat();
        stream.write_all(&text).expect("a client");
    });
    let (head, mut body) = open(&mut direct(), &format!("http://{address}")).expect("a watch");
    assert_eq!(head.status(), 200);
    assert_eq!(chunk(&mut body), Some(Ok(b"data: x\n\n".to_vec())));
    assert_eq!(chunk(&mut body), None);
}

/// Waits for the end of the stream. Returns how long that took.
fn closed(stream: &mut impl io::Read) -> Duration {
    let began = Instant::now();
    while stream.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
    began.elapsed()
}

#[test]
fn dropping_closes_within_milliseconds() {
    let (said, ended) = mpsc::channel();
    let address = serve(move |_, mut stream| {
        read_request(&mut stream);
        stream.write_all(STREAM).expect("a client");
        let _ = said.send(());
        closed(&mut stream);
        let _ = said.send(());
    });
    let base = format!("http://{address}");
    let (_, body) = open(&mut direct(), &base).expect("a watch");
    ended.recv_timeout(PATIENCE).expect("answered");
    let began = Instant::now();
    drop(body);
    ended.recv_timeout(PATIENCE).expect("closed");
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
}

#[test]
fn http_goes_through_the_proxy_in_absolute_form() {
    let (said, heard) = mpsc::channel();
    let proxy = serve(move |_, mut stream| {
        let _ = said.send(read_request(&mut stream));
        stream.write_all(STREAM).expect("a client");
        closed(&mut stream);
    });
    let value = format!("http://user:canary-secret@{proxy}");
    let mut transport = through("http_proxy", value, None);
    let (head, _body) = open(&mut transport, "http://no-such-host.invalid:81/x").expect("a watch");
    assert_eq!(head.status(), 200);
    let request = heard.recv_timeout(PATIENCE).expect("a request");
    let line = "GET http://no-such-host.invalid:81/x/v1/watch?protocolVersion=2.2.0 HTTP/1.1\r\n\
                host: no-such-host.invalid:81\r\n";
    assert!(request.starts_with(line), "{request}");
    let credentials = "\r\nproxy-authorization: Basic dXNlcjpjYW5hcnktc2VjcmV0\r\n";
    assert!(request.contains(credentials), "{request}");
    assert!(!format!("{transport:?}").contains("canary"));
}

#[test]
fn a_proxy_that_fails_is_named_as_such_and_its_credentials_are_not() {
    let fault = |transport: &mut Http, base: &str| {
        let error = open(transport, base).expect_err("no way through");
        assert!(!error.to_string().contains("canary"), "{error}");
        assert!(error.detail().starts_with("at the proxy: "), "{error}");
        (error.fault(), error.detail().to_owned())
    };
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let refuses = format!("http://u:canary@{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    for (variable, base) in
        [("http_proxy", "http://x.invalid"), ("https_proxy", "https://x.invalid")]
    {
        let mut transport = through(variable, refuses.clone(), None);
        assert_eq!(fault(&mut transport, base).0, TransportFault::Connect);
    }
    let mut transport = through("https_proxy", "http://u:canary@p.invalid".to_owned(), None);
    assert_eq!(fault(&mut transport, "https://x.invalid").0, TransportFault::Resolve);
    let unwilling = serve(|_, mut stream| {
        let request = read_request(&mut stream);
        let line = "CONNECT x.invalid:443 HTTP/1.1\r\nhost: x.invalid:443\r\n";
        assert!(request.starts_with(line), "{request}");
        assert!(!request.contains("canary-device-token"), "{request}");
        let answer = b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).expect("a client");
    });
    let mut transport = through("https_proxy", format!("http://u:canary@{unwilling}"), None);
    let refused = (TransportFault::Connect, "at the proxy: it answered 407".to_owned());
    assert_eq!(fault(&mut transport, "https://x.invalid"), refused);
}

/// A certificate for `name` that nobody but the given roots vouches for, and a server that has it.
fn certified(name: &str) -> (ClientConfig, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let certificate = CertificateDer::from(made.cert);
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .expect("a server");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    (client, Arc::new(server))
}

fn tls_over<S: io::Read + Write>(
    config: &Arc<ServerConfig>,
    stream: S,
) -> StreamOwned<ServerConnection, S> {
    let connection = ServerConnection::new(Arc::clone(config)).expect("a connection");
    StreamOwned::new(connection, stream)
}

/// A watch that is open, and a client that goes away: over TLS.
fn serve_tls(config: &Arc<ServerConfig>, stream: TcpStream, said: &mpsc::Sender<String>) {
    let mut stream = tls_over(config, stream);
    let request = read_request(&mut stream);
    if request.is_empty() || stream.write_all(STREAM).is_err() {
        let _ = said.send(String::new());
        return;
    }
    let _ = stream.flush();
    let _ = said.send(request);
    closed(&mut stream);
    let _ = said.send("closed".to_owned());
}

#[test]
fn tls_works_with_roots_that_vouch_and_fails_with_those_that_do_not() {
    let (client, server) = certified("localhost");
    let (said, heard) = mpsc::channel();
    let address = serve(move |_, stream| serve_tls(&server, stream, &said));
    let port = address.rsplit(':').next().expect("a port").to_owned();
    let base = format!("https://localhost:{port}");

    let mut trusting = Http::over(Some(client.clone()), Proxies::default());
    let (head, body) = open(&mut trusting, &base).expect("a watch");
    assert_eq!(head.status(), 200);
    let request = heard.recv_timeout(PATIENCE).expect("a request");
    assert!(request.starts_with("GET /v1/watch"), "{request}");
    let began = Instant::now();
    drop(body);
    assert_eq!(heard.recv_timeout(PATIENCE).as_deref(), Ok("closed"));
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());

    let error = open(&mut direct(), &base).expect_err("unknown authority");
    assert_eq!(error.fault(), TransportFault::Tls, "{error}");
    let wrong_name = format!("https://127.0.0.1:{port}");
    let error = open(&mut trusting, &wrong_name).expect_err("another name");
    assert_eq!(error.fault(), TransportFault::Tls, "{error}");
    let error = open(&mut Http::new(false).expect("TLS"), &base).expect_err("platform");
    assert_eq!(error.fault(), TransportFault::Tls, "{error}");
}

#[test]
fn a_server_that_does_not_speak_tls_is_no_tls() {
    let (client, _) = certified("localhost");
    let mut transport = Http::over(Some(client), Proxies::default());
    let plain = serve(|_, mut stream| {
        let _ = stream.read(&mut [0]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let base = format!("https://{}", plain.replace("127.0.0.1", "localhost"));
    let error = open(&mut transport, &base).expect_err("not TLS");
    assert_eq!(error.fault(), TransportFault::Tls, "{error}");
    let closes = serve(|_, mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.shutdown(Shutdown::Both);
    });
    let base = format!("https://{}", closes.replace("127.0.0.1", "localhost"));
    let error = open(&mut transport, &base).expect_err("closed");
    assert_eq!(error.fault(), TransportFault::Connect, "{error}");
}

#[test]
fn a_tls_stream_that_is_cut_without_a_word_is_broken() {
    for (polite, expected) in [(true, None), (false, Some(TransportFault::Broken))] {
        let (client, server) = certified("localhost");
        let address = serve(move |_, stream| {
            let mut stream = tls_over(&server, stream);
            read_request(&mut stream);
            stream.write_all(STREAM).expect("a client");
            if polite {
                stream.conn.send_close_notify();
            }
            let _ = stream.flush();
        });
        let mut transport = Http::over(Some(client), Proxies::default());
        let base = format!("https://{}", address.replace("127.0.0.1", "localhost"));
        let (_, mut body) = open(&mut transport, &base).expect("a watch");
        let end = chunk(&mut body).map(|end| end.expect_err("no bytes").fault());
        assert_eq!(end, expected);
    }
}

#[test]
fn https_goes_through_the_proxy_in_a_tunnel_that_the_proxy_cannot_look_into() {
    let (client, server) = certified("somewhere.invalid");
    let (said, heard) = mpsc::channel();
    let proxy = serve(move |_, mut stream| {
        let _ = said.send(read_request(&mut stream));
        stream.write_all(b"HTTP/1.1 200 Go ahead\r\n\r\n").expect("a client");
        // The other end of the tunnel is here too.
        serve_tls(&server, stream, &said);
    });
    let mut transport = through("https_proxy", format!("http://u:p@{proxy}"), Some(client));
    let (head, body) = open(&mut transport, "https://somewhere.invalid").expect("a watch");
    assert_eq!(head.status(), 200);
    let asked = heard.recv_timeout(PATIENCE).expect("a request");
    let expected = "CONNECT somewhere.invalid:443 HTTP/1.1\r\nhost: somewhere.invalid:443\r\n\
                    proxy-authorization: Basic dTpw\r\n\r\n";
    assert_eq!(asked, expected);
    let inside = heard.recv_timeout(PATIENCE).expect("a request");
    assert!(inside.starts_with("GET /v1/watch?"), "{inside}");
    assert!(!inside.contains("proxy-authorization"), "{inside}");
    drop(body);
    assert_eq!(heard.recv_timeout(PATIENCE).as_deref(), Ok("closed"));
}

#[test]
fn https_goes_through_a_proxy_that_speaks_tls_itself() {
    let (client, server) = certified("localhost");
    let (said, heard) = mpsc::channel();
    let proxy = serve(move |_, stream| {
        let mut stream = tls_over(&server, stream);
        let _ = said.send(read_request(&mut stream));
        let text = b"HTTP/1.1 403 Not you\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(text).expect("a client");
        let _ = stream.flush();
    });
    let value = format!("https://{}", proxy.replace("127.0.0.1", "localhost"));
    let mut transport = through("all_proxy", value, Some(client));
    let error = open(&mut transport, "https://somewhere.invalid").expect_err("refused");
    assert_eq!(error.detail(), "at the proxy: it answered 403");
    assert!(heard.recv_timeout(PATIENCE).expect("a request").starts_with("CONNECT "));
}

#[test]
fn http_goes_through_a_proxy_that_speaks_tls_itself() {
    let (client, server) = certified("localhost");
    let (said, heard) = mpsc::channel();
    let proxy = serve(move |_, stream| serve_tls(&server, stream, &said));
    let value = format!("https://{}", proxy.replace("127.0.0.1", "localhost"));
    let mut transport = through("http_proxy", value, Some(client));
    let (head, _body) = open(&mut transport, "http://somewhere.invalid").expect("a watch");
    assert_eq!(head.status(), 200);
    let request = heard.recv_timeout(PATIENCE).expect("a request");
    assert!(request.starts_with("GET http://somewhere.invalid/v1/watch?"), "{request}");
}

#[test]
fn a_proxy_that_speaks_before_the_server_does_is_refused() {
    let proxy = serve(|_, mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nHello");
        closed(&mut stream);
    });
    let mut transport = through("https_proxy", proxy, None);
    let error = open(&mut transport, "https://somewhere.invalid").expect_err("refused");
    assert_eq!(error.fault(), TransportFault::Connect, "{error}");
}

#[test]
fn framing_without_end_leaves_others_their_turn() {
    let address = serve(|_, mut stream| {
        read_request(&mut stream);
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;";
        let _ = stream.write_all(head);
        while stream.write_all(&[b'x'; 1 << 16]).is_ok() {}
    });
    let (_, mut body) = open(&mut direct(), &format!("http://{address}")).expect("a watch");
    thread::sleep(Duration::from_millis(50));
    for _ in 0..100 {
        assert!(block_on(poll_once(poll_fn(|cx| body.poll_chunk(cx)))).is_none());
    }
}
