use super::{at, delivery, denial, status_to};
use crate::jetstream::consume::{
    CreateFault, Ordered, OrderedAction, OrderedEnd, OrderedEvent, OrderedOptions, PullOptions,
    ResumeToken, Verdict,
};
use crate::jetstream::consumer::{
    AckPolicy, DeliverPolicy, IntoConsumerConfig, pull::OrderedConfig, push,
};
use crate::jetstream::test_messages::status_with;
use crate::message::Message;
use crate::time::Instant;
use alloc::format;
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
        }
        .into_consumer_config(),
        pull: PullOptions { max_messages: 10, ..PullOptions::default() },
        name_prefix: "ord".into(),
        deliver_prefix: "_INBOX.d".into(),
        adopted: None,
        position: None,
        max_attempts: None,
    }
}

fn pushed() -> OrderedOptions {
    let config = push::OrderedConfig {
        deliver_subject: "theirs".into(),
        deliver_policy: DeliverPolicy::LastPerSubject,
        filter_subject: "a.>".into(),
        ..push::OrderedConfig::default()
    };
    OrderedOptions { config: config.into_consumer_config(), ..options() }
}

fn heartbeat(last: &str) -> Message {
    status_with(100, Some("Idle Heartbeat"), &[("Nats-Last-Consumer", last)])
}

impl Script {
    fn new() -> Self {
        Self::with(options())
    }

    fn with(options: OrderedOptions) -> Self {
        let name = options.adopted.clone().unwrap_or_default();
        let ordered = Ordered::new(at(0), options).unwrap();
        Self { ordered, now: at(0), name, token: 0 }
    }

    fn pushed() -> Self {
        let mut t = Self::with(OrderedOptions { adopted: Some("theirs".into()), ..pushed() });
        t.expect_nothing();
        t
    }

    #[track_caller]
    fn expect_retry(&mut self, failures: u32, delay: u64) {
        let delay = Duration::from_millis(delay);
        assert_eq!(self.ordered.poll_event(), Some(OrderedEvent::Retry { failures, delay }));
    }

    #[track_caller]
    fn expect_created(&mut self) {
        let name = self.name.clone();
        assert_eq!(self.ordered.poll_event(), Some(OrderedEvent::Created { name }));
    }

    fn reading() -> Self {
        let mut t = Self::new();
        t.expect_create("ord_1", DeliverPolicy::LastPerSubject);
        t.created();
        t.expect_created();
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
        if let Some(subject) = config.deliver_subject {
            assert_eq!(subject, name.replace("ord_", "_INBOX.d."), "a subject of its own");
        }
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
        t.ordered.handle_create_failed(t.now, &t.name, CreateFault::Refused);
        t.expect_retry(attempt - 1, delay);
        t.now = t.now + Duration::from_millis(delay);
        t.ordered.handle_timeout(t.now);
        t.expect_create(&format!("ord_{attempt}"), DeliverPolicy::LastPerSubject);
        delay = (delay * 2).min(10_000);
    }
    t.created();
    t.expect_pull(10);
}

#[test]
fn attempts_in_vain_may_have_an_end_and_begin_anew_with_each_message() {
    let mut t = Script::with(OrderedOptions { max_attempts: Some(2), ..options() });
    t.expect_create("ord_1", DeliverPolicy::LastPerSubject);
    t.ordered.handle_create_failed(t.now, "ord_1", CreateFault::Refused);
    t.expect_retry(1, 100);
    t.now = t.now + Duration::from_millis(100);
    t.ordered.handle_timeout(t.now);
    t.expect_create("ord_2", DeliverPolicy::LastPerSubject);
    t.created();
    t.expect_pull(10);
    t.deliver(1, 1, Verdict::Deliver);
    t.status(409, "Consumer Deleted");
    t.expect_delete("ord_2");
    t.expect_create("ord_3", from(2));
    t.ordered.handle_create_failed(t.now, "ord_3", CreateFault::Refused);
    t.now = t.now + Duration::from_millis(100);
    t.ordered.handle_timeout(t.now);
    t.expect_create("ord_4", from(2));
    assert_eq!(t.ordered.end_reason(), None);
    t.ordered.handle_create_failed(t.now, "ord_4", CreateFault::Refused);
    assert_eq!(t.ordered.end_reason(), Some(&OrderedEnd::GaveUp { attempts: 2 }));
    assert_eq!(t.ordered.poll_timeout(), None);
    t.expect_nothing();
}

#[test]
fn what_may_have_been_created_without_an_answer_is_deleted() {
    let mut t = Script::new();
    t.expect_create("ord_1", DeliverPolicy::LastPerSubject);
    t.ordered.handle_create_failed(t.now, "ord_1", CreateFault::Unanswered);
    t.expect_delete("ord_1");
    t.expect_nothing();
}

#[test]
fn a_consumer_that_is_there_is_adopted_and_deleted_at_the_end() {
    let mut t = Script::with(OrderedOptions { adopted: Some("theirs".into()), ..options() });
    t.expect_pull(10);
    t.expect_nothing();
    t.deliver(4, 1, Verdict::Deliver);
    t.ordered.stop();
    t.expect_delete("theirs");
    t.expect_nothing();
    // One that somebody else read from has a gap at once.
    let mut t = Script::with(OrderedOptions { adopted: Some("theirs".into()), ..options() });
    t.expect_pull(10);
    t.deliver(4, 2, Verdict::Consumed);
    t.expect_delete("theirs");
    assert_eq!(t.ordered.poll_event(), Some(OrderedEvent::Gap { expected: 1, found: 2 }));
    t.expect_retry(1, 100);
}

#[test]
fn the_place_of_the_first_consumer_is_kept_where_the_policy_moves_on() {
    for (policy, kept) in [
        (DeliverPolicy::New, from(8)),
        (DeliverPolicy::Last, from(8)),
        (DeliverPolicy::All, DeliverPolicy::All),
        (DeliverPolicy::LastPerSubject, DeliverPolicy::LastPerSubject),
        (from(3), from(3)),
    ] {
        let mut wanted = options();
        wanted.config.deliver_policy = policy;
        let mut t = Script::with(wanted);
        t.expect_create("ord_1", policy);
        t.ordered.handle_start(7);
        t.created();
        assert_eq!(t.ordered.token("S").config.deliver_policy, kept);
        t.expect_pull(10);
        t.ordered.handle_disconnected();
        t.ordered.handle_reconnected();
        t.expect_delete("ord_1");
        t.expect_create("ord_2", kept);
        // Only the first one counts, and nothing does any more once there was a message.
        t.ordered.handle_start(11);
        assert_eq!(t.ordered.token("S").config.deliver_policy, kept);
        t.created();
        t.expect_pull(10);
        t.deliver(9, 1, Verdict::Deliver);
        let token = t.ordered.token("S");
        assert_eq!((token.position, token.config.deliver_policy), (Some(9), policy));
    }
}

#[test]
fn a_sign_of_life_tells_that_the_last_messages_are_missing() {
    let mut t = Script::reading();
    t.deliver(1, 1, Verdict::Deliver);
    let beat = |last: &str, token: u64| {
        let subject = format!("_INBOX.x.{token}");
        Message { subject: subject.as_str().into(), ..heartbeat(last) }
    };
    let (current, other) = (t.token, t.token + 7);
    assert_eq!(t.ordered.handle_message(t.now, &beat("1", current)), Verdict::Consumed);
    assert_eq!(t.ordered.handle_message(t.now, &beat("9", other)), Verdict::Consumed);
    assert_eq!(t.ordered.poll_event(), None);
    assert_eq!(t.ordered.handle_message(t.now, &beat("3", current)), Verdict::Consumed);
    assert_eq!(t.ordered.poll_event(), Some(OrderedEvent::Gap { expected: 2, found: 3 }));
    t.expect_delete("ord_1");
    t.expect_create("ord_2", from(2));
}

#[test]
fn pushed_messages_are_read_in_order_and_their_flow_control_answered() {
    let mut t = Script::pushed();
    assert_eq!(t.ordered.poll_timeout(), Some(at(10)));
    t.deliver(3, 1, Verdict::Deliver);
    let ask = status_with(100, Some("FlowControl Request"), &[]);
    let ask = Message { reply: Some("$JS.FC.x".into()), ..ask };
    assert_eq!(t.ordered.handle_message(t.now, &ask), Verdict::Consumed);
    t.expect_nothing();
    t.ordered.handle_taken(t.now, 1, 10);
    assert_eq!(t.ordered.poll_action(), Some(OrderedAction::Resume("$JS.FC.x".into())));
    t.deliver(9, 3, Verdict::Consumed);
    t.expect_delete("theirs");
    t.expect_create("ord_1", from(4));
    // What is pushed may be there before the answer to the creation.
    t.deliver(4, 1, Verdict::Deliver);
    t.created();
    t.deliver(5, 2, Verdict::Deliver);
    t.expect_nothing();
    let beat = |last| (heartbeat(last), Verdict::Consumed);
    let (alive, consumed) = beat("2");
    assert_eq!(t.ordered.handle_message(at(3), &alive), consumed);
    assert_eq!(t.ordered.poll_timeout(), Some(at(13)));
    let (ahead, consumed) = beat("3");
    assert_eq!(t.ordered.handle_message(at(3), &ahead), consumed);
    t.expect_delete("ord_1");
    t.expect_create("ord_2", from(6));
}

#[test]
fn a_consumer_that_pushes_is_made_anew_when_it_is_silent_or_gone() {
    let mut t = Script::pushed();
    t.ordered.handle_timeout(at(10));
    assert_eq!(t.ordered.poll_event(), Some(OrderedEvent::MissedHeartbeat));
    t.expect_retry(1, 100);
    t.expect_delete("theirs");
    t.expect_nothing();
    t.ordered.handle_timeout(t.ordered.poll_timeout().unwrap());
    t.expect_create("ord_1", DeliverPolicy::LastPerSubject);
    t.created();
    t.deliver(1, 1, Verdict::Deliver);
    for (code, text) in [(409, "Leadership Change"), (409, "Consumer Deleted")] {
        t.status(code, text);
        let old = t.name.clone();
        t.expect_delete(&old);
        let Some(OrderedAction::Create { name, .. }) = t.ordered.poll_action() else { panic!() };
        t.name = name;
        t.created();
        let last = t.ordered.position().unwrap();
        t.deliver(last + 1, 1, Verdict::Deliver);
    }
    t.ordered.handle_disconnected();
    t.ordered.handle_reconnected();
    t.expect_delete("ord_3");
    t.expect_create("ord_4", from(4));
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
    t.ordered.handle_create_failed(t.now, "ord_1", CreateFault::Refused);
    t.created();
    t.expect_pull(9);
}

#[test]
fn a_reading_resumes_elsewhere_at_its_position() {
    let mut first = Script::reading();
    first.deliver(41, 1, Verdict::Deliver);
    let token = ResumeToken {
        stream: "S".into(),
        position: first.ordered.position(),
        config: first.ordered.config().clone(),
    };
    let text = token.to_string();
    assert!(text.starts_with(r#"{"stream":"S","position":41,"config":{"#), "{text}");
    let token: ResumeToken = text.parse().unwrap();
    let mut t = Script::with(OrderedOptions {
        config: token.config,
        position: token.position,
        ..options()
    });
    t.expect_create("ord_1", from(42));
    t.created();
    t.expect_pull(10);
    t.deliver(41, 1, Verdict::Consumed);
    assert!("{}".parse::<ResumeToken>().is_err());
    assert!(r#"{"stream":"S"}"#.parse::<ResumeToken>().is_ok());
}

#[test]
fn a_stop_deletes_the_consumer() {
    let mut t = Script::reading();
    t.ordered.stop();
    assert_eq!(t.ordered.end_reason(), Some(&OrderedEnd::Stopped));
    t.expect_delete("ord_1");
    t.expect_nothing();
    t.ordered.handle_reconnected();
    t.expect_nothing();
    t.deliver(1, 1, Verdict::Consumed);
}

#[test]
fn a_pull_that_is_denied_is_told_and_tried_with_another_consumer() {
    let mut t = Script::reading();
    assert_eq!(t.ordered.consumer(), "ord_1");
    t.ordered.handle_denied(t.now, "a subject", denial());
    assert_eq!(t.ordered.poll_event(), Some(OrderedEvent::Denied(denial())));
    t.expect_retry(1, 100);
    t.expect_delete("ord_1");
    t.expect_nothing();
    assert_eq!(t.ordered.consumer(), "ord_1", "the last one there was");
    t.ordered.handle_timeout(t.ordered.poll_timeout().unwrap());
    t.expect_create("ord_2", DeliverPolicy::LastPerSubject);
    assert_eq!(t.ordered.consumer(), "ord_2");
    // Flow control that is denied brings no other consumer: that one would stall as well.
    let mut t = Script::pushed();
    let ask = status_with(100, Some("FlowControl Request"), &[]);
    let ask = Message { reply: Some("$JS.FC.x".into()), ..ask };
    assert_eq!(t.ordered.handle_message(t.now, &ask), Verdict::Consumed);
    t.ordered.handle_denied(t.now, "$JS.FC.x", denial());
    assert_eq!(t.ordered.poll_event(), Some(OrderedEvent::Denied(denial())));
    assert_eq!(t.ordered.poll_action(), Some(OrderedAction::Resume("$JS.FC.x".into())));
    t.expect_nothing();
    assert_eq!(t.ordered.consumer(), "theirs");
}
