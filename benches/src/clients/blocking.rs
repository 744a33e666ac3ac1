//! midge without a runtime: the same workloads as the asynchronous ones, in calls that block.

use core::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use midge_blocking as nats;

use super::midge::options;
use super::{Drops, Settings, payload};
use crate::go::{Go, Order};
use crate::meter::Meter;
use crate::report::Report;
use crate::{Result, subjects};

/// Runs the workload called `name`.
///
/// # Errors
///
/// When there is none of that name, or it fails.
pub fn run(name: &str, settings: &Settings, drops: &Drops) -> Result<Report> {
    let client = nats::connect_with_options(settings.url.as_str(), options(drops))?;
    match name {
        "publish" => publish(&client, settings),
        "receive" => receive(&client, settings),
        "request" => request(&client, settings),
        "idle" => idle(&client),
        other => Err(format!("no workload {other:?} in calls that block").into()),
    }
}

fn publish(client: &nats::Client, settings: &Settings) -> Result<Report> {
    let mut marker = client.subscribe(subjects::DONE)?;
    pass(client, &mut marker, 0)?;
    publish_all(client, settings, settings.warm_up)?;
    pass(client, &mut marker, settings.warm_up)?;

    let meter = Meter::read()?;
    publish_all(client, settings, settings.count)?;
    pass(client, &mut marker, settings.count)?;
    Ok(Report::new(settings.count, meter.used()?))
}

fn publish_all(client: &nats::Client, settings: &Settings, count: usize) -> Result<()> {
    let subject = nats::Subject::from_static(subjects::PUBLISH);
    let payload = payload(settings);
    for _ in 0..count {
        client.publish(subject.clone(), payload.clone())?;
    }
    Ok(())
}

/// Sends a marker and waits until it is back, with the other end's count if that counts.
fn pass(client: &nats::Client, marker: &mut nats::Subscriber, sent: usize) -> Result<()> {
    client.publish(subjects::DONE, Bytes::new())?;
    let message = marker.next().ok_or("closed while waiting for the marker")?;
    super::check_marker(&message.payload, sent)
}

fn receive(client: &nats::Client, settings: &Settings) -> Result<Report> {
    if settings.subscriptions != 1 || settings.headers != 0 {
        return Err("in calls that block, one subscription without headers is measured".into());
    }
    let subscription = client.subscription(subjects::RECEIVE);
    let mut subscriber =
        subscription.slow_consumer(nats::SlowConsumerPolicy::BackPressure).open()?;
    let mut marker = client.subscribe(subjects::DONE)?;
    pass(client, &mut marker, 0)?;
    take(client, &mut subscriber, settings, settings.warm_up)?;

    let meter = Meter::read()?;
    take(client, &mut subscriber, settings, settings.count)?;
    Ok(Report::new(settings.count, meter.used()?))
}

/// Orders messages and returns when all of them have arrived.
fn take(
    client: &nats::Client,
    subscriber: &mut nats::Subscriber,
    settings: &Settings,
    count: usize,
) -> Result<()> {
    let go = Go { count, size: settings.size, headers: 0, hot: 1, order: Order::InTurn };
    client.publish(subjects::GO, go.to_string().into())?;
    for taken in 0..count {
        let message =
            subscriber.next().ok_or_else(|| format!("closed after {taken} of {count} messages"))?;
        black_box(message.payload.len());
    }
    Ok(())
}

fn request(client: &nats::Client, settings: &Settings) -> Result<Report> {
    if settings.in_flight != 1 || settings.waiting != 0 {
        return Err("in calls that block, requests go one by one".into());
    }
    one_by_one(client, payload(settings), settings.warm_up)?;

    let meter = Meter::read()?;
    let latencies = one_by_one(client, payload(settings), settings.count)?;
    let used = meter.used()?;
    Ok(Report::new(latencies.len(), used).latencies(latencies))
}

fn one_by_one(client: &nats::Client, payload: Bytes, count: usize) -> Result<Vec<u64>> {
    let subject = nats::Subject::from_static(subjects::ECHO);
    let mut latencies = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let reply = client.request(subject.clone(), payload.clone())?;
        latencies.push(start.elapsed().as_nanos() as u64);
        if reply.payload.len() != payload.len() {
            return Err(format!("a reply of {} bytes", reply.payload.len()).into());
        }
    }
    Ok(latencies)
}

/// Says that it is connected, and does nothing until the process is ended.
fn idle(client: &nats::Client) -> Result<Report> {
    client.flush()?;
    super::say_ready();
    loop {
        std::thread::park();
    }
}
