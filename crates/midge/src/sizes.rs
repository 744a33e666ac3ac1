//! What one more connection holds while nothing happens: bounds, so that growth is noticed and
//! argued for.
//!
//! They stand for the measured goal of 8 KiB of resident memory (`benches`, `idle-connections`). What
//! is not counted here is the runtime's task, socket and timer, texts, and what the allocator adds.

use crate::driver::{Driver, Order};
use crate::event::Event;
use crate::shared::{Command, Shared};
use crate::statistics::Statistics;
use core::mem::size_of;
use midge_proto::{Action, ConnectionEvent, Server, ServerAddr, ServerInfo};

#[test]
fn what_every_connection_holds_fits_into_five_kib() {
    let parts = [
        size_of::<Driver>(),
        size_of::<Shared>(),
        size_of::<Statistics>(),
        size_of::<ServerInfo>(),
        // In the pool, and where handles look at it.
        2 * size_of::<Server>(),
    ];
    assert!(parts.iter().sum::<usize>() <= 5 << 10, "{parts:?}");
}

/// A queue that held one element has room for four.
#[test]
fn what_goes_through_queues_is_small() {
    let sizes = [
        size_of::<Action>(),
        size_of::<ConnectionEvent>(),
        size_of::<Order>(),
        size_of::<Event>(),
        size_of::<Command>(),
    ];
    assert!(sizes.iter().all(|&size| size <= 128), "{sizes:?}");
}

#[test]
fn an_address_is_a_reference() {
    assert_eq!(size_of::<ServerAddr>(), size_of::<usize>());
}
