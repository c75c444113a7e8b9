//! The event-stream decoder on its own: it knows nothing of the watch protocol.

use alloc::boxed::Box;
use core::mem;

use dormouse_core::sse::{self, Item as Found};

use crate::boundary::{Out, Refusal, Slice, bytes, exclusive, guarded, shared};
use crate::code::{
    DORMOUSE_ITEM_COMMENT, DORMOUSE_ITEM_EVENT, DORMOUSE_ITEM_LIMIT, DORMOUSE_ITEM_NONE,
    DORMOUSE_ITEM_RETRY,
};
use crate::config::limits;

/// Decodes one `text/event-stream`, as the WHATWG HTML standard has it, cut into pieces of any size.
pub struct Decoder {
    /// As of a watch.
    inside: bool,
    decoder: sse::Decoder,
}

/// What a stream is made of. Its texts are UTF-8, not closed with NUL, and stay until the next call on the decoder that
/// is not const, as long as the input that was decoded stays too.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// `DORMOUSE_ITEM_*`.
    pub kind: u32,
    /// Limit: `DORMOUSE_LIMIT_*`.
    pub code: u32,
    /// Event: its name; `message` if the stream gave none.
    pub name: Slice,
    /// Event: its data, lines joined with LF.
    pub data: Slice,
    /// Event: the last event id at that time.
    pub id: Slice,
    /// Retry: the reconnection time that the server asks for.
    pub retry_ms: u64,
}

impl Item {
    const fn new(kind: u32) -> Self {
        Self { kind, code: 0, name: Slice::NONE, data: Slice::NONE, id: Slice::NONE, retry_ms: 0 }
    }
}

/// Makes a decoder at the start of a stream, and puts it in `*decoder`. The limits are in bytes, of one line and of the
/// data of one event; 0 is the default: 64 KiB and 256 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_decoder_new(
    decoder: *mut *mut Decoder,
    line_limit: usize,
    data_limit: usize,
) -> i32 {
    guarded(|| {
        // SAFETY: as the caller promises.
        let out = unsafe { Out::new(decoder) }?;
        let decoder = sse::Decoder::new(limits(line_limit, data_limit));
        out.put(Box::into_raw(Box::new(Decoder { inside: false, decoder })));
        Ok(0)
    })
}

/// Frees a decoder. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_decoder_free(decoder: *mut Decoder) {
    guarded(|| {
        if !decoder.is_null() {
            // SAFETY: it came out of a box, and nobody has it any longer, as the caller promises.
            drop(unsafe { Box::from_raw(decoder) });
        }
        Ok(0)
    });
}

/// Takes bytes off the front of `input` up to the end of the next item, and puts that in `*item`. Call it again with what
/// is left until the item is `DORMOUSE_ITEM_NONE`; then all of the input was taken. How a stream is cut makes no
/// difference. A limit that the stream broke is an item too, and `input` is then taken whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_decoder_decode(
    decoder: *mut Decoder,
    input: *mut Slice,
    item: *mut Item,
) -> i32 {
    // SAFETY: as the caller promises.
    guarded(|| unsafe {
        let out = Out::new(item)?;
        let input = exclusive(input)?;
        let mut rest = bytes(input.ptr.cast(), input.len)?;
        inside(decoder, |decoder| {
            let found = match decoder.decode(&mut rest) {
                Ok(Some(Found::Event(event))) => Item {
                    name: Slice::of(event.name.as_bytes()),
                    data: Slice::of(event.data.as_bytes()),
                    id: Slice::of(event.id.as_bytes()),
                    ..Item::new(DORMOUSE_ITEM_EVENT)
                },
                Ok(Some(Found::Retry(retry_ms))) => {
                    Item { retry_ms, ..Item::new(DORMOUSE_ITEM_RETRY) }
                }
                // Nothing is unwanted here, and so nothing is skipped.
                Ok(Some(_)) => Item::new(DORMOUSE_ITEM_COMMENT),
                Ok(None) => Item::new(DORMOUSE_ITEM_NONE),
                Err(limit) => Item { code: limit.code().into(), ..Item::new(DORMOUSE_ITEM_LIMIT) },
            };
            out.put(found);
        })?;
        *input = Slice { ptr: input.ptr.wrapping_add(input.len - rest.len()), len: rest.len() };
        Ok(0)
    })
}

/// The last event id, in `*id`: what `Last-Event-ID` of the next connection is. Empty if there was none. It outlives a
/// reset, and stays until the next call on the decoder that is not const.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_decoder_last_event_id(
    decoder: *const Decoder,
    id: *mut Slice,
) -> i32 {
    // SAFETY: as the caller promises.
    guarded(|| unsafe {
        let out = Out::new(id)?;
        let decoder = shared(decoder)?;
        if decoder.inside {
            return Err(Refusal::Broken);
        }
        out.put(Slice::of(decoder.decoder.last_event_id().as_bytes()));
        Ok(0)
    })
}

/// Makes ready for a new stream. What was unfinished is discarded; only the limits and the last event id stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_decoder_reset(decoder: *mut Decoder) -> i32 {
    // SAFETY: as the caller promises.
    guarded(|| unsafe { inside(decoder, sse::Decoder::reset).map(|()| 0) })
}

/// Runs what changes a decoder, as of a watch.
///
/// # Safety
///
/// As of [`exclusive`].
unsafe fn inside(
    decoder: *mut Decoder,
    body: impl FnOnce(&mut sse::Decoder),
) -> Result<(), Refusal> {
    // SAFETY: as the caller promises.
    let decoder = unsafe { exclusive(decoder) }?;
    if mem::replace(&mut decoder.inside, true) {
        return Err(Refusal::Broken);
    }
    body(&mut decoder.decoder);
    decoder.inside = false;
    Ok(())
}
