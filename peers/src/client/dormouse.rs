//! dormouse-tokio: the loop that its documentation shows, with nothing configured but the token.

use dormouse_tokio::{Event, Watch};

use super::{Device, Ending, Failure, WAKE_TOKEN, WAKE_URL};

pub(super) async fn run(device: Device<'_>) -> Result<Ending, Failure> {
    let mut builder = Watch::builder(device.base).token(device.token);
    if let Some(shared) = device.shared {
        builder = builder.transport(shared.dormouse.clone());
    }
    let mut watch = builder.start()?;
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
