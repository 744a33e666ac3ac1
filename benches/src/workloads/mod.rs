//! The workloads, written against the names that the clients share.
//!
//! This text is compiled once a client: `nats` is the client's crate, and what the
//! clients cannot share (`connect`, `subscribe`, ...) comes from the module that includes it.

mod connections;
mod jetstream;
mod publish;
mod receive;
mod request;

use bytes::Bytes;
// One of the two subscribers has a `next` of its own.
#[allow(unused_imports)]
use futures_util::StreamExt;

use super::{allow_ingest, connect, ingest, nats, publish_window, subscribe};
use crate::clients::{Drops, Limits, Settings, check_marker, payload};
use crate::report::Report;
use crate::{Result, subjects};
use jetstream::Publishing::{Ingest, OneByOne, Window};

/// Runs the workload called `name`.
///
/// # Errors
///
/// When there is none of that name, or it fails.
pub async fn run(name: &str, settings: &Settings, drops: &Drops) -> Result<Report> {
    match name {
        "publish" => publish::run(settings, drops).await,
        "receive" => receive::run(settings, drops).await,
        "request" => request::run(settings, drops).await,
        "connect" => connections::connect_times(settings, drops).await,
        "idle" => connections::idle(settings, drops).await,
        "idle-connections" => connections::idle_connections(settings, drops).await,
        "idle-subscriptions" => connections::idle_subscriptions(settings, drops).await,
        "jetstream-publish" => jetstream::publish(OneByOne, settings, drops).await,
        "jetstream-window" => jetstream::publish(Window, settings, drops).await,
        "jetstream-ingest" => jetstream::publish(Ingest, settings, drops).await,
        "jetstream-consume" => jetstream::consume(settings, drops).await,
        "jetstream-ordered" => jetstream::ordered(settings, drops).await,
        other => Err(format!("no workload {other:?}").into()),
    }
}

/// Sends a marker through the connection and waits until it comes back.
struct Marker {
    client: nats::Client,
    subscriber: nats::Subscriber,
}

impl Marker {
    async fn new(client: &nats::Client) -> Result<Self> {
        let subscriber = subscribe(client, subjects::DONE, Limits::Default).await?;
        Ok(Self { client: client.clone(), subscriber })
    }

    /// Waits until the other end has handled everything sent before, and checks its count if it
    /// is one that counts.
    async fn pass(&mut self, sent: usize) -> Result<()> {
        self.client.publish(subjects::DONE, Bytes::new()).await?;
        let message = self.subscriber.next().await.ok_or("closed while waiting for the marker")?;
        check_marker(&message.payload, sent)
    }
}
