//! `client` with an allocator that counts.

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::Ordering;
use std::alloc::System;

use midge_benches::meter::ALLOCATIONS;

#[global_allocator]
static COUNTING: Counting = Counting;

fn main() -> midge_benches::Result<()> {
    midge_benches::clients::main()
}

/// The system's allocator, with a count of the calls that ask for memory.
struct Counting;

#[expect(unsafe_code, reason = "an allocator's methods are unsafe; these only pass calls on")]
// SAFETY: every call goes to `System` unchanged, and counting touches no memory but an atomic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `alloc`, which are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `dealloc`, which are the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `alloc_zeroed`, which are the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `realloc`, which are the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
