//! async-nats: what its workloads cannot share with the other client.

#[path = "../workloads/mod.rs"]
pub mod workloads;

use core::sync::atomic::Ordering;

use ::async_nats as nats;

use super::{Drops, Limits, Settings};
use crate::Result;

/// Connects on the tokio runtime that the workload is on; `drops` is told of dropped messages.
async fn connect(settings: &Settings, limits: Limits, drops: &Drops) -> Result<nats::Client> {
    let drops = drops.clone();
    let options = nats::ConnectOptions::new().request_timeout(None).event_callback(move |event| {
        if let nats::Event::SlowConsumer(_) = event {
            drops.fetch_add(1, Ordering::Relaxed);
        }
        core::future::ready(())
    });
    let options = match limits {
        Limits::Default => options,
        // Its subscriptions drop when they are full, so each must be able to hold a whole run.
        Limits::Lossless(messages) => options.subscription_capacity(messages + 1),
    };
    Ok(options.connect(settings.url.as_str()).await?)
}

/// Subscribes so that nothing is dropped, given what [`connect`] set.
async fn subscribe(client: &nats::Client, subject: &str, _: Limits) -> Result<nats::Subscriber> {
    Ok(client.subscribe(subject.to_owned()).await?)
}
