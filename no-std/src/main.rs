//! A scripted handshake and a publish, without std.
//!
//! The C library gives memory and takes the output; everything else is `core`, `alloc` and the core
//! of midge. A second panic handler or allocator would not link, and std has both.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::{c_int, c_void};
use midge_proto::{
    Action, Auth, Config, Connection, DecodeLimits, Decoder, Instant, Outbox, OutboxLimits,
    Publish, ServerAddr,
};

#[link(name = "c")]
unsafe extern "C" {
    fn posix_memalign(place: *mut *mut c_void, align: usize, size: usize) -> c_int;
    fn free(place: *mut c_void);
    fn abort() -> !;
    fn write(descriptor: c_int, bytes: *const c_void, count: usize) -> isize;
}

/// Memory of the C library.
struct CMemory;

// SAFETY: `posix_memalign` gives memory of at least this size and alignment or fails, and `free`
// takes what it gave.
unsafe impl GlobalAlloc for CMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut place = core::ptr::null_mut();
        // The smallest alignment that the call takes is that of a pointer.
        let align = layout.align().max(size_of::<usize>());
        // SAFETY: `place` is a valid pointer to write to, and `align` a power of two.
        match unsafe { posix_memalign(&mut place, align, layout.size()) } {
            0 => place.cast(),
            _ => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, place: *mut u8, _: Layout) {
        // SAFETY: the caller got `place` from `alloc`.
        unsafe { free(place.cast()) }
    }
}

#[global_allocator]
static MEMORY: CMemory = CMemory;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: it takes nothing and does not return.
    unsafe { abort() }
}

// The `alloc` that comes with the compiler is built to unwind and names these two. With
// `panic = "abort"` nobody calls them; std would bring its own, and the names would clash.

// SAFETY: nothing else here has this name.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

// SAFETY: nothing else here has this name.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    // SAFETY: it takes nothing and does not return.
    unsafe { abort() }
}

/// Tells what the exit codes mean: the step that failed.
#[derive(Clone, Copy)]
enum Failed {
    Address = 1,
    Connect = 2,
    Handshake = 3,
    Publish = 4,
}

// SAFETY: no other symbol of the program has this name, and the signature is that of C's `main`.
#[unsafe(no_mangle)]
extern "C" fn main(_: c_int, _: *const *const u8) -> c_int {
    match converse() {
        Ok(written) => {
            // SAFETY: the bytes are valid for their length.
            unsafe { write(1, written.as_ptr().cast(), written.len()) };
            0
        }
        Err(failed) => failed as c_int,
    }
}

/// Returns all that the client wrote.
fn converse() -> Result<Vec<u8>, Failed> {
    let mut now = Instant::ZERO;
    let server: ServerAddr = "nats://127.0.0.1:4222".parse().map_err(|_| Failed::Address)?;
    let mut connection = Connection::new(Config::new(Vec::from([server])), [7; 32], now);
    let mut outbox = Outbox::new(OutboxLimits::default());
    let payload = b"hello".to_vec().into();
    let message = Publish { subject: b"greet", reply: None, headers: None, payload: &payload };
    outbox.publish(message).map_err(|_| Failed::Publish)?;

    let mut decoder = Decoder::new(DecodeLimits::default());
    let info = b"INFO {\"server_id\":\"S\",\"max_payload\":1024,\"headers\":true}\r\n";
    let mut script = [&info[..], b"PONG\r\n", b"PONG\r\n"].into_iter();
    let mut written = Vec::new();
    while !written.ends_with(b"PUB greet 5\r\nhello\r\n") {
        now = now + core::time::Duration::from_millis(1);
        let mut is_open = connection.is_ready();
        while let Some(action) = connection.poll_action() {
            match action {
                Action::Dial { dial, .. } => connection.handle_dialed(now, dial, None),
                Action::Authenticate { .. } => {
                    connection.handle_authenticated(now, Ok(Auth::new()))
                }
                Action::Online(limits) => {
                    connection.replay();
                    outbox.set_online(limits);
                    is_open = true;
                }
                Action::Close(_) | Action::Hangup => return Err(Failed::Connect),
                _ => {}
            }
        }
        connection.take_control(&mut written);
        if is_open {
            let chunk = outbox.take().ok_or(Failed::Publish)?;
            chunk.slices(0).for_each(|piece| written.extend_from_slice(piece));
            continue;
        }
        let bytes = script.next().ok_or(Failed::Handshake)?;
        connection.handle_read(now);
        while let Ok(Some(frame)) = decoder.next(bytes) {
            connection.handle_frame(now, &frame, bytes);
        }
        decoder.consume();
        connection.handle_read_done(now);
    }
    if written.starts_with(b"CONNECT {") { Ok(written) } else { Err(Failed::Handshake) }
}
