use super::{at, delivery, denial};
use crate::jetstream::Status;
use crate::jetstream::consume::{Push, PushAction, PushEnd, PushEvent, PushOptions, Verdict};
use crate::jetstream::test_messages::{status, status_with};
use crate::message::Message;
use core::time::Duration;

fn push() -> Push {
    Push::new(at(0), PushOptions { heartbeat: Duration::from_secs(5), ..PushOptions::default() })
}

fn deliver(push: &mut Push, sequence: u64) {
    let message = delivery("C", sequence, sequence);
    assert_eq!(push.handle_message(at(1), &message), Verdict::Deliver);
}

fn hear(push: &mut Push, message: &Message) {
    assert_eq!(push.handle_message(at(1), message), Verdict::Consumed);
}

fn flow_control(subject: &'static str) -> Message {
    Message { reply: Some(subject.into()), ..status(100, Some("FlowControl Request")) }
}

fn heartbeat(last: &str, stalled: Option<&str>) -> Message {
    let mut headers = alloc::vec![("Nats-Last-Consumer", last)];
    headers.extend(stalled.map(|subject| ("Nats-Consumer-Stalled", subject)));
    status_with(100, Some("Idle Heartbeat"), &headers)
}

fn resume(subject: &'static str) -> Option<PushAction> {
    Some(PushAction::Resume(subject.into()))
}

#[test]
fn flow_control_is_answered_when_all_before_it_was_read() {
    let mut push = push();
    deliver(&mut push, 1);
    deliver(&mut push, 2);
    hear(&mut push, &flow_control("fc.1"));
    deliver(&mut push, 3);
    assert_eq!(push.poll_action(), None);
    push.handle_taken(1);
    assert_eq!(push.poll_action(), None);
    push.handle_taken(1);
    assert_eq!(push.poll_action(), resume("fc.1"));
    push.handle_taken(1);
    hear(&mut push, &flow_control("fc.2"));
    assert_eq!(push.poll_action(), resume("fc.2"), "nothing is unread");
}

#[test]
fn an_answer_acknowledges_what_was_read_where_that_is_how_it_is_done() {
    for shared in [false, true] {
        let options = PushOptions { acknowledges: true, shared, ..PushOptions::default() };
        let mut push = Push::new(at(0), options);
        let acknowledge = |subject: &'static str, sequence| {
            let (consumer_sequence, stream_sequence) = (sequence, sequence + 10);
            let subject = subject.into();
            Some(PushAction::Acknowledge { subject, consumer_sequence, stream_sequence })
        };
        hear(&mut push, &flow_control("fc.1"));
        assert_eq!(push.poll_action(), resume("fc.1"), "there is nothing yet");
        for sequence in 1..=3 {
            let message = delivery("C", sequence + 10, sequence);
            assert_eq!(push.handle_message(at(1), &message), Verdict::Deliver);
            if sequence == 2 {
                hear(&mut push, &flow_control("fc.2"));
            }
        }
        hear(&mut push, &heartbeat("3", Some("fc.3")));
        assert_eq!(push.poll_action(), None);
        push.handle_taken(2);
        assert_eq!(push.poll_action(), acknowledge("fc.2", 2));
        assert_eq!(push.poll_action(), None);
        push.handle_taken(1);
        assert_eq!(push.poll_action(), acknowledge("fc.3", 3));
    }
}

#[test]
fn a_stall_is_answered_once() {
    let mut push = push();
    hear(&mut push, &heartbeat("0", Some("fc.1")));
    hear(&mut push, &heartbeat("0", Some("fc.1")));
    assert_eq!(push.poll_action(), resume("fc.1"));
    assert_eq!(push.poll_action(), None);
    hear(&mut push, &heartbeat("0", Some("fc.2")));
    assert_eq!(push.poll_action(), resume("fc.2"));
    // The answer may have been lost with its connection.
    push.handle_disconnected();
    push.handle_reconnected(at(2));
    hear(&mut push, &heartbeat("0", Some("fc.2")));
    assert_eq!(push.poll_action(), resume("fc.2"));
}

#[test]
fn missing_heartbeats_are_told_while_there_is_a_connection() {
    let mut push = push();
    assert_eq!(push.poll_timeout(), Some(at(10)));
    deliver(&mut push, 1);
    assert_eq!(push.poll_timeout(), Some(at(11)));
    push.handle_timeout(at(10));
    assert_eq!(push.poll_event(), None);
    push.handle_timeout(at(11));
    assert_eq!(push.poll_event(), Some(PushEvent::MissedHeartbeat));
    assert_eq!(push.poll_timeout(), Some(at(21)));
    push.handle_disconnected();
    assert_eq!(push.poll_timeout(), None);
    push.handle_reconnected(at(30));
    assert_eq!(push.poll_timeout(), Some(at(40)));
    let quiet = Push::new(at(0), PushOptions::default());
    assert_eq!(quiet.poll_timeout(), None);
}

#[test]
fn gaps_are_told_by_deliveries_and_by_heartbeats() {
    let mut push = push();
    deliver(&mut push, 5);
    deliver(&mut push, 6);
    hear(&mut push, &heartbeat("6", None));
    assert_eq!(push.poll_event(), None);
    deliver(&mut push, 9);
    assert_eq!(push.poll_event(), Some(PushEvent::Gap { expected: 7, found: 9 }));
    hear(&mut push, &heartbeat("11", None));
    assert_eq!(push.poll_event(), Some(PushEvent::Gap { expected: 10, found: 11 }));
    // A consumer that was set back counts from the beginning.
    deliver(&mut push, 1);
    deliver(&mut push, 2);
    assert_eq!(push.poll_event(), None);

    let mut shared = Push::new(at(0), PushOptions { shared: true, ..PushOptions::default() });
    deliver(&mut shared, 1);
    deliver(&mut shared, 4);
    assert_eq!(shared.poll_event(), None, "others have the rest");
}

#[test]
fn a_consumer_that_is_gone_ends_the_reading_and_other_trouble_does_not() {
    let mut push = push();
    hear(&mut push, &status(409, Some("Leadership Change")));
    assert_eq!(push.poll_event(), Some(PushEvent::Trouble(Status::LeadershipChange)));
    assert_eq!(push.end_reason(), None);
    hear(&mut push, &status(409, Some("Consumer Deleted")));
    assert_eq!(push.end_reason(), Some(&PushEnd::Gone(Status::ConsumerDeleted)));
    assert_eq!(push.poll_timeout(), None);
    assert_eq!(push.handle_message(at(1), &delivery("C", 1, 1)), Verdict::GiveBack);
}

#[test]
fn time_in_which_nobody_looked_is_no_silence() {
    let mut push = push();
    assert_eq!(push.poll_timeout(), Some(at(10)));
    push.handle_resumed(at(60));
    push.handle_timeout(at(60));
    assert_eq!(push.poll_event(), None);
    push.handle_resumed(at(20));
    assert_eq!(push.poll_timeout(), Some(at(70)));
    push.handle_timeout(at(70));
    assert_eq!(push.poll_event(), Some(PushEvent::MissedHeartbeat));
}

#[test]
fn flow_control_that_may_not_be_answered_is_told() {
    let mut push = push();
    hear(&mut push, &flow_control("fc.1"));
    push.handle_denied("elsewhere", denial());
    assert_eq!(push.poll_event(), None);
    push.handle_denied("fc.1", denial());
    assert_eq!(push.poll_event(), Some(PushEvent::Denied(denial())));
    assert_eq!(push.end_reason(), None);
}
