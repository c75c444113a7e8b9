//! What a library without std has to bring along: an allocator, and what happens on a panic.

#[cfg(all(not(feature = "std"), not(test), not(target_family = "wasm")))]
mod hosted {
    use libc_alloc::LibcAlloc;

    #[global_allocator]
    static ALLOCATOR: LibcAlloc = LibcAlloc;

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        unsafe extern "C" {
            fn abort() -> !;
        }
        // SAFETY: the C library's own.
        unsafe { abort() }
    }

    /// Core comes compiled for unwinding, and so asks for this by name. Nothing unwinds here, and nobody calls it.
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() {}
}

#[cfg(target_family = "wasm")]
mod wasm {
    use alloc::alloc::{Layout, alloc, dealloc};
    use core::ffi::c_void;
    use core::ptr;

    #[cfg(not(feature = "std"))]
    #[global_allocator]
    static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

    #[cfg(all(not(feature = "std"), not(test)))]
    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        core::arch::wasm32::unreachable()
    }

    /// What everything of the interface is aligned to, or to less.
    const ALIGNMENT: usize = 8;

    fn layout(size: usize) -> Option<Layout> {
        Layout::from_size_align(size.max(1), ALIGNMENT).ok()
    }

    /// Memory for what is handed in, aligned for every struct of this interface; NULL if there is none. In
    /// wasm only: elsewhere callers have memory of their own.
    #[unsafe(no_mangle)]
    pub extern "C" fn dormouse_alloc(size: usize) -> *mut c_void {
        // SAFETY: its size is not zero.
        layout(size).map_or(ptr::null_mut(), |layout| unsafe { alloc(layout).cast() })
    }

    /// Gives back what `dormouse_alloc` gave for this size. NULL is fine.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn dormouse_free(pointer: *mut c_void, size: usize) {
        if let (false, Some(layout)) = (pointer.is_null(), layout(size)) {
            // SAFETY: it is of this layout, as the caller promises.
            unsafe { dealloc(pointer.cast(), layout) }
        }
    }
}
#[cfg(target_family = "wasm")]
pub use wasm::*;
