//! Receiving as fast as messages come, on one subscription or some of many.

use core::hint::black_box;

// One of the two subscribers has a `next` of its own.
#[allow(unused_imports)]
use futures_util::StreamExt;

use super::{Drops, Limits, Marker, Report, Result, Settings, connect, nats, subjects, subscribe};
use crate::clients::Executor;
use crate::go::Go;
use crate::meter::Meter;

/// The headers that are looked at: the first, one in the middle and the last of six.
const LOOKED_AT: [&str; 3] = ["Bench-Header-0", "Bench-Header-3", "Bench-Header-5"];

pub(super) async fn run(settings: &Settings, drops: &Drops) -> Result<Report> {
    let hot = settings.hot;
    let limits = Limits::Lossless(settings.count.max(settings.warm_up) / hot + 1);
    let client = connect(settings, limits, drops).await?;
    let mut subscribers = Vec::with_capacity(settings.subscriptions);
    if settings.subscriptions == 1 {
        subscribers.push(Some(subscribe(&client, subjects::RECEIVE, limits).await?));
    } else {
        for index in 0..settings.subscriptions {
            let subject = format!("{}.{index}", subjects::RECEIVE);
            subscribers.push(Some(subscribe(&client, &subject, limits).await?));
        }
    }
    // The other end knows the subscriptions once the marker is back.
    Marker::new(&client).await?.pass(0).await?;

    let go = |count: usize| Go {
        count: count / hot * hot,
        size: settings.size,
        headers: settings.headers,
        hot,
        order: settings.order,
    };
    let order = go(settings.count);
    let mut active = Vec::with_capacity(hot);
    for nth in 0..hot {
        let index = order.index(nth, settings.subscriptions);
        active.extend(subscribers.get_mut(index).and_then(Option::take));
    }
    let active = receive(&client, settings.executor, active, go(settings.warm_up)).await?;

    let meter = Meter::read()?;
    let active = receive(&client, settings.executor, active, order).await?;
    let used = meter.used()?;
    drop((active, subscribers));
    Ok(Report::new(order.count, used))
}

/// Orders messages and returns when all of them have arrived.
async fn receive(
    client: &nats::Client,
    executor: Executor,
    subscribers: Vec<nats::Subscriber>,
    go: Go,
) -> Result<Vec<nats::Subscriber>> {
    let each = go.count / go.hot;
    let looked_at = go.headers > 0;
    let start = go.to_string();
    let mut tasks = Vec::with_capacity(subscribers.len());
    for subscriber in subscribers {
        tasks.push(executor.spawn(take(subscriber, each, looked_at)));
    }
    client.publish(subjects::GO, start.into()).await?;
    let mut done = Vec::with_capacity(tasks.len());
    for task in tasks {
        done.push(task.await?);
    }
    Ok(done)
}

async fn take(
    mut subscriber: nats::Subscriber,
    count: usize,
    looked_at: bool,
) -> Result<nats::Subscriber> {
    for taken in 0..count {
        let message = subscriber
            .next()
            .await
            .ok_or_else(|| format!("closed after {taken} of {count} messages"))?;
        if looked_at {
            look(&message)?;
        }
        black_box(message.payload.len());
    }
    Ok(subscriber)
}

fn look(message: &nats::Message) -> Result<()> {
    let headers = message.headers.as_ref().ok_or("a message without headers")?;
    for name in LOOKED_AT {
        let value = headers.get(name).ok_or("a message without a header it must have")?;
        black_box(value.as_str().len());
    }
    Ok(())
}
