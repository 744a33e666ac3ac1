//! What becomes of messages when connections are cut at any byte.

use crate::support::{connect, connect_to, event, numbered, pick, quick, server, within};
use bytes::{BufMut as _, Bytes, BytesMut};
use midge_test_server::{Direction, FaultProxy};
use midge_tokio::{Event, Fate, Subscriber};

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

/// Its number, and as many bytes as the number says, which all depend on it.
fn message(number: u32) -> Bytes {
    let filler = (number.wrapping_mul(2_654_435_761) % 300) as usize;
    let mut payload = BytesMut::with_capacity(4 + filler);
    payload.put_u32(number);
    payload.put_bytes(number as u8, filler);
    payload.freeze()
}

/// Reads up to the message "end"; checks that nothing is torn, doubled or out of order.
async fn read_to_end(mut all: Subscriber) -> Vec<u32> {
    let mut numbers: Vec<u32> = Vec::new();
    while let Some(received) = all.next().await {
        if received.payload == "end" {
            return numbers;
        }
        let number = u32::from_be_bytes(received.payload[..4].try_into().unwrap());
        assert_eq!(received.payload, message(number), "message {number} is torn");
        if let Some(&last) = numbers.last() {
            assert!(number > last, "message {number} came after {last}");
        }
        numbers.push(number);
    }
    panic!("the subscription ended");
}

#[tokio::test]
async fn every_message_is_received_or_counted_over_twenty_cuts() {
    const MESSAGES: u32 = 20_000;
    const CUTS: u32 = 20;
    for seed in [0x9e37_79b9_7f4a_7c15, 0x0123_4567_89ab_cdef] {
        let mut random = Random(seed);
        let server = server();
        let reader = connect(&server).await;
        let all = reader.subscription("loss").confirmed().await.unwrap();
        let reading = tokio::spawn(read_to_end(all));
        let proxy = FaultProxy::start(server.address()).unwrap();
        let client = connect_to(quick(), &proxy.url()).await;
        let mut events = client.events();
        let mut fates = Fate::default();
        let mut count = |fate: Fate| {
            fates.uncertain += fate.uncertain;
            fates.dropped += fate.dropped;
        };
        let each = MESSAGES / CUTS;
        for cut in 0..CUTS {
            // Less than the messages of this turn amount to, so that each turn has its cut.
            proxy.cut_after(Direction::ToServer, 1 + random.below(100_000));
            for number in cut * each..(cut + 1) * each {
                client.publish("loss", message(number)).await.unwrap();
                if random.below(50) == 0 {
                    tokio::task::yield_now().await;
                }
            }
            count(pick("the fate", &mut events, fate_of).await);
            event(&mut events, &Event::Connected).await;
        }
        within("sync", client.sync()).await.unwrap();
        client.publish("loss", "end".into()).await.unwrap();
        let received = within("all messages", reading).await.unwrap();
        client.close().await.unwrap();
        while let Some(event) = within("the last event", events.next()).await {
            if let Some(fate) = fate_of(&event) {
                count(fate);
            }
        }
        let missing = u64::from(MESSAGES) - received.len() as u64;
        assert!(
            missing <= fates.uncertain + fates.dropped,
            "seed {seed:#x}: {missing} are missing, and the counts are {fates:?}"
        );
        assert!(received.len() > 1_000, "seed {seed:#x}: only {} arrived", received.len());
        assert_eq!(client.statistics().connects.load(core::sync::atomic::Ordering::Relaxed), 21);
    }
}

#[tokio::test]
async fn a_cut_in_the_middle_of_a_large_message_sends_it_again_whole() {
    let server = server();
    let reader = connect(&server).await;
    let mut all = reader.subscription("large").confirmed().await.unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let mut events = client.events();
    let payload = crate::support::pattern(500_000);
    for at in [1, 20, 400_000, 499_990] {
        proxy.stall(Direction::ToServer);
        client.publish("large", payload.clone()).await.unwrap();
        proxy.cut_after(Direction::ToServer, at);
        proxy.resume(Direction::ToServer);
        let fate = pick("the fate", &mut events, fate_of).await;
        event(&mut events, &Event::Connected).await;
        within("sync", client.sync()).await.unwrap();
        client.publish_confirmed("large", numbered(at as u32)).await.unwrap();
        let first = crate::support::next(&mut all).await;
        // The socket may have taken all of it before the cut; it is uncertain then.
        if fate.uncertain == 0 {
            assert!(first.payload == payload, "cut at {at}: {fate:?}");
            let then = crate::support::next(&mut all).await;
            assert_eq!(then.payload, numbered(at as u32));
        } else {
            assert_eq!((fate.uncertain, first.payload), (1, numbered(at as u32)));
        }
    }
}

#[tokio::test]
async fn what_was_fenced_is_never_uncertain() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let mut events = client.events();
    for number in 0..100 {
        client.publish("f", numbered(number)).await.unwrap();
    }
    client.sync().await.unwrap();
    for number in 0..7 {
        client.publish("f", numbered(number)).await.unwrap();
    }
    client.flush().await.unwrap();
    proxy.cut();
    let fate = pick("the fate", &mut events, fate_of).await;
    assert_eq!((fate.uncertain, fate.kept, fate.dropped), (7, 0, 0));
}

#[tokio::test]
async fn a_cut_in_what_the_server_sends_loses_no_later_message_and_no_frame_is_torn() {
    let server = server();
    let publisher = connect(&server).await;
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let mut events = client.events();
    let all = client.subscription("in").confirmed().await.unwrap();
    let reading = tokio::spawn(read_to_end(all));
    let mut random = Random(7);
    for cut in 0..10 {
        proxy.cut_after(Direction::ToClient, 1 + random.below(50_000));
        for number in cut * 1_000..(cut + 1) * 1_000 {
            publisher.publish("in", message(number)).await.unwrap();
        }
        event(&mut events, &Event::Connected).await;
        // The replay of subscriptions is before this on the wire.
        within("sync", client.sync()).await.unwrap();
    }
    publisher.publish("in", "end".into()).await.unwrap();
    let received = within("the rest", reading).await.unwrap();
    assert!(!received.is_empty());
}

fn fate_of(event: &Event) -> Option<Fate> {
    match event {
        Event::Fate(fate) => Some(*fate),
        _ => None,
    }
}
