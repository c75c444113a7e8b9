//! Whether a client sends a request once and hands its answer back, found out without sending anything.
//!
//! A middleware of the request's own stands last, before the network, and answers with a redirect. Both the
//! request and the redirect are for a scheme that no backend has: whoever goes around our middleware, as
//! surf's `Redirect` does, gets an error, and whoever follows comes by a second time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use surf::http::{Method, Response, StatusCode, Url};
use surf::middleware::{Middleware, Next};
use surf::{Client, Request};

const NOWHERE: &str = "x-dormouse-probe://nowhere.invalid/";
const ELSEWHERE: &str = "x-dormouse-probe://elsewhere.invalid/";

struct LastStop(Arc<AtomicUsize>);

#[surf::utils::async_trait]
impl Middleware for LastStop {
    async fn handle(&self, _: Request, _: Client, _: Next<'_>) -> surf::Result<surf::Response> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let mut response = Response::new(StatusCode::TemporaryRedirect);
        response.insert_header("location", ELSEWHERE);
        Ok(response.into())
    }
}

pub(crate) async fn sends_once(client: &Client) -> bool {
    let Ok(url) = Url::parse(NOWHERE) else { return false };
    let came_by = Arc::new(AtomicUsize::new(0));
    let last = LastStop(Arc::clone(&came_by));
    let answer = client.send(Request::builder(Method::Get, url).middleware(last).build()).await;
    answer.is_ok_and(|answer| answer.status() == StatusCode::TemporaryRedirect)
        && came_by.load(Ordering::SeqCst) == 1
}
