//! A replicated stream while servers are killed and links are cut.

use crate::support::{quick, within};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use midge_test_server::{Cluster, Direction, FaultProxy};
use midge_tokio::jetstream::consumer::pull;
use midge_tokio::jetstream::context::GetStreamErrorKind;
use midge_tokio::jetstream::message::PublishMessage;
use midge_tokio::jetstream::stream::Stream;
use midge_tokio::jetstream::{
    self, Context, ContextBuilder, RetryOn, RetryPolicy, consumer, stream,
};
use midge_tokio::{Client, OutboundMessage};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

const MESSAGES: u64 = 50_000;

/// Longest time for everything; it takes half a minute.
const PATIENCE: Duration = Duration::from_secs(180);

/// A small generator, so that a run can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A cluster of three, each behind a proxy of its own.
struct Stage {
    cluster: Cluster,
    proxies: Arc<Vec<FaultProxy>>,
}

impl Stage {
    fn start() -> Self {
        let cluster = Cluster::builder(3).jetstream().start().unwrap();
        let proxies =
            cluster.nodes().iter().map(|node| FaultProxy::start(node.address()).unwrap()).collect();
        Self { cluster, proxies: Arc::new(proxies) }
    }

    /// A client that goes through the proxies alone.
    async fn client(&self) -> Client {
        let urls: Vec<String> = self.proxies.iter().map(FaultProxy::url).collect();
        let options = quick().ignore_discovered_servers();
        within("connect", options.connect(urls.join(","))).await.unwrap()
    }

    /// Kills a server, brings it back and cuts links, until told to stop; returns how often.
    fn trouble(self, stop: Arc<AtomicBool>) -> thread::JoinHandle<(u32, Self)> {
        let Self { mut cluster, proxies } = self;
        thread::spawn(move || {
            let mut random = Random(0x9e37_79b9_7f4a_7c15);
            let mut rounds = 0;
            while !stop.load(Ordering::Relaxed) {
                let victim = random.below(3) as usize;
                cluster.node(victim).kill();
                thread::sleep(Duration::from_millis(500 + random.below(1_000)));
                cluster.restart_node(victim).unwrap();
                rounds += 1;
                let cut = &proxies[random.below(3) as usize];
                match random.below(3) {
                    0 => cut.cut(),
                    1 => cut.cut_after(Direction::ToServer, random.below(20_000)),
                    _ => cut.cut_after(Direction::ToClient, random.below(20_000)),
                }
                thread::sleep(Duration::from_millis(500));
            }
            (rounds, Self { cluster, proxies })
        })
    }
}

fn message(number: u64) -> PublishMessage {
    PublishMessage::build().message_id(number.to_string()).payload(number.to_string().into())
}

fn number(payload: &[u8]) -> u64 {
    core::str::from_utf8(payload).unwrap().parse().unwrap()
}

/// Publishes all messages through a window, at a pace that lets the trouble happen meanwhile;
/// returns those that are not known to be stored.
async fn publish(jetstream: Context) -> Vec<OutboundMessage> {
    let mut publisher = jetstream.publisher();
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    for from in (0..MESSAGES).step_by(25) {
        pace.tick().await;
        for number in from..from + 25 {
            publisher.send_publish("chaos", message(number)).await.unwrap();
        }
    }
    match publisher.finish().await {
        Ok(stored) => {
            assert_eq!(stored, MESSAGES);
            Vec::new()
        }
        Err(report) => {
            let told = report.acknowledged + report.failures.len() as u64;
            assert_eq!(told, MESSAGES, "each is acknowledged or reported");
            report.failures.into_iter().map(|failure| failure.message).collect()
        }
    }
}

/// Reads until so many sequences were delivered for the first time; checks that there is no hole
/// among them. Some come again, when their acknowledgements are lost.
async fn read(consumer: consumer::PullConsumer, mut last: tokio::sync::watch::Receiver<u64>) {
    let mut messages = consumer.messages().await.unwrap();
    let mut next = 1;
    let mut ahead = BTreeSet::new();
    while next <= *last.borrow_and_update() {
        tokio::select! {
            message = messages.next() => match message.unwrap() {
                Ok(message) => {
                    let sequence = message.info().unwrap().stream_sequence;
                    if sequence >= next {
                        ahead.insert(sequence);
                    }
                    while ahead.remove(&next) {
                        next += 1;
                    }
                    message.ack().await.unwrap();
                }
                Err(error) => assert!(!error.is_final(), "{error}"),
            },
            changed = last.changed() => changed.unwrap(),
        }
    }
    assert!(ahead.is_empty(), "more than was published: {ahead:?}");
}

/// The stream, asked for until there is an answer: one that asks a server that is killed gets none.
async fn stream_of(jetstream: &Context) -> Stream {
    loop {
        match jetstream.get_stream("CHAOS").await {
            Ok(stream) => return stream,
            Err(error) => match error.kind() {
                GetStreamErrorKind::Request => {}
                GetStreamErrorKind::JetStream(refusal) if refusal.is_retryable() => {}
                _ => panic!("{error}"),
            },
        }
    }
}

/// Reads everything in order; each message has to be the successor of the one before.
async fn read_in_order(consumer: consumer::OrderedPullConsumer) {
    let mut messages =
        consumer.stream().heartbeat(Duration::from_secs(1)).messages().await.unwrap();
    let mut last = 0;
    while last < MESSAGES {
        match messages.next().await.unwrap() {
            Ok(message) => {
                let sequence = message.info().unwrap().stream_sequence;
                assert_eq!(sequence, last + 1, "a gap or a message twice");
                last = sequence;
            }
            Err(error) => assert!(!error.is_final(), "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_is_stored_once_or_reported_while_servers_are_killed_and_links_are_cut() {
    let stage = tokio::task::spawn_blocking(Stage::start).await.unwrap();
    let (writer, reader) = (stage.client().await, stage.client().await);
    let retry = RetryPolicy { on: RetryOn::Passing, attempts: u32::MAX, ..Default::default() };
    let jetstream = ContextBuilder::new().publish_retry(retry).build(writer.clone());
    let config = stream::Config {
        name: "CHAOS".into(),
        subjects: vec!["chaos".into()],
        num_replicas: 3,
        duplicate_window: Duration::from_secs(600),
        ..Default::default()
    };
    jetstream.create_stream(config).await.unwrap();
    let reading = jetstream::new(reader.clone());
    let durable = pull::Config {
        durable_name: Some("C".into()),
        max_ack_pending: 5_000,
        ack_wait: Duration::from_secs(5),
        ..Default::default()
    };
    let consumer = reading.create_consumer_on_stream(durable, "CHAOS").await.unwrap();
    let (tell_last, last) = tokio::sync::watch::channel(u64::MAX);
    let read = tokio::spawn(read(consumer, last));
    let in_order = stream_of(&jetstream::new(stage.client().await)).await;
    let in_order = in_order.create_consumer(pull::OrderedConfig::default()).await.unwrap();
    let read_in_order = tokio::spawn(read_in_order(in_order));

    let stop = Arc::new(AtomicBool::new(false));
    let trouble = stage.trouble(Arc::clone(&stop));
    let everything = async {
        let failed = publish(jetstream.clone()).await;
        stop.store(true, Ordering::Relaxed);
        let (rounds, stage) =
            tokio::task::spawn_blocking(move || trouble.join().unwrap()).await.unwrap();
        assert!(rounds >= 3, "only {rounds} servers were killed");

        // What failed may be stored; published again with its id, it is stored once all the same.
        for message in failed {
            let again = PublishMessage::build()
                .message_id(number(&message.payload).to_string())
                .payload(message.payload);
            jetstream.send_publish("chaos", again).await.unwrap().await.unwrap();
        }
        let handle = stream_of(&jetstream).await;
        let state = &handle.cached_info().state;
        assert_eq!((state.messages, state.last_sequence), (MESSAGES, MESSAGES));
        tell_last.send(MESSAGES).unwrap();
        read.await.unwrap();
        read_in_order.await.unwrap();

        // Each number once.
        let all = pull::Config { ack_policy: consumer::AckPolicy::None, ..Default::default() };
        let all = handle.create_consumer(all).await.unwrap();
        let mut all = all.stream().stop_after(MESSAGES).messages().await.unwrap();
        let mut seen = vec![false; MESSAGES as usize];
        while let Some(message) = all.next().await {
            let number = number(&message.unwrap().payload);
            assert!(!core::mem::replace(&mut seen[number as usize], true), "{number} twice");
        }
        assert!(seen.into_iter().all(|seen| seen));
        stage
    };
    match tokio::time::timeout(PATIENCE, everything).await {
        Ok(_stage) => {}
        Err(_) => panic!("not done within {PATIENCE:?}"),
    }
}
