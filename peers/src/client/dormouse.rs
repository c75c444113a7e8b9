//! dormouse-tokio: the loop that its documentation shows, with nothing configured but the token.

use dormouse_tokio::{Event, Watch};

use super::{Ending, Failure, TOKEN, WAKE_TOKEN, WAKE_URL};

pub(super) async fn run(base: &str) -> Result<Ending, Failure> {
    let mut watch = Watch::builder(base).token(TOKEN).start()?;
    while let Some(event) = watch.next().await {
        match event {
            Event::Wake(wake) if &*wake.url == WAKE_URL && wake.token.expose() == WAKE_TOKEN => {
                return Ok(Ending::Woken);
            }
            Event::Wake(_) | Event::Status(_) => {}
        }
    }
    Ok(Ending::Refused)
}
