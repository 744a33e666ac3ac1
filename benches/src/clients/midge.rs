//! midge on tokio: what its workloads cannot share with the other client.

#[expect(clippy::duplicate_mod, reason = "one source text, compiled once a client")]
#[path = "../workloads/mod.rs"]
pub mod workloads;

use core::sync::atomic::Ordering;

use midge_tokio as nats;

use super::{Drops, Limits};
use crate::Result;

/// Options of a connection; `drops` is told of dropped messages.
///
/// The limits of subscriptions are the default ones.
fn options(_: Limits, drops: &Drops) -> nats::ConnectOptions {
    let drops = drops.clone();
    nats::ConnectOptions::new().request_timeout(None).event_callback(move |event| {
        if let nats::Event::SlowConsumer(_) = event {
            drops.fetch_add(1, Ordering::Relaxed);
        }
        core::future::ready(())
    })
}

/// Subscribes; where nothing may be dropped, a full subscription stops the reading of the socket.
async fn subscribe(
    client: &nats::Client,
    subject: &str,
    limits: Limits,
) -> Result<nats::Subscriber> {
    let subscriber = client.subscribe(subject.to_owned()).await?;
    if limits != Limits::Default {
        subscriber.set_slow_consumer_policy(nats::SlowConsumerPolicy::BackPressure);
    }
    Ok(subscriber)
}
