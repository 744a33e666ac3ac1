//! Calls that block, against a real nats-server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod asynchronous;
mod calls;
mod carrying;
mod ending;
mod handlers;
#[cfg(feature = "jetstream")]
mod jetstream;
mod support;
mod twins;
