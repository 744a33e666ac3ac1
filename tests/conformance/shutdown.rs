//! The end of a client: in order, or at once.

use crate::adapters::Adapter;
use crate::stage::{
    DEADLINE, Stage, conformance, end_of, next, number_of, numbered, until, within,
};
use core::time::Duration;
use midge::{Event, State};

conformance! {
    drain_delivers_what_was_in_flight_and_sends_the_last_replies,
    drain_gives_up_a_reader_that_never_reads_and_says_so,
    close_gets_everything_accepted_to_the_server,
    a_close_ends_every_wait,
    messages_published_before_the_last_handle_is_dropped_arrive,
    events_end_with_the_client,
}

async fn drain_delivers_what_was_in_flight_and_sends_the_last_replies<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let (client, other) = (stage.connect(&server).await, stage.connect(&server).await);
    let mut replies = other.subscription("reply").confirmed().await.unwrap();
    let mut jobs = client.subscription("job").confirmed().await.unwrap();
    for number in 0..500 {
        other.publish_with_reply("job", "reply", numbered(number)).await.unwrap();
    }
    other.sync().await.unwrap();
    let work = async {
        let mut count = 0;
        while let Some(job) = jobs.next().await {
            client.respond(&job, job.payload.clone()).await.unwrap();
            count += 1;
        }
        count
    };
    let both = futures_util::future::join(client.drain(), work);
    let (drained, count) = within("drain", both).await;
    drained.unwrap();
    assert_eq!(count, 500);
    for number in 0..500 {
        assert_eq!(number_of(&next(&mut replies).await), number);
    }
    assert_eq!(client.connection_state(), State::Closed);
}

async fn drain_gives_up_a_reader_that_never_reads_and_says_so<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let _never_read = client.subscribe("x").await.unwrap();
    client.publish("x", "1".into()).await.unwrap();
    client.sync().await.unwrap();
    let drain = client.drain_within(Duration::from_millis(50));
    let report = within("drain", drain).await.unwrap();
    assert!(report.timed_out);
    assert_eq!((report.unread_subscriptions, report.unread_messages), (1, 1));
}

async fn close_gets_everything_accepted_to_the_server<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    for _ in 0..1_000 {
        client.publish("c", "x".into()).await.unwrap();
    }
    within("close", client.close()).await.unwrap();
    assert_eq!(server.monitor("/varz").unwrap()["in_msgs"], 1_000);
    assert!(client.close().await.is_err());
}

async fn a_close_ends_every_wait<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let _mute = client.subscribe("mute").await.unwrap();
    let mut subscriber = client.subscribe("x").await.unwrap();
    let request = client.request("mute", "".into());
    let close = async {
        client.sync().await.unwrap();
        client.close().await
    };
    let ends = futures_util::future::join3(request, subscriber.next(), close);
    let (reply, message, closed) = within("the ends", ends).await;
    assert!(reply.is_err());
    assert!(message.is_none());
    closed.unwrap();
    end_of(&mut subscriber).await;
}

async fn messages_published_before_the_last_handle_is_dropped_arrive<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let reader = stage.connect(&server).await;
    let mut all = reader.subscription("last").confirmed().await.unwrap();
    let client = stage.connect(&server).await;
    for number in 0..100 {
        client.publish("last", numbered(number)).await.unwrap();
    }
    drop(client);
    for number in 0..100 {
        assert_eq!(number_of(&next(&mut all).await), number);
    }
    let gone = || server.monitor("/connz").unwrap()["num_connections"] == 1;
    until("the end of the connection", gone).await;
}

async fn events_end_with_the_client<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut events = client.events();
    client.close().await.unwrap();
    let mut seen = Vec::new();
    let read = async {
        while let Some(event) = events.next().await {
            seen.push(event);
        }
    };
    assert!(crate::stage::timeout(DEADLINE, read).await.is_some());
    assert!(seen.contains(&Event::Closed), "{seen:?}");
}
