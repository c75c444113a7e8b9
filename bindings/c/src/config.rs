//! The configuration. It begins with its size, and zero is the default of every field, so that it can grow.

use core::ffi::c_char;
use core::mem;

use alloc::string::{String, ToString};
use dormouse_core::{Guards, OnUnauthorized, sse};

use crate::boundary::{
    Grows, Refusal, Slice, check, check_size, guarded, read_grown, shared, text, write_text,
};
use crate::code::{
    DORMOUSE_GUARD_CONNECT_BOUND, DORMOUSE_GUARD_FLAP, DORMOUSE_GUARD_HINTS, DORMOUSE_GUARD_JITTER,
    DORMOUSE_GUARD_RETRY_AFTER, DORMOUSE_GUARD_WINDOW, DORMOUSE_ON_UNAUTHORIZED_PARK,
    DORMOUSE_ON_UNAUTHORIZED_STOP,
};

/// How a watch is to be: begin with `dormouse_config_init`, and set what is to be different. A text whose `ptr` is NULL
/// and a number that is 0 are the defaults. Texts are read during the call and need not stay. The struct of an older header
/// is taken as well: what it does not have is the default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// `sizeof(dormouse_config)`, which `dormouse_config_init` writes.
    pub size: usize,
    /// The service: an absolute http or https URL, perhaps with a path, without query, fragment and user info.
    /// Required. At most 2 KiB, like every text here.
    pub base: Slice,
    /// The watch's path below the base: `/v1/watch` by default.
    pub watch_path: Slice,
    /// The heartbeat's path below the base: `/v1/watch/heartbeat` by default.
    pub heartbeat_path: Slice,
    /// The authorization scheme before the token: `Bearer` by default.
    pub auth_scheme: Slice,
    /// The protocol version to announce: `2.2.0` by default.
    pub protocol_version: Slice,
    /// The longest line of the stream, in bytes: 64 KiB by default, 1 KiB to 64 MiB.
    pub line_limit: usize,
    /// The longest data of one event, in bytes: 256 KiB by default, 1 KiB to 64 MiB.
    pub data_limit: usize,
    /// Which guards are off: `DORMOUSE_GUARD_*`, combined with `|`. A fleet wants them all on.
    pub guards_off: u32,
    /// What to do when the token is refused: `DORMOUSE_ON_UNAUTHORIZED_*`.
    pub on_unauthorized: u32,
}

// SAFETY: they are numbers and pointers, and a text that is NULL and a number that is 0 are defaults.
unsafe impl Grows for Config {
    const FIRST: usize = mem::offset_of!(Config, on_unauthorized) + size_of::<u32>();
}

/// Makes `config` one in which everything is the default. `size` is `sizeof(dormouse_config)`, of the header that the
/// caller was compiled with.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_config_init(config: *mut Config, size: usize) -> i32 {
    guarded(|| {
        check_size::<Config>(size)?;
        check(config)?;
        // SAFETY: so much is there, as the caller promises. Zero is a value of every field, those to come included.
        unsafe {
            config.cast::<u8>().write_bytes(0, size);
            (&raw mut (*config).size).write(size);
        }
        Ok(0)
    })
}

/// Whether a watch can be made of this. `why`, if there is room for it, becomes a sentence that says what is wrong and
/// where, cut off at `capacity` and closed with NUL; it becomes empty if nothing is. Where nothing more is known it is the
/// sentence of `dormouse_strerror`. The result is that of `dormouse_watch_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_config_check(
    config: *const Config,
    why: *mut c_char,
    capacity: usize,
) -> i32 {
    guarded(|| {
        // SAFETY: as the caller promises.
        let result = unsafe { Config::read(config) };
        let sentence = match result {
            Ok(_) => String::new(),
            Err(Wrong::Here(refusal)) => refusal.sentence().to_string(),
            Err(Wrong::Setting(ref error)) => error.to_string(),
        };
        // SAFETY: as the caller promises.
        unsafe { write_text(why, capacity, &sentence) }?;
        result.map(|_| 0).map_err(Refusal::from)
    })
}

/// Whether this is a token: 1 to 8192 bytes of visible ASCII. `why` is as of `dormouse_config_check`, and says where the
/// token is wrong, never what is in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dormouse_token_check(
    token: *const c_char,
    token_len: usize,
    why: *mut c_char,
    capacity: usize,
) -> i32 {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (result, sentence) = match unsafe { text(token, token_len) } {
            Err(refusal) => (Err(refusal), refusal.sentence().to_string()),
            Ok(token) => match dormouse_core::Token::new(token) {
                Err(error) => (Err(Refusal::Core(error.code())), error.to_string()),
                Ok(_) => (Ok(0), String::new()),
            },
        };
        // SAFETY: as the caller promises.
        unsafe { write_text(why, capacity, &sentence) }?;
        result
    })
}

/// What is wrong with a configuration: the way it was handed over, or what it says.
#[derive(Debug)]
pub(crate) enum Wrong {
    Here(Refusal),
    Setting(dormouse_core::ConfigError),
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        Self::Here(refusal)
    }
}

impl From<Wrong> for Refusal {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Here(refusal) => refusal,
            Wrong::Setting(error) => Self::Core(error.code()),
        }
    }
}

impl Config {
    /// Core's configuration, of one that was handed in.
    ///
    /// # Safety
    ///
    /// If the pointer is neither NULL nor misaligned, as many bytes as its first field says are there, and so is what
    /// its texts point at.
    pub(crate) unsafe fn read(pointer: *const Self) -> Result<dormouse_core::Config, Wrong> {
        // SAFETY: the first field is there, whatever its value.
        let size = *unsafe { shared(pointer.cast::<usize>()) }?;
        // SAFETY: its size says that it is all there.
        let config = unsafe { read_grown(pointer, size) }?;
        // SAFETY: the texts are there, as the caller promises.
        let [base, watch_path, heartbeat_path, auth_scheme, protocol_version] = unsafe {
            [
                maybe(config.base)?,
                maybe(config.watch_path)?,
                maybe(config.heartbeat_path)?,
                maybe(config.auth_scheme)?,
                maybe(config.protocol_version)?,
            ]
        };
        let mut builder = dormouse_core::Config::new(base.ok_or(Refusal::Null)?);
        if let Some(path) = watch_path {
            builder = builder.watch_path(path);
        }
        if let Some(path) = heartbeat_path {
            builder = builder.heartbeat_path(path);
        }
        if let Some(scheme) = auth_scheme {
            builder = builder.auth_scheme(scheme);
        }
        if let Some(version) = protocol_version {
            builder = builder.protocol_version(version);
        }
        builder
            .limits(limits(config.line_limit, config.data_limit))
            .guards(guards(config.guards_off)?)
            .on_unauthorized(match config.on_unauthorized {
                DORMOUSE_ON_UNAUTHORIZED_STOP => OnUnauthorized::Stop,
                DORMOUSE_ON_UNAUTHORIZED_PARK => OnUnauthorized::Park,
                _ => return Err(Refusal::Code.into()),
            })
            .build()
            .map_err(Wrong::Setting)
    }
}

/// A text that may be left to its default.
///
/// # Safety
///
/// As of [`text`].
unsafe fn maybe(slice: Slice) -> Result<Option<String>, Refusal> {
    if slice.ptr.is_null() && slice.len == 0 {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
    unsafe { text(slice.ptr, slice.len) }.map(Some)
}

/// Limits, of which 0 is the default.
pub(crate) fn limits(line: usize, data: usize) -> sse::Limits {
    let or = |limit: usize, default| if limit == 0 { default } else { limit };
    let default = sse::Limits::default();
    sse::Limits { line: or(line, default.line), data: or(data, default.data) }
}

fn guards(mut off: u32) -> Result<Guards, Refusal> {
    let mut guards = Guards::all();
    for (bit, guard) in [
        (DORMOUSE_GUARD_FLAP, &mut guards.flap),
        (DORMOUSE_GUARD_CONNECT_BOUND, &mut guards.connect_bound),
        (DORMOUSE_GUARD_RETRY_AFTER, &mut guards.retry_after),
        (DORMOUSE_GUARD_JITTER, &mut guards.jitter),
        (DORMOUSE_GUARD_WINDOW, &mut guards.window),
        (DORMOUSE_GUARD_HINTS, &mut guards.hints),
    ] {
        *guard = off & bit == 0;
        off &= !bit;
    }
    if off == 0 { Ok(guards) } else { Err(Refusal::Code) }
}

// The size comes first, whatever is added, and the first version ended as any struct does.
const _: () = assert!(mem::offset_of!(Config, size) == 0);
const _: () = assert!(Config::FIRST % align_of::<Config>() == 0);
