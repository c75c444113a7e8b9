//! The watch: one function for each kind of input, one to poll, and some to look.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::ffi::{c_char, c_void};
use core::{mem, str};

use dormouse_core::{Attempt, Beat, HandOver, Head, Hint, Input, Timestamp, Token, TransportFault};

use crate::action::{Action, Flat};
use crate::boundary::{
    Grows, Header, Out, Refusal, array, bytes, exclusive, guarded, shared, text, write_grown,
    write_text,
};
use crate::code::DORMOUSE_NEVER;
use crate::config::Config;

/// One watch: the whole protocol, without any I/O. Made by `dormouse_watch_new`, freed by `dormouse_watch_free`.
pub struct Watch {
    /// Set while a call is inside. Still set when the next one comes, it means that a call never came to its end.
    inside: bool,
    watch: dormouse_core::Watch,
    /// What the latest poll handed out, and core's own of it.
    flat: Flat,
    latest: dormouse_core::Action,
}

/// Counts since a watch was made. They never run backwards and never overflow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connects that were handed out.
    pub connects: u64,
    /// Connects that ended in `hello`.
    pub hellos: u64,
    /// Wakes received.
    pub wakes: u64,
    /// Wakes whose hand-over the application reported as failed.
    pub hand_overs_failed: u64,
    /// Heartbeats that were handed out.
    pub heartbeats: u64,
    /// Heartbeats that refreshed the lease.
    pub heartbeats_accepted: u64,
    /// Heartbeats that were due while one was still in flight.
    pub heartbeats_skipped: u64,
    /// Comments received: the server's signs of life.
    pub comments: u64,
    /// Events received that the protocol gives no meaning where they came.
    pub events_ignored: u64,
    /// Connects that had to wait, since many were made in a short time.
    pub connects_held: u64,
    /// Hints that led to nothing.
    pub hints_ignored: u64,
    /// Inputs from attempts or heartbeats that were given up, or never were.
    pub stale: u64,
    /// Inputs that make no sense in the state they met.
    pub out_of_place: u64,
}

// SAFETY: they are numbers, and 0 is what was not counted.
unsafe impl Grows for Stats {
    const FIRST: usize = mem::offset_of!(Stats, out_of_place) + size_of::<u64>();
}

/// Makes a watch that wants to connect at once, and puts it in `*watch`.
///
/// `token` is the device's: 1 to 8192 bytes of visible ASCII. `seed` is all the chance that the watch will ever have:
/// give each device another one, from the operating system's entropy. `now_ms` is the time, on a clock of the
/// caller's that does not run backwards, and best one that counts while the device is suspended; where its zero is does
/// not matter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_new(
    watch: *mut *mut Watch,
    config: *const Config,
    token: *const c_char,
    token_len: usize,
    seed: u64,
    now_ms: u64,
) -> i32 {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (out, config, token) =
            unsafe { (Out::new(watch)?, Config::read(config)?, read_token(token, token_len)?) };
        let watch = dormouse_core::Watch::new(config, token, seed, Timestamp::from_millis(now_ms));
        out.put(Box::into_raw(Box::new(Watch {
            inside: false,
            watch,
            flat: Flat::new(),
            latest: dormouse_core::Action::Sleep { until: None },
        })));
        Ok(0)
    })
}

/// Frees a watch, and the action it handed out last. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_free(watch: *mut Watch) {
    guarded(|| {
        if !watch.is_null() {
            // SAFETY: it came out of a box, and nobody has it any longer, as the caller promises.
            drop(unsafe { Box::from_raw(watch) });
        }
        Ok(0)
    });
}

/// What to do next, in `*action`. Poll, and do it, until it is `DORMOUSE_ACTION_SLEEP`, which repeats itself until the
/// next input. The action is the library's, and stays until the next call on this watch that is not const.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_poll(watch: *mut Watch, action: *mut *const Action) -> i32 {
    // SAFETY: as the caller promises.
    guarded(|| unsafe {
        let out = Out::new(action)?;
        inside(watch, |watch| {
            watch.latest = watch.watch.poll();
            watch.flat.set(&watch.latest);
            Ok(())
        })?;
        out.put(&raw const (*watch).flat.action);
        Ok(0)
    })
}

/// Time has passed. Call it when the time of a sleep has come, after whatever has arrived by then; early is
/// harmless, late makes the watch late.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_tick(watch: *mut Watch, now_ms: u64) -> i32 {
    // SAFETY: as the caller promises.
    unsafe { handle(watch, now_ms, || Ok(Input::Tick)) }
}

/// The head of the response to `attempt` arrived: its status and its headers, all of them, as they came. The library
/// knows which ones matter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_head(
    watch: *mut Watch,
    attempt: u64,
    status: u32,
    headers: *const Header,
    header_count: usize,
    now_ms: u64,
) -> i32 {
    // SAFETY: as the caller promises.
    unsafe {
        handle(watch, now_ms, || {
            let status = read_status(status)?;
            let headers = array(headers, header_count)?.iter();
            let headers: Vec<_> =
                headers.map(|header| read_header(header)).collect::<Result<_, _>>()?;
            Ok(Input::Head { attempt: Attempt(attempt), head: Head::read(status, headers) })
        })
    }
}

/// Bytes of the stream of `attempt` arrived, cut anywhere. They are read during the call and need not stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_data(
    watch: *mut Watch,
    attempt: u64,
    data: *const c_void,
    len: usize,
    now_ms: u64,
) -> i32 {
    // SAFETY: as the caller promises.
    unsafe {
        handle(watch, now_ms, || {
            Ok(Input::Data { attempt: Attempt(attempt), bytes: bytes(data, len)? })
        })
    }
}

/// The stream of `attempt` came to its proper end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_end(watch: *mut Watch, attempt: u64, now_ms: u64) -> i32 {
    // SAFETY: as the caller promises.
    unsafe { handle(watch, now_ms, || Ok(Input::End { attempt: Attempt(attempt) })) }
}

/// The connect of `attempt` failed, or its stream broke: `fault` is one of `DORMOUSE_TRANSPORT_*`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_failed(
    watch: *mut Watch,
    attempt: u64,
    fault: u32,
    now_ms: u64,
) -> i32 {
    // SAFETY: as the caller promises.
    unsafe {
        handle(watch, now_ms, || {
            Ok(Input::Failed { attempt: Attempt(attempt), fault: read_fault(fault)? })
        })
    }
}

/// The heartbeat `beat` was answered with this HTTP status, a redirect included.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_heartbeat_answer(
    watch: *mut Watch,
    beat: u64,
    status: u32,
    now_ms: u64,
) -> i32 {
    // SAFETY: as the caller promises.
    unsafe {
        handle(watch, now_ms, || {
            Ok(Input::HeartbeatAnswer { beat: Beat(beat), status: read_status(status)? })
        })
    }
}

/// The heartbeat `beat` got no answer: `fault` is one of `DORMOUSE_TRANSPORT_*`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_heartbeat_failed(
    watch: *mut Watch,
    beat: u64,
    fault: u32,
    now_ms: u64,
) -> i32 {
    // SAFETY: as the caller promises.
    unsafe {
        handle(watch, now_ms, || {
            Ok(Input::HeartbeatFailed { beat: Beat(beat), fault: read_fault(fault)? })
        })
    }
}

/// Whoever sends heartbeats was told from outside to send no more: the watch stops.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_heartbeats_cancelled(
    watch: *mut Watch,
    now_ms: u64,
) -> i32 {
    // SAFETY: as the caller promises.
    unsafe { handle(watch, now_ms, || Ok(Input::HeartbeatsCancelled)) }
}

/// The application has done with the wake and wants to sleep again: `hand_over` is one of `DORMOUSE_HAND_OVER_*`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_sleep_again(
    watch: *mut Watch,
    hand_over: u32,
    now_ms: u64,
) -> i32 {
    // SAFETY: as the caller promises.
    unsafe {
        handle(watch, now_ms, || {
            let all = HandOver::ALL.into_iter();
            Ok(Input::SleepAgain(find(all, HandOver::code, hand_over)?))
        })
    }
}

/// Something outside the protocol suggests that a new connection would do better: `hint` is one of `DORMOUSE_HINT_*`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_hint(watch: *mut Watch, hint: u32, now_ms: u64) -> i32 {
    // SAFETY: as the caller promises.
    unsafe {
        handle(watch, now_ms, || Ok(Input::Hint(find(Hint::ALL.into_iter(), Hint::code, hint)?)))
    }
}

/// There is no network (`offline` is 1), or there is one again (0). While offline nothing is attempted and nothing is
/// forgotten.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_offline(
    watch: *mut Watch,
    offline: u32,
    now_ms: u64,
) -> i32 {
    // SAFETY: as the caller promises.
    unsafe {
        handle(watch, now_ms, || match offline {
            0 => Ok(Input::Offline(false)),
            1 => Ok(Input::Offline(true)),
            _ => Err(Refusal::Code),
        })
    }
}

/// A new device token, for every request from now on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_new_token(
    watch: *mut Watch,
    token: *const c_char,
    token_len: usize,
    now_ms: u64,
) -> i32 {
    // SAFETY: as the caller promises.
    unsafe { handle(watch, now_ms, || Ok(Input::NewToken(read_token(token, token_len)?))) }
}

/// The application wants no more of it. Final.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_stop(watch: *mut Watch, now_ms: u64) -> i32 {
    // SAFETY: as the caller promises.
    unsafe { handle(watch, now_ms, || Ok(Input::Stop)) }
}

/// What a person sees: `DORMOUSE_STATUS_*`, or `DORMOUSE_STOP_*` at the end. Negative if the call is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_status(watch: *const Watch) -> i32 {
    // SAFETY: as the caller promises.
    guarded(|| unsafe { Ok(beside(watch)?.watch.status().code().into()) })
}

/// Whether the device is offline, as was last said: 0 or 1. Negative if the call is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_is_offline(watch: *const Watch) -> i32 {
    // SAFETY: as the caller promises.
    guarded(|| unsafe { Ok(beside(watch)?.watch.is_offline().into()) })
}

/// When `dormouse_watch_tick` is due next, in `*until_ms`: what a sleep says. `DORMOUSE_NEVER` if it is not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_deadline(watch: *const Watch, until_ms: *mut u64) -> i32 {
    // SAFETY: as the caller promises.
    guarded(|| unsafe {
        let out = Out::new(until_ms)?;
        out.put(beside(watch)?.watch.deadline().map_or(DORMOUSE_NEVER, Timestamp::as_millis));
        Ok(0)
    })
}

/// Counts since the beginning, in `*stats`. `size` is `sizeof(dormouse_stats)`, of the header that the caller was
/// compiled with: an older one gets the counts that it has, and counts that the library does not have yet are 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_stats(
    watch: *const Watch,
    stats: *mut Stats,
    size: usize,
) -> i32 {
    // SAFETY: as the caller promises.
    guarded(|| unsafe {
        let counts = beside(watch)?.watch.stats();
        let counts = Stats {
            connects: counts.connects,
            hellos: counts.hellos,
            wakes: counts.wakes,
            hand_overs_failed: counts.hand_overs_failed,
            heartbeats: counts.heartbeats,
            heartbeats_accepted: counts.heartbeats_accepted,
            heartbeats_skipped: counts.heartbeats_skipped,
            comments: counts.comments,
            events_ignored: counts.events_ignored,
            connects_held: counts.connects_held,
            hints_ignored: counts.hints_ignored,
            stale: counts.stale,
            out_of_place: counts.out_of_place,
        };
        write_grown(stats, size, &counts)?;
        Ok(0)
    })
}

/// The latest action as an English sentence, for logs: no token is in it, nor a wake's URL. It is written to `buffer`,
/// cut off at `capacity` and closed with NUL. Gives the length of the whole sentence, as `snprintf` does; a buffer of 512
/// holds every one there is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_watch_describe(
    watch: *const Watch,
    buffer: *mut c_char,
    capacity: usize,
) -> i32 {
    // SAFETY: as the caller promises.
    guarded(|| unsafe { write_text(buffer, capacity, &beside(watch)?.latest.to_string()) })
}

/// Takes in one input, if it is one.
///
/// # Safety
///
/// As of [`exclusive`].
unsafe fn handle<'a>(
    watch: *mut Watch,
    now_ms: u64,
    input: impl FnOnce() -> Result<Input<'a>, Refusal>,
) -> i32 {
    guarded(|| {
        let read = |watch: &mut Watch| {
            watch.watch.handle(Timestamp::from_millis(now_ms), input()?);
            Ok(())
        };
        // SAFETY: as the caller promises.
        unsafe { inside(watch, read) }.map(|()| 0)
    })
}

/// Runs what changes a watch. After a panic in there nobody knows what it is worth, and it is not used again.
///
/// # Safety
///
/// As of [`exclusive`].
unsafe fn inside(
    watch: *mut Watch,
    body: impl FnOnce(&mut Watch) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    // SAFETY: as the caller promises.
    let watch = unsafe { exclusive(watch) }?;
    if mem::replace(&mut watch.inside, true) {
        return Err(Refusal::Broken);
    }
    let result = body(watch);
    watch.inside = false;
    result
}

/// A watch to be looked at.
///
/// # Safety
///
/// As of [`shared`].
unsafe fn beside<'a>(watch: *const Watch) -> Result<&'a Watch, Refusal> {
    // SAFETY: as the caller promises.
    let watch = unsafe { shared(watch) }?;
    if watch.inside { Err(Refusal::Broken) } else { Ok(watch) }
}

/// # Safety
///
/// As of [`array`].
unsafe fn read_token(token: *const c_char, len: usize) -> Result<Token, Refusal> {
    // SAFETY: as the caller promises.
    let token = unsafe { text(token, len) }?;
    Token::new(token).map_err(|error| Refusal::Core(error.code()))
}

/// # Safety
///
/// As of [`array`], for both of its slices.
unsafe fn read_header<'a>(header: &Header) -> Result<(&'a str, &'a [u8]), Refusal> {
    // SAFETY: as the caller promises.
    let (name, value) = unsafe {
        (
            bytes(header.name.ptr.cast(), header.name.len)?,
            bytes(header.value.ptr.cast(), header.value.len)?,
        )
    };
    // A peer may send what it likes; a name that is no text is none that anybody looks for.
    Ok((str::from_utf8(name).unwrap_or_default(), value))
}

fn read_status(status: u32) -> Result<u16, Refusal> {
    u16::try_from(status).map_err(|_| Refusal::Code)
}

fn read_fault(code: u32) -> Result<TransportFault, Refusal> {
    find(TransportFault::ALL.into_iter(), TransportFault::code, code)
}

/// The one of these that has this code.
fn find<T: Copy>(
    mut all: impl Iterator<Item = T>,
    code_of: impl Fn(T) -> u16,
    code: u32,
) -> Result<T, Refusal> {
    all.find(|one| u32::from(code_of(*one)) == code).ok_or(Refusal::Code)
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::code::DORMOUSE_E_BROKEN;

    #[test]
    fn after_a_panic_a_watch_can_only_be_freed() {
        let config =
            dormouse_core::Config::new("https://api.example.com").build().expect("a config");
        let token = Token::new("canary").expect("a token");
        let mut watch = Watch {
            inside: false,
            watch: dormouse_core::Watch::new(config, token, 0, Timestamp::ORIGIN),
            flat: Flat::new(),
            latest: dormouse_core::Action::Sleep { until: None },
        };
        let watch = &raw mut watch;
        std::panic::set_hook(std::boxed::Box::new(|_| {}));
        // SAFETY: it is there, and nobody else has it.
        unsafe {
            assert_eq!(dormouse_watch_tick(watch, 1), 0);
            assert_eq!(handle(watch, 1, || panic!("on purpose")), DORMOUSE_E_BROKEN);
            assert_eq!(dormouse_watch_tick(watch, 1), DORMOUSE_E_BROKEN);
            assert_eq!(dormouse_watch_status(watch), DORMOUSE_E_BROKEN);
        }
        let _ = std::panic::take_hook();
    }
}
