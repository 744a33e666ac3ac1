//! What it costs to connect, and what a connection and a subscription hold while idle.

use std::time::Instant;

use super::{Drops, Limits, Marker, Report, Result, Settings, connect, subscribe};
use crate::clients::say_ready;
use crate::meter::{Meter, resident_kib};

/// Connects `count` times, one after the other; every connection stays open.
pub(super) async fn connect_times(settings: &Settings, drops: &Drops) -> Result<Report> {
    let mut clients = Vec::with_capacity(settings.warm_up + settings.count);
    for _ in 0..settings.warm_up {
        clients.push(connect(settings, Limits::Default, drops).await?);
    }
    let mut latencies = Vec::with_capacity(settings.count);
    let meter = Meter::read()?;
    for _ in 0..settings.count {
        let start = Instant::now();
        clients.push(connect(settings, Limits::Default, drops).await?);
        latencies.push(start.elapsed().as_nanos() as u64);
    }
    let used = meter.used()?;
    drop(clients);
    Ok(Report::new(latencies.len(), used).latencies(latencies))
}

/// Says that it is connected, and does nothing until the process is ended.
pub(super) async fn idle(settings: &Settings, drops: &Drops) -> Result<Report> {
    let client = connect(settings, Limits::Default, drops).await?;
    client.flush().await?;
    say_ready();
    core::future::pending().await
}

/// Growth of resident memory over `count` connections.
pub(super) async fn idle_connections(settings: &Settings, drops: &Drops) -> Result<Report> {
    // What the first connection brings up (the runtime's threads, the allocator's arenas, lazily
    // made tables) is not the price of one more.
    let first = connect(settings, Limits::Default, drops).await?;
    let mut clients = Vec::with_capacity(settings.count);
    let (before, _) = resident_kib()?;
    let meter = Meter::read()?;
    for _ in 0..settings.count {
        clients.push(connect(settings, Limits::Default, drops).await?);
    }
    for client in &clients {
        client.flush().await?;
    }
    let used = meter.used()?;
    let (after, _) = resident_kib()?;
    drop((first, clients));
    Ok(grown(Report::new(settings.count, used), before, after))
}

/// Growth of resident memory over `count` subscriptions of one connection.
pub(super) async fn idle_subscriptions(settings: &Settings, drops: &Drops) -> Result<Report> {
    let client = connect(settings, Limits::Default, drops).await?;
    let mut marker = Marker::new(&client).await?;
    marker.pass(0).await?;
    let mut subscribers = Vec::with_capacity(settings.count);
    let (before, _) = resident_kib()?;
    let meter = Meter::read()?;
    for index in 0..settings.count {
        let subject = format!("bench.idle.{index}");
        subscribers.push(subscribe(&client, &subject, Limits::Default).await?);
    }
    // Queues on the way out are empty once the marker is back.
    marker.pass(0).await?;
    let used = meter.used()?;
    let (after, _) = resident_kib()?;
    drop(subscribers);
    Ok(grown(Report::new(settings.count, used), before, after))
}

fn grown(report: Report, before: u64, after: u64) -> Report {
    let kib = after.saturating_sub(before) as f64;
    Report { kib_each: Some(kib / report.messages as f64), ..report }
}
