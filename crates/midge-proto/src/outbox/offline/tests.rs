use super::super::tests::{ANY_SERVER, offline, online, publish, subjects, taken};
use super::super::{BufferPolicy, Cut};
use super::*;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;
use proptest::prelude::*;

fn with(policy: BufferPolicy) -> Outbox {
    let mut outbox = offline();
    outbox.set_reconnect_buffer(ReconnectBuffer::new(policy));
    outbox
}

/// What goes out on the next connection, by subject.
fn sent(outbox: &mut Outbox) -> Vec<String> {
    outbox.set_online(ANY_SERVER);
    subjects(taken(outbox).as_bytes()).0
}

fn secs(number: u64) -> Duration {
    Duration::from_secs(number)
}

const START: Instant = Instant::ZERO;

#[test]
fn a_number_of_messages_is_a_limit_like_bytes() {
    let mut outbox = with(BufferPolicy::new().messages(2));
    publish(&mut outbox, "a", b"1").unwrap();
    publish(&mut outbox, "b", b"1").unwrap();
    assert_eq!(publish(&mut outbox, "c", b"1"), Err(Refusal::TooManyBuffered { limit: 2 }));
    assert_eq!(sent(&mut outbox), ["a", "b"]);
    publish(&mut outbox, "d", b"1").unwrap();
    publish(&mut outbox, "e", b"1").unwrap();
    publish(&mut outbox, "f", b"1").unwrap();
    assert_eq!(outbox.poll_drops(), None, "nothing was dropped");
}

#[test]
fn dropping_the_oldest_keeps_the_latest_in_order_and_counts_the_rest() {
    let policy = BufferPolicy::new().messages(3).when_full(WhenFull::DropOldest);
    let mut outbox = with(policy);
    for number in 0..10 {
        publish(&mut outbox, &format!("s{number}"), b"x").unwrap();
    }
    let drops = outbox.poll_drops().unwrap();
    assert_eq!((drops.oldest, drops.total()), (7, 7));
    assert_eq!(sent(&mut outbox), ["s7", "s8", "s9"]);
}

#[test]
fn dropping_the_oldest_makes_as_much_room_as_is_needed_and_memory_stays_bounded() {
    let limit = SWEEP_BYTES_MIN;
    let mut outbox = with(BufferPolicy::new().bytes(limit).when_full(WhenFull::DropOldest));
    for number in 0..10_000 {
        publish(&mut outbox, &format!("s{number}"), &[b'x'; 500]).unwrap();
        assert!(
            outbox.queued_bytes() <= limit + SWEEP_BYTES_MIN + 1_000,
            "{}",
            outbox.queued_bytes()
        );
    }
    publish(&mut outbox, "large", &vec![b'x'; limit - 100]).unwrap();
    assert_eq!(outbox.poll_drops().unwrap().oldest, 10_000);
    let too_large = publish(&mut outbox, "larger", &vec![b'x'; limit + 1]);
    assert_eq!(too_large, Err(Refusal::BufferFull { limit }));
    assert_eq!(sent(&mut outbox), ["large"]);
}

#[test]
fn dropping_the_newest_keeps_the_first_and_the_publisher_hears_that_it_was_discarded() {
    let mut outbox = with(BufferPolicy::new().messages(1).when_full(WhenFull::DropNewest));
    publish(&mut outbox, "a", b"1").unwrap();
    for _ in 0..3 {
        assert_eq!(publish(&mut outbox, "b", b"1"), Err(Refusal::Discarded));
    }
    assert_eq!(outbox.published().0, 1);
    assert_eq!(outbox.poll_drops().unwrap().newest, 3);
    assert_eq!(sent(&mut outbox), ["a"]);
}

#[test]
fn a_policy_to_wait_says_how_long_and_never_for_what_can_never_fit() {
    let policy = BufferPolicy::new().bytes(100).when_full(WhenFull::Wait(secs(3)));
    let mut outbox = with(policy);
    publish(&mut outbox, "a", &[0; 80]).unwrap();
    assert_eq!(publish(&mut outbox, "a", &[0; 80]), Err(Refusal::Full));
    assert_eq!(outbox.offline_wait(b"a"), Some(secs(3)));
    assert_eq!(publish(&mut outbox, "a", &[0; 101]), Err(Refusal::BufferFull { limit: 100 }));
    let payload = Bytes::from(vec![0; 80]);
    let message = Publish { subject: b"a", reply: None, headers: None, payload: &payload };
    let refused = Err(Refusal::BufferFull { limit: 100 });
    assert_eq!(outbox.publish_over(message), refused, "it cannot wait");
}

#[test]
fn a_message_that_waits_too_long_is_dropped_and_counted() {
    let mut outbox = with(BufferPolicy::new().max_age(secs(10)));
    publish(&mut outbox, "a", b"1").unwrap();
    assert_eq!(outbox.poll_timeout(), None, "no clock was read yet");
    outbox.stamp(START);
    outbox.stamp(START + secs(4));
    publish(&mut outbox, "b", b"1").unwrap();
    outbox.stamp(START + secs(5));
    assert_eq!(outbox.poll_timeout(), Some(START + secs(10)));
    assert!(!outbox.handle_timeout(START + secs(9)));
    assert!(outbox.handle_timeout(START + secs(10)));
    assert_eq!(outbox.poll_timeout(), Some(START + secs(15)));
    assert_eq!(outbox.poll_drops().unwrap().expired, 1);
    assert_eq!(sent(&mut outbox), ["b"]);
    assert_eq!(outbox.poll_timeout(), None);
}

#[test]
fn the_age_of_what_a_lost_connection_left_begins_with_the_loss() {
    let mut outbox = with(BufferPolicy::new().max_age(secs(10)));
    outbox.set_online(ANY_SERVER);
    publish(&mut outbox, "a", b"1").unwrap();
    assert_eq!(outbox.set_offline(vec![], Cut::Other).kept, 1);
    outbox.stamp(START);
    assert_eq!(outbox.poll_timeout(), Some(START + secs(10)));
    assert!(outbox.handle_timeout(START + secs(10)));
    assert!(sent(&mut outbox).is_empty());
}

#[test]
fn subjects_have_policies_and_shares_of_their_own() {
    let mut buffer = ReconnectBuffer::new(BufferPolicy::new().messages(2));
    let latest = BufferPolicy::new().messages(1).when_full(WhenFull::DropOldest);
    buffer.add("telemetry.>".into(), latest);
    buffer.add("never.*".into(), BufferPolicy::new().bytes(0));
    let mut outbox = offline();
    outbox.set_reconnect_buffer(buffer);
    for number in 0..5 {
        publish(&mut outbox, &format!("telemetry.{number}"), b"1").unwrap();
    }
    assert_eq!(publish(&mut outbox, "never.a", b""), Err(Refusal::BufferFull { limit: 0 }));
    publish(&mut outbox, "order.1", b"1").unwrap();
    publish(&mut outbox, "never.a.b", b"1").unwrap();
    assert_eq!(publish(&mut outbox, "order.2", b""), Err(Refusal::TooManyBuffered { limit: 2 }));
    publish(&mut outbox, "telemetry.5", b"1").unwrap();
    assert_eq!(sent(&mut outbox), ["order.1", "never.a.b", "telemetry.5"]);
}

#[test]
fn drops_are_told_when_they_begin_and_the_rest_with_the_next_connection() {
    let mut outbox = with(BufferPolicy::new().messages(1).when_full(WhenFull::DropOldest));
    for expected in [1, 2] {
        publish(&mut outbox, "a", b"1").unwrap();
        for _ in 0..expected {
            publish(&mut outbox, "a", b"1").unwrap();
        }
        assert_eq!(outbox.poll_drops().unwrap().oldest, expected);
        for _ in 0..5 {
            publish(&mut outbox, "a", b"1").unwrap();
            assert_eq!(outbox.poll_drops(), None);
        }
        outbox.set_online(ANY_SERVER);
        assert_eq!(outbox.poll_drops().unwrap().oldest, 5);
        assert_eq!(outbox.poll_drops(), None);
        taken(&mut outbox);
        let _ = outbox.set_offline(vec![], Cut::Other);
    }
}

#[test]
fn while_connected_no_policy_for_other_times_counts() {
    let mut outbox = online();
    outbox.set_reconnect_buffer(ReconnectBuffer::new(
        BufferPolicy::new().messages(1).when_full(WhenFull::DropOldest),
    ));
    outbox.set_online(ANY_SERVER);
    for _ in 0..10 {
        publish(&mut outbox, "a", b"1").unwrap();
    }
    assert_eq!(subjects(taken(&mut outbox).as_bytes()).0.len(), 10);
}

#[derive(Clone, Debug)]
enum Operation {
    Publish(u8, usize),
    Wait(u64),
    /// Connects, writes so many chunks, and loses the connection.
    Connect(usize),
}

proptest! {
    /// Beside a naive model: lists of subject, size and time.
    #[test]
    fn what_is_kept_is_what_a_plain_list_would_keep(
        operations in proptest::collection::vec(
            prop_oneof![
                8 => (0u8..3, 0usize..6_000).prop_map(|(class, size)| Operation::Publish(class, size)),
                2 => (0u64..4).prop_map(Operation::Wait),
                1 => (0usize..3).prop_map(Operation::Connect),
            ],
            1..200,
        )
    ) {
        let policies = [
            BufferPolicy::new().bytes(60_000).messages(40).when_full(WhenFull::DropOldest),
            BufferPolicy::new().max_age(secs(5)).bytes(100_000),
            BufferPolicy::new().messages(7).max_age(secs(9)).when_full(WhenFull::DropOldest),
        ];
        let mut buffer = ReconnectBuffer::new(policies[0]);
        buffer.add("c1.>".into(), policies[1]);
        buffer.add("c2.>".into(), policies[2]);
        let mut outbox = offline();
        outbox.set_reconnect_buffer(buffer);
        // Class, subject, bytes on the wire, time.
        let mut model: Vec<(usize, String, usize, Instant)> = Vec::new();
        let (mut now, mut accepted, mut gone) = (START, 0u64, 0u64);
        for operation in operations {
            match operation {
                Operation::Publish(class, size) => {
                    let class = usize::from(class);
                    let subject = format!("c{class}.{accepted}");
                    let done = publish(&mut outbox, &subject, &vec![b'x'; size]);
                    outbox.stamp(now);
                    let policy = policies[class];
                    let lacks = |model: &Vec<(usize, String, usize, Instant)>| {
                        let own = model.iter().filter(|entry| entry.0 == class);
                        let bytes: usize = own.clone().map(|entry| entry.2).sum();
                        own.count() >= policy.messages || bytes + size > policy.bytes
                    };
                    if policy.when_full == WhenFull::DropOldest {
                        while lacks(&model) {
                            let oldest = model.iter().position(|entry| entry.0 == class).unwrap();
                            model.remove(oldest);
                            gone += 1;
                        }
                    }
                    prop_assert_eq!(done.is_ok(), !lacks(&model));
                    if done.is_ok() {
                        let len = format!("PUB {subject} {size}\r\n\r\n").len() + size;
                        model.push((class, subject, len, now));
                        accepted += 1;
                    }
                }
                Operation::Wait(time) => {
                    now = now + secs(time);
                    outbox.handle_timeout(now);
                    let before = model.len();
                    model.retain(|entry| {
                        policies[entry.0].max_age.is_none_or(|age| entry.3 + age > now)
                    });
                    gone += (before - model.len()) as u64;
                }
                Operation::Connect(chunks) => {
                    outbox.set_online(ANY_SERVER);
                    let mut out = Vec::new();
                    for chunk in (0..chunks).map_while(|_| outbox.take()) {
                        out.extend(subjects(&chunk.slices(0).flatten().copied().collect::<Vec<u8>>()).0);
                    }
                    let expected: Vec<String> =
                        model.drain(..out.len()).map(|entry| entry.1).collect();
                    prop_assert_eq!(out, expected);
                    let kept = outbox.set_offline(vec![], Cut::Other).kept;
                    prop_assert_eq!(kept, model.len() as u64);
                    outbox.stamp(now);
                    model.iter_mut().for_each(|entry| entry.3 = now);
                }
            }
            let bytes: usize = model.iter().map(|entry| entry.2).sum();
            prop_assert!(outbox.queued_bytes() <= bytes + bytes / 2 + SWEEP_BYTES_MIN + 32_000);
        }
        let expected: Vec<String> = model.into_iter().map(|entry| entry.1).collect();
        prop_assert_eq!(sent(&mut outbox), expected);
        prop_assert_eq!(outbox.offline.drops.total(), gone);
    }
}
