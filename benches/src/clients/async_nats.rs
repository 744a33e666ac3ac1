//! async-nats: what its workloads cannot share with the other client.

#[path = "../workloads/mod.rs"]
pub mod workloads;

use core::sync::atomic::Ordering;
use std::collections::VecDeque;

use ::async_nats as nats;
use bytes::Bytes;

use super::{Drops, Limits, Settings, WINDOW};
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

/// Publishes to a stream with [`WINDOW`] messages that wait for their acknowledgements.
async fn publish_window(
    context: &nats::jetstream::Context,
    subject: &nats::Subject,
    payload: &Bytes,
    count: usize,
) -> Result<()> {
    let mut acks = VecDeque::with_capacity(WINDOW);
    for _ in 0..count {
        if acks.len() == WINDOW
            && let Some(ack) = acks.pop_front()
        {
            ack.await?;
        }
        acks.push_back(context.publish(subject.clone(), payload.clone()).await?);
    }
    for ack in acks {
        ack.await?;
    }
    Ok(())
}

/// There is nothing to allow: see [`ingest`].
fn allow_ingest(_: &mut nats::jetstream::stream::Config) {}

/// It has no fast ingest: the window is the fastest way that it has.
async fn ingest(
    context: &nats::jetstream::Context,
    subject: &nats::Subject,
    payload: &Bytes,
    count: usize,
) -> Result<()> {
    publish_window(context, subject, payload, count).await
}
