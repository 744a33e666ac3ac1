//! Everything that can happen to a reading, in any order: the promise holds after each step.

use super::{delivery, status_to};
use crate::jetstream::consume::{
    CreateFault, Ordered, OrderedAction, OrderedOptions, Pull, PullOptions, PullRequest, Verdict,
};
use crate::jetstream::consumer::{DeliverPolicy, IntoConsumerConfig, pull, push};
use crate::jetstream::test_messages::status_with;
use crate::time::Instant;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use proptest::prelude::*;

const STATUSES: [(u16, &str, bool); 17] = [
    (100, "Idle Heartbeat", false),
    (404, "No Messages", false),
    (408, "Request Timeout", true),
    (408, "Requests Pending", false),
    (408, "Interest Expired", true),
    (409, "Message Size Exceeds MaxBytes", true),
    (409, "Batch Completed", true),
    (409, "Exceeded MaxWaiting", false),
    (409, "Exceeded MaxRequestBatch of 3", false),
    (409, "Leadership Change", false),
    (409, "Server Shutdown", true),
    (423, "Nats-Wrong-Pin-Id", true),
    (503, "", false),
    (599, "Unheard Of", false),
    // Those behind here end a reading.
    (409, "Consumer Deleted", false),
    (409, "Consumer is push based", false),
    (400, "Bad Request - x", false),
];

#[derive(Clone, Debug)]
enum Step {
    Deliver(u8),
    Status {
        which: usize,
        old: bool,
    },
    Take(u8),
    Time(u16),
    Timeout,
    Cut,
    Reconnect,
    /// The answer to a creation is lost, or is an error.
    CreateFails,
    /// Messages vanish on the way.
    Lose(u8),
    /// The consumer says how far it is.
    Heartbeat,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..5u8).prop_map(Step::Deliver),
        4 => (0..STATUSES.len(), prop::bool::weighted(0.2))
            .prop_map(|(which, old)| Step::Status { which, old }),
        4 => (1..8u8).prop_map(Step::Take),
        2 => (1..20_000u16).prop_map(Step::Time),
        3 => Just(Step::Timeout),
        1 => Just(Step::Cut),
        2 => Just(Step::Reconnect),
        1 => Just(Step::CreateFails),
        1 => (1..3u8).prop_map(Step::Lose),
        1 => Just(Step::Heartbeat),
    ]
}

/// What is at the server, and with the reader.
#[derive(Default)]
struct World {
    now: Instant,
    connected: bool,
    /// Messages that the pulls on this connection may still bring.
    asked: u64,
    token: u64,
    /// Messages that went to the reader and were not taken.
    unread: u64,
}

impl World {
    fn new() -> Self {
        Self { connected: true, ..Self::default() }
    }

    fn pulled(&mut self, request: &PullRequest) {
        assert!(self.connected, "a pull without a connection");
        assert!(request.config.batch > 0 && request.config.check().is_ok());
        if request.token != self.token {
            self.token = request.token;
            self.asked = 0;
        }
        self.asked += request.config.batch as u64;
    }

    fn status(&mut self, which: usize, old: bool) -> crate::Message {
        let (code, text, tells) = STATUSES[which];
        let token = if old { self.token.wrapping_sub(1) } else { self.token };
        let left = tells.then_some((self.asked as i64, self.asked as i64 * 10));
        if !old && code != 100 {
            self.asked = 0;
        }
        status_to(token, code, text, left)
    }
}

fn options(bytes: bool) -> PullOptions {
    let max_bytes = if bytes { 80 } else { 0 };
    PullOptions { max_messages: 8, max_bytes, ..PullOptions::default() }
}

proptest! {
    #[test]
    fn a_pull_is_outstanding_or_messages_are_buffered_or_the_user_sees_why_not(
        steps in prop::collection::vec(step(), 1..80), bytes: bool,
    ) {
        let mut world = World::new();
        let mut pull = Pull::new(world.now, options(bytes)).unwrap();
        for step in steps {
            match step {
                Step::Deliver(count) => {
                    for _ in 0..u64::from(count).min(world.asked) {
                        let verdict = pull.handle_message(world.now, &delivery("C", 1, 1));
                        prop_assert_eq!(verdict == Verdict::Deliver, pull.end_reason().is_none());
                        world.asked -= 1;
                        world.unread += u64::from(verdict == Verdict::Deliver);
                    }
                }
                Step::Status { which, old } if world.connected => {
                    let message = world.status(which, old);
                    prop_assert_eq!(pull.handle_message(world.now, &message), Verdict::Consumed);
                }
                Step::Take(count) => {
                    let count = u64::from(count).min(world.unread);
                    world.unread -= count;
                    pull.handle_taken(world.now, count, count * 10);
                }
                Step::Time(millis) => {
                    world.now = world.now + Duration::from_millis(millis.into());
                    pull.handle_timeout(world.now);
                }
                Step::Timeout => if let Some(at) = pull.poll_timeout() {
                    world.now = world.now.max(at);
                    pull.handle_timeout(at);
                },
                Step::Cut if world.connected => {
                    world.connected = false;
                    world.asked = 0;
                    pull.handle_disconnected();
                }
                Step::Reconnect if !world.connected => {
                    world.connected = true;
                    pull.handle_reconnected(world.now);
                    prop_assert!(
                        pull.requested_messages() > 0 || world.unread > 0 || pull.end_reason().is_some()
                    );
                }
                Step::Status { .. }
                | Step::Cut
                | Step::Reconnect
                | Step::CreateFails
                | Step::Heartbeat
                | Step::Lose(_) => {}
            }
            let mut pulls = 0;
            while let Some(request) = pull.poll_action() {
                world.pulled(&request);
                pulls += 1;
            }
            prop_assert!(pulls <= 1, "{pulls} pulls for one step");
            while pull.poll_event().is_some() {}

            prop_assert_eq!(pull.buffered_messages(), world.unread);
            if pull.end_reason().is_some() || !world.connected {
                prop_assert_eq!((pull.requested_messages(), pull.poll_timeout()), (0, None));
                continue;
            }
            let outstanding = pull.requested_messages() > 0;
            let watched = pull.poll_timeout().is_some();
            prop_assert!(outstanding || world.unread > 0 || watched, "nothing goes on: {pull:?}");
            prop_assert!(watched || !outstanding, "nobody watches over the pull: {pull:?}");
            prop_assert!(pull.requested_messages() + world.unread <= 8, "too much: {pull:?}");
            prop_assert!(world.asked <= 8);
        }
        // Once faults stop, it reads again within a bound.
        if pull.end_reason().is_none() {
            if !world.connected {
                pull.handle_reconnected(world.now);
            }
            pull.handle_taken(world.now, world.unread, world.unread * 10);
            for _ in 0..2 {
                if pull.requested_messages() == 0 {
                    let at = pull.poll_timeout();
                    prop_assert!(at.is_some(), "{pull:?}");
                    pull.handle_timeout(at.unwrap());
                }
            }
            prop_assert!(pull.requested_messages() > 0, "{pull:?}");
        }
    }

    #[test]
    fn an_ordered_reading_has_no_gap_and_no_duplicate_whatever_happens(
        steps in prop::collection::vec(step(), 1..120), pushed: bool, adopted: bool,
    ) {
        let mut world = World::new();
        let config = if pushed {
            let deliver_subject = "d".into();
            push::OrderedConfig { deliver_subject, ..Default::default() }.into_consumer_config()
        } else {
            pull::OrderedConfig::default().into_consumer_config()
        };
        let options = OrderedOptions {
            config,
            pull: options(false),
            name_prefix: "o".into(),
            deliver_prefix: "d".into(),
            adopted: adopted.then(|| "o_0".into()),
            position: None,
            max_attempts: None,
        };
        let mut ordered = Ordered::new(world.now, options).unwrap();
        let mut creating: Option<(String, u64)> = None;
        // The consumer at the server: its name, the next of the stream, and of its deliveries.
        let mut consumer: Option<(String, u64, u64)> = adopted.then(|| ("o_0".into(), 1, 0));
        let mut seen: Vec<u64> = Vec::new();
        for step in steps.into_iter().chain(core::iter::repeat_n(Step::Timeout, 4)) {
            match step {
                Step::Deliver(count) | Step::Lose(count) => {
                    let lost = matches!(step, Step::Lose(_));
                    // Whoever pushes is not asked, but needs somebody who listens.
                    let most = if pushed { u64::from(world.connected) * 8 } else { world.asked };
                    for _ in 0..u64::from(count).min(most) {
                        let Some((name, next, delivered)) = &mut consumer else { break };
                        let sequence = *next;
                        *next += 1;
                        *delivered += 1;
                        if !pushed {
                            world.asked -= 1;
                        }
                        if lost {
                            continue;
                        }
                        let message = delivery(name, sequence, *delivered);
                        if ordered.handle_message(world.now, &message) == Verdict::Deliver {
                            seen.push(sequence);
                            world.unread += 1;
                        }
                    }
                }
                Step::Status { which, old } if world.connected => {
                    let message = world.status(which, old);
                    let verdict = ordered.handle_message(world.now, &message);
                    prop_assert_eq!(verdict, Verdict::Consumed);
                }
                Step::Take(count) => {
                    let count = u64::from(count).min(world.unread);
                    world.unread -= count;
                    ordered.handle_taken(world.now, count, count * 10);
                }
                Step::Time(millis) => {
                    world.now = world.now + Duration::from_millis(millis.into());
                    ordered.handle_timeout(world.now);
                }
                Step::Timeout => if let Some(at) = ordered.poll_timeout() {
                    world.now = world.now.max(at);
                    ordered.handle_timeout(at);
                },
                Step::Cut if world.connected => {
                    world.connected = false;
                    world.asked = 0;
                    creating = None;
                    ordered.handle_disconnected();
                }
                Step::Reconnect if !world.connected => {
                    world.connected = true;
                    ordered.handle_reconnected();
                }
                Step::CreateFails => if let Some((name, start)) = creating.take() {
                    let fault = if world.unread.is_multiple_of(2) {
                        CreateFault::Refused
                    } else {
                        consumer = Some((name.clone(), start, 0));
                        CreateFault::Unanswered
                    };
                    ordered.handle_create_failed(world.now, &name, fault);
                },
                Step::Heartbeat => if let Some((_, _, delivered)) = &consumer
                    && world.connected
                {
                    let last = alloc::format!("{delivered}");
                    let headers = [("Nats-Last-Consumer", &*last)];
                    let beat = status_with(100, Some("Idle Heartbeat"), &headers);
                    let subject = alloc::format!("_INBOX.x.{}", world.token);
                    let beat = crate::Message { subject: subject.as_str().into(), ..beat };
                    prop_assert_eq!(ordered.handle_message(world.now, &beat), Verdict::Consumed);
                },
                Step::Status { .. } | Step::Cut | Step::Reconnect => {}
            }
            while let Some(action) = ordered.poll_action() {
                match action {
                    OrderedAction::Create { name, config } => {
                        let policy = config.deliver_policy;
                        let start = if let DeliverPolicy::ByStartSequence { start_sequence } = policy
                        {
                            start_sequence
                        } else {
                            1
                        };
                        creating = Some((name, start));
                    }
                    OrderedAction::Delete { name } => {
                        consumer = consumer.filter(|(consumer, ..)| *consumer != name);
                    }
                    OrderedAction::Pull { request, .. } => {
                        prop_assert!(!pushed);
                        world.pulled(&request);
                    }
                    OrderedAction::Resume(_) => prop_assert!(pushed),
                }
            }
            while ordered.poll_event().is_some() {}
            if world.connected {
                let waits = creating.is_some() || ordered.poll_timeout().is_some() || world.unread > 0;
                prop_assert!(waits, "nothing goes on: {ordered:?}");
            }
            // Half of the creations are answered right away, the others at the next step.
            if let Some((name, start)) = creating.take() {
                if world.now.as_nanos().is_multiple_of(2) || seen.len().is_multiple_of(2) {
                    consumer = Some((name.clone(), start, 0));
                    ordered.handle_created(world.now, &name);
                    while let Some(action) = ordered.poll_action() {
                        if let OrderedAction::Pull { request, .. } = action {
                            world.pulled(&request);
                        }
                    }
                } else {
                    creating = Some((name, start));
                }
            }
        }
        let expected: Vec<u64> = (1..=seen.len() as u64).collect();
        prop_assert_eq!(seen, expected);
    }
}
