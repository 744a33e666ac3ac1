//! JetStream: publishing with acknowledgements, and reading what is stored.
//!
//! The stream is in memory, so that the server's disk is not what is measured.

use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

use bytes::Bytes;
// As for subscribers: some streams of messages have a `next` of their own.
#[allow(unused_imports)]
use futures_util::StreamExt;

use super::{
    Drops, Limits, Marker, Report, Result, Settings, allow_ingest, connect, ingest, nats, payload,
    publish_window, subjects,
};
use crate::meter::Meter;
use nats::jetstream::consumer::pull;
use nats::jetstream::stream::{Config, StorageType, Stream};
use nats::jetstream::{self, Context};

/// The stream that takes [`subjects::STREAM`].
const STREAM: &str = "BENCH";

/// The consumer that pull workloads read from.
const CONSUMER: &str = "bench";

/// Messages that are stored between two acknowledgements when a stream is filled: less than the
/// server keeps in line for a stream before it drops what is published without one.
const FILL_STEP: usize = 4_000;

async fn open(settings: &Settings, drops: &Drops) -> Result<(nats::Client, Context, Stream)> {
    let client = connect(settings, Limits::Lossless(settings.count), drops).await?;
    let context = jetstream::new(client.clone());
    let mut config = Config {
        name: STREAM.into(),
        subjects: vec![subjects::STREAM.into()],
        storage: StorageType::Memory,
        ..Config::default()
    };
    allow_ingest(&mut config);
    let stream = context.create_stream(config).await?;
    Ok((client, context, stream))
}

/// How many messages are published and waited for.
#[derive(Clone, Copy)]
pub(super) enum Publishing {
    /// Each is acknowledged before the next one.
    OneByOne,
    /// Some wait for their acknowledgements at any time.
    Window,
    /// Whatever the client has that is faster than a window; a window otherwise.
    Ingest,
}

pub(super) async fn publish(
    publishing: Publishing,
    settings: &Settings,
    drops: &Drops,
) -> Result<Report> {
    let (_client, context, stream) = open(settings, drops).await?;
    let subject = nats::Subject::from_static(subjects::STREAM);
    let payload = payload(settings);
    let mut meter = Meter::read()?;
    let mut latencies = Vec::new();
    for count in [settings.warm_up, settings.count] {
        meter = Meter::read()?;
        match publishing {
            Publishing::OneByOne => {
                latencies = one_by_one(&context, &subject, &payload, count).await?;
            }
            Publishing::Window => publish_window(&context, &subject, &payload, count).await?,
            Publishing::Ingest => ingest(&context, &subject, &payload, count).await?,
        }
    }
    let used = meter.used()?;
    let sent = settings.warm_up + settings.count;
    let stored = stream.get_info().await?.state.messages;
    if stored != sent as u64 {
        return Err(format!("void: sent {sent} messages, {stored} are stored").into());
    }
    let report = Report::new(settings.count, used);
    Ok(if latencies.is_empty() { report } else { report.latencies(latencies) })
}

async fn one_by_one(
    context: &Context,
    subject: &nats::Subject,
    payload: &Bytes,
    count: usize,
) -> Result<Vec<u64>> {
    let mut latencies = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        context.publish(subject.clone(), payload.clone()).await?.await?;
        latencies.push(start.elapsed().as_nanos() as u64);
    }
    Ok(latencies)
}

/// Stores `count` messages without being measured.
async fn fill(
    client: &nats::Client,
    context: &Context,
    settings: &Settings,
    count: usize,
) -> Result<()> {
    let subject = nats::Subject::from_static(subjects::STREAM);
    let payload = payload(settings);
    for number in 1..=count {
        if number % FILL_STEP == 0 || number == count {
            context.publish(subject.clone(), payload.clone()).await?.await?;
        } else {
            client.publish(subject.clone(), payload.clone()).await?;
        }
    }
    Ok(())
}

/// Reads from a pull consumer and acknowledges each message.
pub(super) async fn consume(settings: &Settings, drops: &Drops) -> Result<Report> {
    let (client, context, stream) = open(settings, drops).await?;
    let config = pull::Config {
        durable_name: Some(CONSUMER.into()),
        // No more than the batches may wait for their acknowledgements.
        max_ack_pending: -1,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await?;
    fill(&client, &context, settings, settings.warm_up + settings.count).await?;
    let mut marker = Marker::new(&client).await?;
    marker.pass(0).await?;
    let mut messages = consumer.stream().max_messages_per_batch(settings.batch).messages().await?;

    let mut meter = Meter::read()?;
    for count in [settings.warm_up, settings.count] {
        meter = Meter::read()?;
        for taken in 0..count {
            let message = messages.next().await;
            let message = message.ok_or_else(|| format!("over after {taken} of {count}"))??;
            black_box(message.payload.len());
            message.ack().await?;
        }
        // The server has read all acknowledgements.
        marker.pass(0).await?;
    }
    let used = meter.used()?;
    all_acknowledged(&stream).await?;
    Ok(Report::new(settings.count, used))
}

/// Reads a stream in order, from its first message on.
pub(super) async fn ordered(settings: &Settings, drops: &Drops) -> Result<Report> {
    let (client, context, stream) = open(settings, drops).await?;
    fill(&client, &context, settings, settings.count).await?;
    let meter = Meter::read()?;
    let consumer = stream.create_consumer(pull::OrderedConfig::default()).await?;
    let mut messages = consumer.messages().await?;
    for taken in 0..settings.count {
        let message = messages.next().await;
        let message = message.ok_or_else(|| format!("over after {taken} messages"))??;
        black_box(message.payload.len());
    }
    let used = meter.used()?;
    Ok(Report::new(settings.count, used))
}

/// Fails unless the consumer has delivered everything and has, after a moment, worked off the
/// acknowledgements that the server has read.
async fn all_acknowledged(stream: &Stream) -> Result<()> {
    let begun = Instant::now();
    loop {
        let info = stream.consumer_info(CONSUMER).await?;
        let (pending, unacknowledged) = (info.num_pending, info.num_ack_pending);
        if pending == 0 && unacknowledged == 0 {
            return Ok(());
        }
        if pending > 0 || begun.elapsed() > Duration::from_secs(5) {
            let left = format!("{pending} not delivered, {unacknowledged} not acknowledged");
            return Err(format!("void: {left}").into());
        }
    }
}
