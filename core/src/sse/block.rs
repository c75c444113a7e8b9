//! What the event that is being received consists of so far.
//!
//! The lines between two blank lines are a block, and a block with data is an event. What lies wholly in
//! the chunk at hand is only pointed at ([`Lent`]). What would be lost by a cut, by a second data line or
//! by another item in between goes into a buffer of the block; these are reused from event to event.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::{mem, str};

use super::buffer::{append, assign, assign_lossy, release, release_text};
use super::{Event, LimitExceeded, Limits};
use crate::secret::Hidden;

/// The standard's name for an event that has none.
const UNNAMED: &str = "message";

/// The part of a block that still lies in the chunk.
#[derive(Clone, Copy, Default)]
pub(super) struct Lent<'b> {
    /// Takes precedence over the name in the block.
    pub(super) name: Option<&'b str>,
    /// The only line of data so far.
    pub(super) data: Option<&'b [u8]>,
}

/// What a blank line makes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dispatch {
    /// There was no data, hence no event.
    Nothing,
    /// An event that was not asked for.
    Unwanted,
    /// An event, which [`Block::lend`] puts together.
    Event,
}

#[derive(Clone)]
pub(super) struct Block {
    limits: Limits,
    wanted: Option<&'static [&'static str]>,
    /// Whether an event without a name is wanted.
    wants_unnamed: bool,

    name: Name,
    data: Data,
    id_pending: bool,

    /// The bytes of [`Data::Stored`], lines joined with LF.
    data_bytes: Vec<u8>,
    texts: Option<Box<Texts>>,
}

/// Text that most streams never need to have stored: so there is none of it before they do.
#[derive(Clone, Default)]
struct Texts {
    /// The text of [`Name::Stored`].
    name: String,
    /// The data once more if it was not UTF-8, mended.
    data: String,
    /// What the blank line will make the last event id, if one is pending.
    id: String,
    last_id: String,
}

/// The name of the event, as the latest `event` field has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Name {
    /// There was no such field, or an empty one.
    Absent,
    /// It is in the block.
    Stored,
    /// It is this one, of those that are wanted.
    At(&'static str),
    /// It is none of those that are wanted.
    Unwanted,
}

/// The data of the event, apart from what is lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Data {
    Absent,
    Stored,
    /// There was some, but nobody wanted the event under the name it had then.
    LetGo,
}

/// A block's part of the decoder's outlook: what is in its buffers only where it still counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Outlook {
    name: Name,
    name_text: Box<str>,
    data: Data,
    data_bytes: Hidden,
}

impl Block {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            wanted: None,
            wants_unnamed: true,
            name: Name::Absent,
            data: Data::Absent,
            id_pending: false,
            data_bytes: Vec::new(),
            texts: None,
        }
    }

    #[inline(always)]
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    fn texts(&mut self) -> &mut Texts {
        self.texts.get_or_insert_default()
    }

    pub(super) fn only(&mut self, wanted: &'static [&'static str]) {
        self.wanted = Some(wanted);
        self.wants_unnamed = wanted.contains(&UNNAMED);
    }

    #[inline(always)]
    pub(super) fn last_id(&self) -> &str {
        self.texts.as_ref().map_or("", |texts| &texts.last_id)
    }

    /// Whether a field came that has no effect before the blank line.
    pub(super) fn is_begun(&self) -> bool {
        !matches!(self.name, Name::Absent) || self.data != Data::Absent || self.id_pending
    }

    /// Bytes of data in the block, joined.
    pub(super) fn data_len(&self) -> usize {
        match self.data {
            Data::Stored => self.data_bytes.len(),
            Data::Absent | Data::LetGo => 0,
        }
    }

    /// Forgets all but the last event id, and gives large buffers back.
    pub(super) fn reset(&mut self) {
        self.clear();
        release(&mut self.data_bytes);
        if let Some(texts) = &mut self.texts {
            for text in [&mut texts.name, &mut texts.data, &mut texts.id] {
                release_text(text);
            }
        }
    }

    /// Gives back the memory of data that has been dispatched.
    pub(super) fn shrink(&mut self) {
        if self.data != Data::Stored {
            self.data_bytes = Vec::new();
        }
    }

    fn clear(&mut self) {
        self.name = Name::Absent;
        self.data = Data::Absent;
        self.id_pending = false;
    }

    /// Whether data is worth storing, under the name that the event has so far.
    #[inline(always)]
    pub(super) fn wants_data(&self) -> bool {
        !matches!(self.name, Name::Unwanted) && self.data != Data::LetGo
    }

    /// Notes a line of data that is skipped.
    pub(super) fn skip_data(&mut self) {
        self.data = Data::LetGo;
    }

    /// The name under which an event with this `event` field is wanted, if it is.
    #[inline(always)]
    pub(super) fn wanted<'b>(&self, field: Option<&'b str>) -> Option<&'b str> {
        match (field, self.wanted) {
            (None | Some(""), _) => self.wants_unnamed.then_some(UNNAMED),
            (Some(name), None) => Some(name),
            (Some(name), Some(wanted)) => wanted.iter().copied().find(|wanted| *wanted == name),
        }
    }

    /// Opens a line of data, joining it to those before.
    #[inline(always)]
    pub(super) fn open_data(&mut self, lent: &mut Lent<'_>) -> Result<(), LimitExceeded> {
        self.keep_data(lent);
        if self.data == Data::Stored {
            if self.data_room() == 0 {
                return Err(LimitExceeded::Data);
            }
            append(&mut self.data_bytes, b"\n", self.limits.data);
        }
        Ok(())
    }

    /// How many more bytes the data may have.
    #[inline(always)]
    pub(super) fn data_room(&self) -> usize {
        self.limits.data.saturating_sub(self.data_len())
    }

    /// Adds a piece, for which there is room, to the open line of data; `last` if the line ends with it.
    ///
    /// A first line that comes in one piece stays where it is.
    #[inline(always)]
    pub(super) fn push_data<'b>(&mut self, piece: &'b [u8], last: bool, lent: &mut Lent<'b>) {
        match self.data {
            Data::Absent if last => lent.data = Some(piece),
            Data::Absent => self.store_data(piece),
            Data::Stored => append(&mut self.data_bytes, piece, self.limits.data),
            Data::LetGo => {}
        }
    }

    /// Sets the name of the event, and returns it if it is the caller's to lend or to store.
    pub(super) fn set_name<'v>(
        &mut self,
        value: &'v [u8],
    ) -> Result<Option<&'v str>, LimitExceeded> {
        self.name = Name::Absent;
        if value.is_empty() {
            return Ok(None);
        }
        let mut unkept = None;
        match (str::from_utf8(value), self.wanted) {
            (Ok(name), None) => unkept = Some(name),
            (Ok(name), Some(wanted)) => self.name = choose(wanted, name),
            (Err(_), wanted) => {
                let (most, text) = (self.limits.line, &mut self.texts().name);
                assign_lossy(text, value, most).ok_or(LimitExceeded::Line)?;
                self.name = wanted.map_or(Name::Stored, |wanted| choose(wanted, text));
            }
        }
        if self.data != Data::Absent && matches!(self.name, Name::Unwanted) {
            self.data = Data::LetGo;
        }
        Ok(unkept)
    }

    /// Stores a name that [`Block::set_name`] returned.
    #[inline(always)]
    pub(super) fn store_name(&mut self, name: &str) {
        assign(&mut self.texts().name, name);
        self.name = Name::Stored;
    }

    /// Sets the id that the blank line will make the last one. One with a NUL is ignored.
    pub(super) fn set_id(&mut self, value: &[u8]) -> Result<(), LimitExceeded> {
        if memchr::memchr(0, value).is_some() {
            return Ok(());
        }
        let (most, text) = (self.limits.line, &mut self.texts().id);
        match str::from_utf8(value) {
            Ok(id) => assign(text, id),
            Err(_) => assign_lossy(text, value, most).ok_or(LimitExceeded::Line)?,
        }
        self.id_pending = true;
        Ok(())
    }

    /// Stores what is lent, since the chunk is about to go.
    #[inline(always)]
    pub(super) fn keep(&mut self, lent: &mut Lent<'_>) {
        if let Some(name) = lent.name.take() {
            self.store_name(name);
        }
        self.keep_data(lent);
    }

    #[inline(always)]
    fn keep_data(&mut self, lent: &mut Lent<'_>) {
        if let Some(data) = lent.data.take() {
            self.store_data(data);
        }
    }

    #[inline(always)]
    pub(super) fn append_data(&mut self, piece: &[u8]) {
        append(&mut self.data_bytes, piece, self.limits.data);
    }

    #[inline(always)]
    fn store_data(&mut self, first: &[u8]) {
        self.data = Data::Stored;
        self.data_bytes.clear();
        append(&mut self.data_bytes, first, self.limits.data);
    }

    /// The blank line: the id takes effect, even without data, and the next block begins.
    ///
    /// What is not lent of the event is in the buffers until then.
    #[inline(always)]
    pub(super) fn dispatch(&mut self, lent: &mut Lent<'_>) -> Dispatch {
        if self.id_pending {
            self.id_pending = false;
            let texts = self.texts();
            mem::swap(&mut texts.id, &mut texts.last_id);
        }
        let name = mem::replace(&mut self.name, Name::Absent);
        let data = mem::replace(&mut self.data, Data::Absent);
        if lent.data.is_none() && data == Data::Absent {
            lent.name = None;
            return Dispatch::Nothing;
        }
        match name {
            _ if data == Data::LetGo => return Dispatch::Unwanted,
            _ if lent.name.is_some() => {}
            Name::At(name) => lent.name = Some(name),
            Name::Absent if self.wants_unnamed => lent.name = Some(UNNAMED),
            Name::Stored => {}
            Name::Absent | Name::Unwanted => return Dispatch::Unwanted,
        }
        Dispatch::Event
    }

    /// Puts together an event that was dispatched just now.
    ///
    /// This is where its data is checked to be UTF-8, once and whole; what is not is replaced.
    #[inline(always)]
    pub(super) fn lend<'a, 'b: 'a>(
        &'a mut self,
        lent: Lent<'b>,
    ) -> Result<Event<'a>, LimitExceeded> {
        let Self { limits, data_bytes, texts, .. } = self;
        let bytes = lent.data.unwrap_or(data_bytes);
        if let Ok(data) = simdutf8::basic::from_utf8(bytes) {
            let stored = texts.as_deref();
            let name = lent.name.unwrap_or_else(|| stored.map_or("", |texts| &texts.name));
            return Ok(Event { name, data, id: stored.map_or("", |texts| &texts.last_id) });
        }
        let texts = texts.get_or_insert_default();
        assign_lossy(&mut texts.data, bytes, limits.data).ok_or(LimitExceeded::Data)?;
        let name = lent.name.unwrap_or(&texts.name);
        Ok(Event { name, data: &texts.data, id: &texts.last_id })
    }

    /// What comes of this block depends on, ids aside.
    pub(super) fn outlook(&self) -> Outlook {
        let name_text = match (self.name, &self.texts) {
            (Name::Stored, Some(texts)) => &*texts.name,
            _ => "",
        };
        let data_bytes = if self.data == Data::Stored { &*self.data_bytes } else { &[] };
        Outlook {
            name: self.name,
            name_text: name_text.into(),
            data: self.data,
            data_bytes: Hidden(data_bytes.into()),
        }
    }

    /// Where each buffer is, and its capacity in bytes.
    #[cfg(test)]
    pub(super) fn buffers(&self) -> [(*const u8, usize); 5] {
        let none = Texts::default();
        let texts = self.texts.as_deref().unwrap_or(&none);
        let text = |text: &String| (text.as_ptr(), text.capacity());
        let data = (self.data_bytes.as_ptr(), self.data_bytes.capacity());
        [text(&texts.name), data, text(&texts.data), text(&texts.id), text(&texts.last_id)]
    }
}

/// The name as it stands in the list, or that it does not.
fn choose(wanted: &'static [&'static str], name: &str) -> Name {
    wanted.iter().find(|&&wanted| wanted == name).map_or(Name::Unwanted, |name| Name::At(name))
}
