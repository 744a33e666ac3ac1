//! What one more connection and one more subscription hold while nothing happens: bounds, so that
//! growth is noticed and argued for.
//!
//! That of a connection stands for the measured goal of 8 KiB of resident memory (`benches`,
//! `idle-connections`; `idle-subscriptions` is its sibling): what is not counted here, the runtime's
//! task, socket and timer, texts, tables, and what the allocator adds, takes up to 2.5 KiB.

use crate::driver::{Machine, Order};
use crate::event::Event;
use crate::mailbox::Mailbox;
use crate::shared::{Command, Shared, Target};
use crate::statistics::Statistics;
use crate::subscriber::Subscriber;
use core::mem::size_of;
use midge_proto::{
    Action, ConnectionEvent, Interest, Server, ServerAddr, ServerInfo, Subscription,
};

#[test]
fn what_every_connection_holds_fits_into_five_and_a_half_kib() {
    let parts = [
        size_of::<Machine>(),
        size_of::<Shared>(),
        size_of::<Statistics>(),
        size_of::<ServerInfo>(),
        // In the pool, and where handles look at it.
        2 * size_of::<Server>(),
    ];
    assert!(parts.iter().sum::<usize>() <= 5_632, "{parts:?}");
}

#[test]
fn what_every_subscription_holds_fits_into_400_bytes() {
    let parts = [
        size_of::<Subscriber>(),
        size_of::<Mailbox>(),
        size_of::<Interest>(),
        size_of::<Subscription>(),
        size_of::<Target>(),
    ];
    assert!(parts.iter().sum::<usize>() <= 400, "{parts:?}");
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
