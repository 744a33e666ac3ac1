//! Streams and consumers: made, published into, read from, acknowledged, also over a lost connection.

use crate::adapters::Adapter;
use crate::stage::{Stage, conformance, number_of, numbered, reconnected, until, within};
use core::future::IntoFuture;
use core::time::Duration;
use midge::Client;
use midge::jetstream::consumer::{PullConsumer, pull, push};
use midge::jetstream::stream::{Config, StorageType};
use midge::jetstream::{self, Context};
use midge_test_server::NatsServer;

conformance! {
    streams_and_consumers_are_made_looked_at_and_deleted,
    a_window_of_publishes_is_acknowledged_in_order,
    a_fetch_brings_what_is_there_and_each_is_acknowledged,
    a_stream_of_messages_is_read_and_acknowledged,
    a_message_is_kept_alive_while_it_is_worked_on,
    what_a_dropped_reading_had_goes_to_the_next,
    a_reading_goes_on_over_a_lost_connection,
    pushed_messages_are_read_and_acknowledged,
    a_stream_is_read_in_order_over_a_lost_connection_pulled_and_pushed,
}

const SOON: Duration = Duration::from_secs(10);

async fn context<A: Adapter>(stage: &Stage<A>) -> (NatsServer, Client, Context) {
    let server = stage.start(NatsServer::builder().jetstream());
    let client = stage.connect(&server).await;
    let jetstream = jetstream::new(client.clone());
    (server, client, jetstream)
}

/// A stream with so many numbered messages, and a consumer of it.
async fn consumer(jetstream: &Context, count: u32, config: pull::Config) -> PullConsumer {
    let stream =
        Config { subjects: vec!["s.*".into()], storage: StorageType::Memory, ..Config::from("S") };
    let stream = within("a stream", jetstream.create_stream(stream)).await.unwrap();
    publish(jetstream, 0..count).await;
    let config = pull::Config { durable_name: Some("C".into()), ..config };
    within("a consumer", stream.create_consumer(config)).await.unwrap()
}

async fn publish(jetstream: &Context, numbers: core::ops::Range<u32>) {
    let mut publisher = jetstream.publisher();
    for number in numbers {
        publisher.publish("s.n", numbered(number)).await.unwrap();
    }
    within("the acknowledgements", publisher.finish()).await.unwrap();
}

async fn acknowledged(consumer: &PullConsumer) {
    within("all acknowledgements", async {
        while consumer.get_info().await.unwrap().num_ack_pending > 0 {}
    })
    .await;
}

async fn streams_and_consumers_are_made_looked_at_and_deleted<A: Adapter>(stage: Stage<A>) {
    let (_server, client, jetstream) = context(&stage).await;
    stage.assert_transport(&client);
    let mut consumer = consumer(&jetstream, 10, pull::Config::default()).await;
    assert_eq!(consumer.info().await.unwrap().num_pending, 10);
    let stream = jetstream.get_stream("S").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 10);
    assert_eq!(within("a purge", stream.purge().keep(4).into_future()).await.unwrap().purged, 6);
    assert!(stream.delete_consumer("C").await.unwrap().success);
    assert!(jetstream.delete_stream("S").await.unwrap().success);
    assert!(jetstream.get_stream("S").await.unwrap_err().is_not_found());
}

async fn a_window_of_publishes_is_acknowledged_in_order<A: Adapter>(stage: Stage<A>) {
    let (_server, _client, jetstream) = context(&stage).await;
    let consumer = consumer(&jetstream, 1_000, pull::Config::default()).await;
    assert_eq!(consumer.cached_info().num_pending, 1_000);
    let ack = jetstream.publish("s.n", "x".into()).await.unwrap();
    assert_eq!(within("an acknowledgement", ack).await.unwrap().sequence, 1_001);
    let nobody = jetstream.publisher();
    assert_eq!(within("nothing", nobody.finish()).await.unwrap(), 0);
}

async fn a_fetch_brings_what_is_there_and_each_is_acknowledged<A: Adapter>(stage: Stage<A>) {
    let (_server, _client, jetstream) = context(&stage).await;
    let consumer = consumer(&jetstream, 25, pull::Config::default()).await;
    let mut read = 0;
    while read < 25 {
        let mut batch = consumer.fetch().max_messages(10).messages().await.unwrap();
        while let Some(message) = within("the batch", batch.next()).await {
            let message = message.unwrap();
            assert_eq!(number_of(&message), read);
            within("an acknowledgement", message.double_ack()).await.unwrap();
            read += 1;
        }
        assert!(batch.end_reason().unwrap().is_ordinary());
    }
    let none = within("none", consumer.next_message(Duration::from_millis(20))).await.unwrap();
    assert!(none.is_none());
    assert_eq!(consumer.get_info().await.unwrap().num_ack_pending, 0);
}

async fn a_stream_of_messages_is_read_and_acknowledged<A: Adapter>(stage: Stage<A>) {
    let (_server, _client, jetstream) = context(&stage).await;
    let consumer = consumer(&jetstream, 1_200, pull::Config::default()).await;
    let mut messages = consumer.messages().await.unwrap();
    let mut acks = consumer.ack_batcher();
    for number in 0..1_200 {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(number_of(&message), number);
        match number % 2 {
            0 => message.ack().await.unwrap(),
            _ => acks.ack(&message).await.unwrap(),
        }
    }
    within("the flush", acks.flush()).await.unwrap();
    assert_eq!(messages.lag().unwrap().pending, 0);
    acknowledged(&consumer).await;
}

async fn a_message_is_kept_alive_while_it_is_worked_on<A: Adapter>(stage: Stage<A>) {
    let (_server, _client, jetstream) = context(&stage).await;
    let ack_wait = Duration::from_millis(400);
    let config = pull::Config { ack_wait, ..pull::Config::default() };
    let consumer = consumer(&jetstream, 1, config).await;
    let message = within("a message", consumer.next_message(SOON)).await.unwrap().unwrap();
    within("the work", message.in_progress_while(crate::stage::sleep(3 * ack_wait))).await;
    within("an acknowledgement", message.double_ack()).await.unwrap();
    assert_eq!(consumer.get_info().await.unwrap().delivered.consumer_sequence, 1);
}

async fn what_a_dropped_reading_had_goes_to_the_next<A: Adapter>(stage: Stage<A>) {
    let (_server, client, jetstream) = context(&stage).await;
    let consumer = consumer(&jetstream, 20, pull::Config::default()).await;
    let before = client.subscription_count();
    let mut messages = consumer.messages().await.unwrap();
    let first = within("a message", messages.next()).await.unwrap().unwrap();
    assert_eq!(number_of(&first), 0);
    drop(messages);
    let batch = consumer.batch().max_messages(19).expires(SOON).messages().await;
    let mut batch = batch.unwrap();
    let mut seen = Vec::new();
    while let Some(message) = within("the batch", batch.next()).await {
        seen.push(number_of(&message.unwrap()));
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..20).collect::<Vec<_>>());
    drop(batch);
    until("the end of all readings", || client.subscription_count() <= before).await;
}

async fn a_reading_goes_on_over_a_lost_connection<A: Adapter>(stage: Stage<A>) {
    let server = stage.start(NatsServer::builder().jetstream());
    let proxy = stage.proxy(&server);
    let client = stage.connect_to(stage.options(), &stage.url_of(proxy.address())).await;
    let jetstream = jetstream::new(client.clone());
    let ack_wait = Duration::from_secs(1);
    let config = pull::Config { ack_wait, ..pull::Config::default() };
    let consumer = consumer(&jetstream, 300, config).await;
    let mut messages = consumer.stream().max_messages_per_batch(50).messages().await.unwrap();
    let mut seen = vec![false; 400];
    let mut missing = 400;
    let mut read = 0;
    while missing > 0 {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        // What a cut took away comes again.
        missing -= usize::from(!core::mem::replace(&mut seen[number_of(&message) as usize], true));
        let _ = within("an acknowledgement", message.double_ack()).await;
        read += 1;
        if read == 60 || read == 170 {
            let mut events = client.events();
            proxy.cut();
            reconnected(&mut events).await;
        }
        if read == 200 {
            publish(&jetstream, 300..400).await;
        }
    }
    acknowledged(&consumer).await;
}

async fn pushed_messages_are_read_and_acknowledged<A: Adapter>(stage: Stage<A>) {
    let (_server, client, jetstream) = context(&stage).await;
    let pulled = consumer(&jetstream, 700, pull::Config::default()).await;
    let config = push::Config {
        durable_name: Some("P".into()),
        deliver_subject: client.new_inbox(),
        flow_control: true,
        idle_heartbeat: Duration::from_secs(5),
        ..push::Config::default()
    };
    let consumer = jetstream.create_consumer_on_stream(config, "S").await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    for number in 0..700 {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(number_of(&message), number);
        message.ack().await.unwrap();
    }
    within("all acknowledgements", async {
        while consumer.get_info().await.unwrap().num_ack_pending > 0 {}
    })
    .await;
    assert_eq!(pulled.get_info().await.unwrap().num_pending, 700);
}

async fn a_stream_is_read_in_order_over_a_lost_connection_pulled_and_pushed<A: Adapter>(
    stage: Stage<A>,
) {
    let server = stage.start(NatsServer::builder().jetstream());
    let proxy = stage.proxy(&server);
    let client = stage.connect_to(stage.options(), &stage.url_of(proxy.address())).await;
    let jetstream = jetstream::new(client.clone());
    consumer(&jetstream, 400, pull::Config::default()).await;
    let stream = jetstream.get_stream("S").await.unwrap();
    let config = pull::OrderedConfig::default();
    let pulled = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
    let deliver_subject = client.new_inbox();
    let config = push::OrderedConfig { deliver_subject, ..push::OrderedConfig::default() };
    let pushed = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
    for mut messages in [pulled, pushed] {
        for number in 0..400 {
            let message = within("a message", messages.next()).await.unwrap().unwrap();
            assert_eq!(number_of(&message), number);
            if number == 60 || number == 250 {
                let mut events = client.events();
                proxy.cut();
                reconnected(&mut events).await;
            }
        }
    }
}
