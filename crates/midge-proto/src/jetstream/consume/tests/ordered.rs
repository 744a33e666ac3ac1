use super::{at, delivery, status_to};
use crate::jetstream::consume::{
    Ordered, OrderedAction, OrderedEvent, OrderedOptions, PullOptions, Verdict,
};
use crate::jetstream::consumer::{AckPolicy, DeliverPolicy, pull::OrderedConfig};
use crate::time::Instant;
use alloc::string::{String, ToString};
use core::time::Duration;

struct Script {
    ordered: Ordered,
    now: Instant,
    name: String,
    token: u64,
}

fn options() -> OrderedOptions {
    OrderedOptions {
        config: OrderedConfig {
            deliver_policy: DeliverPolicy::LastPerSubject,
            filter_subject: "a.>".into(),
            ..OrderedConfig::default()
        },
        pull: PullOptions { max_messages: 10, ..PullOptions::default() },
        name_prefix: "ord".into(),
    }
}

impl Script {
    fn new() -> Self {
        let ordered = Ordered::new(at(0), options()).unwrap();
        Self { ordered, now: at(0), name: String::new(), token: 0 }
    }

    fn reading() -> Self {
        let mut t = Self::new();
        t.expect_create("ord_1", DeliverPolicy::LastPerSubject);
        t.created();
        t.expect_pull(10);
        t
    }

    #[track_caller]
    fn expect_create(&mut self, expected: &str, policy: DeliverPolicy) {
        let Some(OrderedAction::Create { name, config }) = self.ordered.poll_action() else {
            panic!("a creation expected")
        };
        assert_eq!((&*name, config.deliver_policy), (expected, policy));
        assert_eq!((config.name.as_deref(), config.ack_policy), (Some(expected), AckPolicy::None));
        assert_eq!(config.filter_subject, "a.>");
        self.name = name;
    }

    #[track_caller]
    fn expect_delete(&mut self, expected: &str) {
        let action = self.ordered.poll_action();
        assert_eq!(action, Some(OrderedAction::Delete { name: expected.to_string() }));
    }

    #[track_caller]
    fn expect_pull(&mut self, batch: usize) {
        let Some(OrderedAction::Pull { name, request }) = self.ordered.poll_action() else {
            panic!("a pull expected")
        };
        assert_eq!((&name, request.config.batch), (&self.name, batch));
        self.token = request.token;
    }

    #[track_caller]
    fn expect_nothing(&mut self) {
        assert_eq!(self.ordered.poll_action(), None);
    }

    fn created(&mut self) {
        self.ordered.handle_created(self.now, &self.name);
    }

    #[track_caller]
    fn deliver(&mut self, stream: u64, consumer: u64, expected: Verdict) {
        let message = delivery(&self.name, stream, consumer);
        assert_eq!(self.ordered.handle_message(self.now, &message), expected);
    }

    fn status(&mut self, code: u16, text: &str) {
        let message = status_to(self.token, code, text, None);
        assert_eq!(self.ordered.handle_message(self.now, &message), Verdict::Consumed);
    }
}

const fn from(start_sequence: u64) -> DeliverPolicy {
    DeliverPolicy::ByStartSequence { start_sequence }
}

#[test]
fn a_gap_is_read_again_from_behind_the_last_message() {
    let mut t = Script::reading();
    t.deliver(3, 1, Verdict::Deliver);
    t.deliver(7, 2, Verdict::Deliver);
    t.deliver(9, 4, Verdict::Consumed);
    assert_eq!(t.ordered.poll_event(), Some(OrderedEvent::Gap { expected: 3, found: 4 }));
    t.expect_delete("ord_1");
    let old = t.name.clone();
    t.expect_create("ord_2", from(8));
    // What the old consumer still sends is not delivered twice.
    let late = delivery(&old, 8, 3);
    assert_eq!(t.ordered.handle_message(t.now, &late), Verdict::Consumed);
    t.created();
    t.expect_pull(8);
    assert_eq!(t.ordered.handle_message(t.now, &late), Verdict::Consumed);
    t.deliver(8, 1, Verdict::Deliver);
    t.deliver(8, 1, Verdict::Consumed);
    assert_eq!(t.ordered.position(), Some(8));
    t.expect_nothing();
}

#[test]
fn before_the_first_message_it_begins_where_it_was_to_begin() {
    let mut t = Script::reading();
    t.status(409, "Consumer Deleted");
    assert!(matches!(t.ordered.poll_event(), Some(OrderedEvent::Lost(_))));
    t.expect_delete("ord_1");
    t.expect_nothing();
    let wake = t.ordered.poll_timeout().unwrap();
    assert_eq!(wake, t.now + Duration::from_millis(100), "it was good for nothing");
    t.ordered.handle_timeout(wake);
    t.expect_create("ord_2", DeliverPolicy::LastPerSubject);
    t.created();
    t.expect_pull(10);
}

#[test]
fn creations_are_tried_for_ever() {
    let mut t = Script::new();
    t.expect_create("ord_1", DeliverPolicy::LastPerSubject);
    let mut delay = 100;
    for attempt in 2..=20 {
        t.ordered.handle_create_failed(t.now, &t.name);
        let expected = Duration::from_millis(delay);
        let event = t.ordered.poll_event();
        assert_eq!(event, Some(OrderedEvent::CreateFailed { delay: expected }));
        t.now = t.now + expected;
        t.ordered.handle_timeout(t.now);
        t.expect_create(&alloc::format!("ord_{attempt}"), DeliverPolicy::LastPerSubject);
        delay = (delay * 2).min(10_000);
    }
    t.created();
    t.expect_pull(10);
}

#[test]
fn silence_and_every_loss_make_another_consumer() {
    let mut silent = Script::reading();
    silent.deliver(1, 1, Verdict::Deliver);
    let wake = silent.ordered.poll_timeout().unwrap();
    assert_eq!(wake, at(30));
    silent.ordered.handle_timeout(wake);
    assert_eq!(silent.ordered.poll_event(), Some(OrderedEvent::MissedHeartbeat));
    silent.expect_delete("ord_1");
    silent.expect_create("ord_2", from(2));
    for (code, text) in [
        (503, ""),
        (409, "Leadership Change"),
        (409, "Server Shutdown"),
        (409, "Consumer Deleted"),
        (400, "Bad Request - x"),
    ] {
        let mut t = Script::reading();
        t.deliver(1, 1, Verdict::Deliver);
        t.status(code, text);
        assert!(matches!(t.ordered.poll_event(), Some(OrderedEvent::Lost(_))), "{text}");
        t.expect_delete("ord_1");
        t.expect_create("ord_2", from(2));
        t.created();
        t.expect_pull(9);
    }
}

#[test]
fn an_ordinary_end_of_a_pull_is_followed_by_the_next() {
    let mut t = Script::reading();
    t.deliver(1, 1, Verdict::Deliver);
    t.status(408, "Request Timeout");
    t.expect_pull(9);
    assert_eq!(t.ordered.poll_event(), None);
}

#[test]
fn a_reconnect_makes_another_consumer_since_the_last_messages_may_be_lost() {
    let mut t = Script::reading();
    t.deliver(5, 1, Verdict::Deliver);
    t.ordered.handle_disconnected();
    assert_eq!(t.ordered.poll_timeout(), None);
    t.expect_nothing();
    t.ordered.handle_reconnected();
    t.expect_delete("ord_1");
    t.expect_create("ord_2", from(6));
    // An answer of the lost connection is about a consumer that nobody wants.
    t.ordered.handle_created(t.now, "ord_1");
    t.expect_delete("ord_1");
    t.expect_nothing();
    t.ordered.handle_create_failed(t.now, "ord_1");
    t.created();
    t.expect_pull(9);
}

#[test]
fn a_reading_resumes_elsewhere_at_its_position() {
    let ordered = Ordered::resume(at(0), options(), 41).unwrap();
    let mut t = Script { ordered, ..Script::new() };
    t.expect_create("ord_2", from(42));
    t.created();
    t.expect_pull(10);
    t.deliver(41, 1, Verdict::Consumed);
}

#[test]
fn a_stop_deletes_the_consumer() {
    let mut t = Script::reading();
    t.ordered.stop();
    assert!(t.ordered.is_ended());
    t.expect_delete("ord_1");
    t.expect_nothing();
    t.ordered.handle_reconnected();
    t.expect_nothing();
    t.deliver(1, 1, Verdict::Consumed);
}
