//! Publishing as fast as the client lets us, to a sink or a server.

use super::{Drops, Limits, Marker, Report, Result, Settings, connect, nats, payload, subjects};
use crate::meter::Meter;

pub(super) async fn run(settings: &Settings, drops: &Drops) -> Result<Report> {
    let client = connect(settings, Limits::Default, drops).await?;
    let mut marker = Marker::new(&client).await?;
    marker.pass(0).await?;
    publish(&client, settings, settings.warm_up).await?;
    marker.pass(settings.warm_up).await?;

    let meter = Meter::read()?;
    publish(&client, settings, settings.count).await?;
    marker.pass(settings.count).await?;
    Ok(Report::new(settings.count, meter.used()?))
}

async fn publish(client: &nats::Client, settings: &Settings, count: usize) -> Result<()> {
    let subject = nats::Subject::from_static(subjects::PUBLISH);
    let payload = payload(settings);
    for _ in 0..count {
        client.publish(subject.clone(), payload.clone()).await?;
    }
    Ok(())
}
