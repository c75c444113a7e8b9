//! TLS as the adapter sees it.

#![allow(clippy::expect_used, reason = "a test may")]

mod first_end;

#[tokio::test]
async fn a_server_that_speaks_plain_http_fails_in_tls() {
    first_end::of_plain_http(|builder| builder).await;
}
