//! The boundary: pointers in, references inside, numbers out.
//!
//! Every function of the library is one call of [`guarded`]. A pointer is looked at before it is used: for NULL, for its
//! alignment, for a length that no object has. What cannot be seen, a length that is too long for what is there, or a
//! handle that was freed, is the caller's to keep, as everywhere in C.

use alloc::string::String;
use core::ffi::{c_char, c_void};
use core::mem::MaybeUninit;
use core::{ptr, slice, str};

use crate::code::{
    self, DORMOUSE_E_ALIGN, DORMOUSE_E_BROKEN, DORMOUSE_E_CODE, DORMOUSE_E_LENGTH, DORMOUSE_E_NULL,
    DORMOUSE_E_SIZE, DORMOUSE_E_UTF8,
};

/// Bytes that somebody else owns: `ptr` points at `len` of them. NULL with a length of 0 is nothing at all.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The first byte.
    pub ptr: *const c_char,
    /// How many there are.
    pub len: usize,
}

/// One header of a request or a response.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name, without the colon, in any case.
    pub name: Slice,
    /// Its value.
    pub value: Slice,
}

impl Slice {
    /// Nothing at all.
    pub(crate) const NONE: Self = Self { ptr: ptr::null(), len: 0 };

    /// Points at these bytes.
    pub(crate) const fn of(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr().cast(), len: bytes.len() }
    }
}

/// Why a call did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Null,
    Length,
    Align,
    Utf8,
    Code,
    Size,
    Broken,
    /// What core says, by its own code.
    Core(u16),
}

impl Refusal {
    pub(crate) const fn code(self) -> i32 {
        match self {
            Self::Null => DORMOUSE_E_NULL,
            Self::Length => DORMOUSE_E_LENGTH,
            Self::Align => DORMOUSE_E_ALIGN,
            Self::Utf8 => DORMOUSE_E_UTF8,
            Self::Code => DORMOUSE_E_CODE,
            Self::Size => DORMOUSE_E_SIZE,
            Self::Broken => DORMOUSE_E_BROKEN,
            Self::Core(code) => -(code as i32),
        }
    }

    /// What `dormouse_strerror` says of it.
    pub(crate) fn sentence(self) -> &'static str {
        code::sentence(self.code()).to_str().unwrap_or_default()
    }
}

/// A struct of the caller's that later versions add fields to, at its end. The size that comes with it says which version
/// the caller was compiled with: an older one, this one, or a newer one.
///
/// # Safety
///
/// Every field holds whatever bits there are, and 0 is its default.
pub(crate) unsafe trait Grows: Copy {
    /// The size that it had in the first version of the library. It never changes.
    const FIRST: usize;
}

/// More than any version of any struct will ever have: what is larger is a size that was never set.
const SIZE_MOST: usize = 4096;

/// Whether some version of `T` has this size. No version ends in the midst of a field.
pub(crate) fn check_size<T: Grows>(size: usize) -> Result<(), Refusal> {
    if (T::FIRST..=SIZE_MOST).contains(&size) && size % align_of::<T>() == 0 {
        Ok(())
    } else {
        Err(Refusal::Size)
    }
}

/// Reads a struct that is `size` long. Fields that an older caller does not have are 0; fields of a newer one that are not
/// known here have to be.
///
/// # Safety
///
/// If the pointer is neither NULL nor misaligned it points at `size` bytes, which nobody writes to meanwhile.
pub(crate) unsafe fn read_grown<T: Grows>(pointer: *const T, size: usize) -> Result<T, Refusal> {
    check_size::<T>(size)?;
    check(pointer)?;
    // SAFETY: as the caller promises.
    let bytes = unsafe { array(pointer.cast::<u8>(), size) }?;
    let (known, newer) = bytes.split_at(size.min(size_of::<T>()));
    if newer.iter().any(|byte| *byte != 0) {
        return Err(Refusal::Size);
    }
    let mut own = MaybeUninit::<T>::zeroed();
    // SAFETY: what is known is not longer than a `T`, whose fields hold whatever bits there are.
    unsafe {
        ptr::copy_nonoverlapping(known.as_ptr(), own.as_mut_ptr().cast(), known.len());
        Ok(own.assume_init())
    }
}

/// Writes a struct that is `size` long: an older caller gets the fields that it has, a newer one 0 in those that are not
/// known here.
///
/// # Safety
///
/// If the pointer is neither NULL nor misaligned, `size` bytes may be written there.
pub(crate) unsafe fn write_grown<T: Grows>(
    pointer: *mut T,
    size: usize,
    value: &T,
) -> Result<(), Refusal> {
    check_size::<T>(size)?;
    check(pointer)?;
    let known = size.min(size_of::<T>());
    // SAFETY: as the caller promises, and a `T` is not shorter than what is known of it.
    unsafe {
        pointer.cast::<u8>().write_bytes(0, size);
        ptr::copy_nonoverlapping(ptr::from_ref(value).cast::<u8>(), pointer.cast(), known);
    }
    Ok(())
}

/// Runs a function's body. A panic ends here: it must not go on into C.
pub(crate) fn guarded(body: impl FnOnce() -> Result<i32, Refusal>) -> i32 {
    #[cfg(feature = "std")]
    let result = std::panic::catch_unwind(core::panic::AssertUnwindSafe(body))
        .unwrap_or(Err(Refusal::Broken));
    #[cfg(not(feature = "std"))]
    let result = body();
    result.unwrap_or_else(Refusal::code)
}

/// What can be seen of a pointer.
pub(crate) fn check<T>(pointer: *const T) -> Result<(), Refusal> {
    if pointer.is_null() {
        Err(Refusal::Null)
    } else if !pointer.is_aligned() {
        Err(Refusal::Align)
    } else {
        Ok(())
    }
}

/// What a pointer points at, to be read.
///
/// # Safety
///
/// If it is neither NULL nor misaligned it points at a `T`, which nobody writes to during `'a`.
pub(crate) unsafe fn shared<'a, T>(pointer: *const T) -> Result<&'a T, Refusal> {
    check(pointer)?;
    // SAFETY: as the caller promises.
    Ok(unsafe { &*pointer })
}

/// What a pointer points at, to be changed.
///
/// # Safety
///
/// If it is neither NULL nor misaligned it points at a `T`, which nobody else touches during `'a`.
pub(crate) unsafe fn exclusive<'a, T>(pointer: *mut T) -> Result<&'a mut T, Refusal> {
    check(pointer)?;
    // SAFETY: as the caller promises.
    Ok(unsafe { &mut *pointer })
}

/// A place for a result, which need not hold anything yet.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    ///
    /// If it is neither NULL nor misaligned, a `T` may be written there as long as this lives.
    pub(crate) unsafe fn new(pointer: *mut T) -> Result<Self, Refusal> {
        check(pointer)?;
        Ok(Self(pointer))
    }

    pub(crate) fn put(self, value: T) {
        // SAFETY: as was promised when it was made.
        unsafe { self.0.write(value) };
    }
}

/// An array.
///
/// # Safety
///
/// If the pointer is neither NULL nor misaligned it points at `len` of `T`, which nobody writes to during `'a`.
pub(crate) unsafe fn array<'a, T>(pointer: *const T, len: usize) -> Result<&'a [T], Refusal> {
    if len == 0 {
        return Ok(&[]);
    }
    check(pointer)?;
    // No object is larger than that, on any system.
    if len > isize::MAX as usize / size_of::<T>() {
        return Err(Refusal::Length);
    }
    // SAFETY: as the caller promises, and it is not larger than an object may be.
    Ok(unsafe { slice::from_raw_parts(pointer, len) })
}

/// Bytes.
///
/// # Safety
///
/// As of [`array`].
pub(crate) unsafe fn bytes<'a>(pointer: *const c_void, len: usize) -> Result<&'a [u8], Refusal> {
    // SAFETY: as the caller promises.
    unsafe { array(pointer.cast(), len) }
}

/// Text.
///
/// # Safety
///
/// As of [`array`].
pub(crate) unsafe fn text(pointer: *const c_char, len: usize) -> Result<String, Refusal> {
    // SAFETY: as the caller promises.
    let bytes = unsafe { array(pointer.cast(), len) }?;
    Ok(String::from(str::from_utf8(bytes).map_err(|_| Refusal::Utf8)?))
}

/// A buffer of the caller's that a sentence is written into, cut off where it ends and then closed with NUL. Gives the
/// length of the whole sentence, as `snprintf` does.
///
/// # Safety
///
/// If the pointer is not NULL, `capacity` bytes may be written there.
pub(crate) unsafe fn write_text(
    pointer: *mut c_char,
    capacity: usize,
    sentence: &str,
) -> Result<i32, Refusal> {
    if capacity > 0 {
        check(pointer)?;
        // A cut is between two symbols, never inside one.
        let mut len = sentence.len().min(capacity - 1);
        while !sentence.is_char_boundary(len) {
            len -= 1;
        }
        // SAFETY: `len` bytes and a NUL are not more than `capacity`, and a sentence of ours is not the caller's buffer.
        unsafe {
            ptr::copy_nonoverlapping(sentence.as_ptr(), pointer.cast(), len);
            pointer.add(len).write(0);
        }
    }
    Ok(i32::try_from(sentence.len()).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "std")]
    fn a_panic_is_a_number() {
        std::panic::set_hook(std::boxed::Box::new(|_| {}));
        assert_eq!(guarded(|| panic!("on purpose")), DORMOUSE_E_BROKEN);
        let _ = std::panic::take_hook();
        assert_eq!(guarded(|| Ok(7)), 7);
        assert_eq!(guarded(|| Err(Refusal::Core(701))), -701);
    }

    #[test]
    fn pointers_are_looked_at_first() {
        let word = [7_u64, 8];
        let odd = word.as_ptr().wrapping_byte_add(1);
        // SAFETY: what is read of each is there; the others are refused.
        unsafe {
            assert_eq!(shared::<u64>(ptr::null()), Err(Refusal::Null));
            assert_eq!(shared(odd), Err(Refusal::Align));
            assert_eq!(shared(word.as_ptr()), Ok(&7));
            assert_eq!(array(word.as_ptr(), 2), Ok(&word[..]));
            assert_eq!(array::<u64>(ptr::null(), 0), Ok(&[][..]));
            assert_eq!(array::<u64>(ptr::null(), 1), Err(Refusal::Null));
            assert_eq!(array(odd, 1), Err(Refusal::Align));
            assert_eq!(array(word.as_ptr(), usize::MAX / 8), Err(Refusal::Length));
            assert_eq!(bytes(word.as_ptr().cast(), usize::MAX), Err(Refusal::Length));
            assert_eq!(text(c"\xff".as_ptr(), 1), Err(Refusal::Utf8));
        }
    }

    /// A struct that had two fields at first, and has three here.
    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Grown {
        size: u64,
        first: u64,
        second: u64,
    }

    // SAFETY: they are numbers.
    unsafe impl Grows for Grown {
        const FIRST: usize = 16;
    }

    #[test]
    fn a_struct_is_read_in_every_version() {
        let mut room = [16, 7, 8, 9_u64];
        let pointer = room.as_mut_ptr().cast::<Grown>();
        // SAFETY: as many bytes as said are there.
        let read = |size| unsafe { read_grown(pointer.cast_const(), size) };
        // An older caller: what stands behind its struct is none of it.
        assert_eq!(read(16), Ok(Grown { size: 16, first: 7, second: 0 }));
        assert_eq!(read(24), Ok(Grown { size: 16, first: 7, second: 8 }));
        // A newer one, which asks for something that is not known here, and one that does not.
        assert_eq!(read(32), Err(Refusal::Size));
        // SAFETY: it is there.
        unsafe { pointer.cast::<u64>().add(3).write(0) };
        assert_eq!(read(32), Ok(Grown { size: 16, first: 7, second: 8 }));
        for size in [0, 8, 15, 17, 23, SIZE_MOST + 8, usize::MAX] {
            assert_eq!(read(size), Err(Refusal::Size), "{size}");
        }
        // SAFETY: they are refused.
        unsafe {
            assert_eq!(read_grown::<Grown>(ptr::null(), 24), Err(Refusal::Null));
            assert_eq!(read_grown(pointer.wrapping_byte_add(1), 24), Err(Refusal::Align));
        }
    }

    #[test]
    fn a_struct_is_written_in_every_version() {
        let value = Grown { size: 1, first: 2, second: 3 };
        for (size, wanted) in [(16, [1, 2, 9, 9]), (24, [1, 2, 3, 9]), (32, [1, 2, 3, 0])] {
            let mut room = [9_u64; 4];
            // SAFETY: as many bytes as said are there.
            let written = unsafe { write_grown(room.as_mut_ptr().cast(), size, &value) };
            assert_eq!((written, room), (Ok(()), wanted), "{size}");
        }
        for size in [0, 8, 15, 17, SIZE_MOST + 8, usize::MAX] {
            let mut room = [9_u64; 4];
            // SAFETY: it is refused.
            let written = unsafe { write_grown(room.as_mut_ptr().cast(), size, &value) };
            assert_eq!((written, room), (Err(Refusal::Size), [9; 4]), "{size}");
        }
    }

    #[test]
    fn a_sentence_is_cut_between_symbols_and_closed() {
        let mut buffer = [1_u8; 6];
        // SAFETY: as many bytes as said are there.
        let written = unsafe { write_text(buffer.as_mut_ptr().cast(), 4, "aé→") };
        assert_eq!(written, Ok(6));
        assert_eq!(buffer, [b'a', 0xc3, 0xa9, 0, 1, 1]);
        // SAFETY: nothing is written.
        let written = unsafe { write_text(ptr::null_mut(), 0, "aé→") };
        assert_eq!(written, Ok(6));
        // SAFETY: NULL is refused.
        let written = unsafe { write_text(ptr::null_mut(), 1, "aé→") };
        assert_eq!(written, Err(Refusal::Null));
    }
}
