//! midge on an asynchronous runtime: what its workloads cannot share with the other client.

#[expect(clippy::duplicate_mod, reason = "one source text, compiled once a client")]
#[path = "../workloads/mod.rs"]
pub mod workloads;

use core::sync::atomic::Ordering;

use ::midge as nats;
use bytes::Bytes;
use midge_async_std::AsyncStd;
use midge_smol::Smol;
use midge_tokio::Tokio;

use super::{Drops, Executor, Limits, Settings, WINDOW};
use crate::Result;

/// Connects on the runtime that the workload is on; `drops` is told of dropped messages.
async fn connect(settings: &Settings, _: Limits, drops: &Drops) -> Result<nats::Client> {
    let url = settings.url.as_str();
    let client = match settings.executor {
        Executor::TokioMulti | Executor::TokioCurrent => {
            options::<Tokio>(drops).connect(url).await?
        }
        Executor::Smol => options::<Smol>(drops).connect(url).await?,
        Executor::AsyncStd => options::<AsyncStd>(drops).connect(url).await?,
    };
    Ok(client)
}

/// Options of a connection; the limits of subscriptions are the default ones.
pub(super) fn options<R>(drops: &Drops) -> nats::ConnectOptions<R> {
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
    let subscription = client.subscription(subject.to_owned());
    let subscription = match limits {
        Limits::Default => subscription,
        Limits::Lossless(_) => subscription.slow_consumer(nats::SlowConsumerPolicy::BackPressure),
    };
    Ok(subscription.open()?)
}

/// Publishes to a stream with [`WINDOW`] messages that wait for their acknowledgements.
async fn publish_window(
    context: &nats::jetstream::Context,
    subject: &nats::Subject,
    payload: &Bytes,
    count: usize,
) -> Result<()> {
    let context = context.options().max_ack_inflight(WINDOW).build(context.client());
    let mut publisher = context.publisher();
    for _ in 0..count {
        publisher.publish(subject.clone(), payload.clone()).await?;
    }
    publisher.finish().await?;
    Ok(())
}

/// Has a stream take what [`ingest`] publishes.
fn allow_ingest(config: &mut nats::jetstream::stream::Config) {
    config.allow_batch_publish = true;
}

/// Publishes to a stream by the fastest way that there is.
async fn ingest(
    context: &nats::jetstream::Context,
    subject: &nats::Subject,
    payload: &Bytes,
    count: usize,
) -> Result<()> {
    let mut publisher = context.fast_publish().open().await?;
    for _ in 0..count {
        publisher.add(subject.clone(), payload.clone()).await?;
    }
    publisher.finish().await?;
    Ok(())
}
