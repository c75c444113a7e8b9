//! How many bytes of an event stream core takes in a second, as `bench.py` asks the binding.
//!
//! The stream comes on standard input, the size of its pieces and how often to play it as arguments; seconds go out.

use std::error::Error;
use std::io::Read as _;
use std::time::Instant;

use dormouse_core::{Action, Attempt, Config, Head, Input, Timestamp, Token, Watch};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let size: usize = arguments.next().ok_or("the size of a piece is missing")?.parse()?;
    let times: u32 = arguments.next().ok_or("how often is missing")?.parse()?;
    let mut stream = Vec::new();
    std::io::stdin().read_to_end(&mut stream)?;
    let (hello, rest) = stream.split_at(size);

    let config = Config::new("https://api.example.com").build()?;
    let mut watch = Watch::new(config, Token::new("canary")?, 1, Timestamp::ORIGIN);
    let attempt = Attempt(1);
    let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
    while !matches!(watch.poll(), Action::Sleep { .. }) {}
    watch.handle(Timestamp::from_millis(1), Input::Head { attempt, head });
    watch.handle(Timestamp::from_millis(2), Input::Data { attempt, bytes: hello });
    while !matches!(watch.poll(), Action::Sleep { .. }) {}

    for polled in [false, true] {
        let began = Instant::now();
        for _ in 0..times {
            for bytes in rest.chunks(size) {
                watch.handle(Timestamp::from_millis(3), Input::Data { attempt, bytes });
                if polled && !matches!(watch.poll(), Action::Sleep { .. }) {
                    return Err("it was to sleep".into());
                }
            }
        }
        println!("{}", began.elapsed().as_secs_f64());
    }
    if watch.stats().comments == 0 || watch.stats().events_ignored == 0 {
        return Err("nothing was read".into());
    }
    Ok(())
}
