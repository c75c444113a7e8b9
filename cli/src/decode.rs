//! `dormouse decode`: an event stream in, one JSON object a line out.
//!
//! It is the project's own decoder with nothing around it, for people who look into a stream with curl.
//! What has come is decoded and printed before more is waited for. When a limit is exceeded the message
//! names the very byte; the decoder itself only says which limit, so the block at hand is decoded again,
//! byte by byte, from a copy of the decoder that was made before it.

use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::process::ExitCode;

use dormouse_core::sse::{Decoder, Item, LimitExceeded, Limits};
use serde::Serialize;

use crate::failure::Failure;

/// How much is read at once.
const BLOCK: usize = 64 * 1024;

/// Read an event stream from standard input and print it as JSON lines
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  curl -sN -H 'Authorization: Bearer …' https://api.example.com/v1/watch | dormouse decode
  printf 'event: greet\\ndata: hello\\n\\n' | dormouse decode --chunk 1

Output, one object a line:
  {\"event\":NAME,\"data\":TEXT,\"id\":TEXT}     each event; id is the last event id at that time
  {\"comment\":true}                         each comment; its text is never stored
  {\"retry\":MS|null,\"last_event_id\":TEXT}   last, once the stream has ended

Exit codes: 0 the stream was read to its end, or whoever read the output has gone; 1 a limit was
exceeded or the input could not be read (there is no last object then); 2 wrong arguments.")]
pub(crate) struct Args {
    /// Cut the input into pieces of N bytes; the output is the same for every N
    #[arg(long, value_name = "N")]
    chunk: Option<NonZeroUsize>,
    /// The longest line, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().line)]
    max_line: usize,
    /// The longest data of one event, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().data)]
    max_data: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Object<'a> {
    Event { event: &'a str, data: &'a str, id: &'a str },
    Comment { comment: bool },
    Last { retry: Option<u64>, last_event_id: &'a str },
}

/// How decoding stops before the end of the stream.
enum Stop {
    Limit(LimitExceeded),
    Output(io::Error),
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match decode(args, &mut io::stdin().lock(), &mut io::stdout().lock()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // `dormouse decode | head -1` has what it wanted.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(ExitCode::SUCCESS)
        }
        Err(Error::Output(error)) => {
            Err(Failure::failed(format!("standard output cannot be written: {error}")))
        }
        Err(Error::Input { at, error }) => {
            Err(Failure::failed(format!("standard input, byte {at}: {error}")))
        }
        Err(Error::Limit { at, limit }) => Err(Failure::failed(format!(
            "standard input, byte {at}: {limit}"
        ))
        .advise(match limit {
            LimitExceeded::Line => {
                format!("a line may have {} bytes; --max-line allows more", args.max_line)
            }
            _ => format!("data may have {} bytes; --max-data allows more", args.max_data),
        })),
    }
}

#[derive(Debug)]
enum Error {
    Output(io::Error),
    Input { at: u64, error: io::Error },
    Limit { at: u64, limit: LimitExceeded },
}

fn decode(args: &Args, input: &mut impl io::Read, out: &mut impl io::Write) -> Result<(), Error> {
    let mut decoder = Decoder::new(Limits { line: args.max_line, data: args.max_data });
    let mut block = vec![0; BLOCK];
    let mut at = 0;
    let mut out = io::BufWriter::new(out);
    loop {
        let len = match input.read(&mut block) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::Input { at, error }),
        };
        let block = &block[..len];
        let before = decoder.clone();
        let piece = args.chunk.map_or(len, NonZeroUsize::get);
        for mut piece in block.chunks(piece) {
            match print(&mut decoder, &mut piece, &mut out) {
                Ok(()) => {}
                Err(Stop::Output(error)) => return Err(Error::Output(error)),
                Err(Stop::Limit(limit)) => {
                    // What was decoded well is not lost.
                    out.flush().map_err(Error::Output)?;
                    return Err(Error::Limit { at: at + first_too_many(before, block), limit });
                }
            }
        }
        out.flush().map_err(Error::Output)?;
        at += len as u64;
    }
    let last = Object::Last { retry: decoder.retry(), last_event_id: decoder.last_event_id() };
    write(&mut out, &last).and_then(|()| out.flush()).map_err(Error::Output)
}

fn print(decoder: &mut Decoder, piece: &mut &[u8], out: &mut impl io::Write) -> Result<(), Stop> {
    while let Some(item) = decoder.decode(piece).map_err(Stop::Limit)? {
        let object = match item {
            Item::Event(event) => {
                Object::Event { event: event.name, data: event.data, id: event.id }
            }
            Item::Comment => Object::Comment { comment: true },
            _ => continue,
        };
        write(out, &object).map_err(Stop::Output)?;
    }
    Ok(())
}

/// One line. It is flushed with its block, before more input is waited for.
fn write(out: &mut impl io::Write, object: &Object<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    out.write_all(b"\n")
}

/// The place in `block` of the byte that was too many.
fn first_too_many(mut decoder: Decoder, block: &[u8]) -> u64 {
    let fails = |byte: &u8| {
        let mut byte = std::slice::from_ref(byte);
        loop {
            match decoder.decode(&mut byte) {
                Ok(Some(_)) => {}
                Ok(None) => return false,
                Err(_) => return true,
            }
        }
    };
    // A limit holds however the bytes are cut, so one of them fails.
    block.iter().position(fails).unwrap_or(block.len()) as u64
}
