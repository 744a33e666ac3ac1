//! Requests to a raw responder behind a real server: one by one, or some in flight.

use std::time::Instant;

use bytes::Bytes;

use super::{Drops, Limits, Report, Result, Settings, connect, nats, payload, subjects};
use crate::clients::Task;
use crate::meter::Meter;

pub(super) async fn run(settings: &Settings, drops: &Drops) -> Result<Report> {
    let client = connect(settings, Limits::Default, drops).await?;
    let _waiting = leave_waiting(&client, settings).await?;
    request(&client, settings, settings.warm_up).await?;

    let meter = Meter::read()?;
    let latencies = request(&client, settings, settings.count).await?;
    let used = meter.used()?;
    Ok(Report::new(latencies.len(), used).latencies(latencies))
}

/// Sends `count` requests, `in_flight` at a time, and returns how long each took in nanoseconds.
async fn request(client: &nats::Client, settings: &Settings, count: usize) -> Result<Vec<u64>> {
    let each = count / settings.in_flight;
    if settings.in_flight == 1 {
        return one_by_one(client.clone(), payload(settings), each).await;
    }
    let mut tasks = Vec::with_capacity(settings.in_flight);
    for _ in 0..settings.in_flight {
        tasks.push(settings.executor.spawn(one_by_one(client.clone(), payload(settings), each)));
    }
    let mut latencies = Vec::with_capacity(count);
    for task in tasks {
        latencies.extend(task.await?);
    }
    Ok(latencies)
}

async fn one_by_one(client: nats::Client, payload: Bytes, count: usize) -> Result<Vec<u64>> {
    let subject = nats::Subject::from_static(subjects::ECHO);
    let mut latencies = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let reply = client.request(subject.clone(), payload.clone()).await?;
        latencies.push(start.elapsed().as_nanos() as u64);
        if reply.payload.len() != payload.len() {
            return Err(format!("a reply of {} bytes", reply.payload.len()).into());
        }
    }
    Ok(latencies)
}

/// Puts requests in flight that stay there as long as their tasks: nobody answers them.
async fn leave_waiting(client: &nats::Client, settings: &Settings) -> Result<Vec<Task<()>>> {
    let mut tasks = Vec::with_capacity(settings.waiting);
    for _ in 0..settings.waiting {
        let (client, payload) = (client.clone(), payload(settings));
        tasks.push(settings.executor.spawn(async move {
            client.request(subjects::MUTE, payload).await?;
            Ok(())
        }));
    }
    loop {
        let reply = client.request(subjects::MUTED, Bytes::new()).await?;
        let seen: usize = core::str::from_utf8(&reply.payload)?.parse()?;
        if seen == settings.waiting {
            return Ok(tasks);
        }
    }
}
