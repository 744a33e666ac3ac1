//! Scripts of fast ingest: what is sent, what the stream says, and what becomes of each message.

use super::*;
use crate::header::{HeaderMap, NATS_MESSAGE_ID};
use crate::jetstream::test_messages;
use alloc::vec;

struct Script {
    ingest: Ingest,
    reply: String,
}

impl Script {
    fn with(options: IngestOptions) -> Self {
        let id = BatchId::new("b").unwrap();
        Self { ingest: Ingest::new("I".into(), &id, options), reply: String::new() }
    }

    /// Answers every 10 messages, of which one may be outstanding.
    fn begun(gap: GapMode) -> Self {
        let mut script = Self::with(IngestOptions { flow: 10, acks_outstanding: 1, gap });
        script.adds(1);
        script.sends(&["1.0"]);
        script.says(1, r#"{"type":"ack","seq":0,"msgs":10}"#);
        script
    }

    fn adds(&mut self, count: u64) {
        for _ in 0..count {
            self.add(None);
        }
    }

    fn add(&mut self, id: Option<&str>) {
        let headers = id.map(|id| {
            let mut headers = HeaderMap::new();
            headers.insert(NATS_MESSAGE_ID, id);
            headers
        });
        let payload = Bytes::from_static(b"x");
        let message = OutboundMessage { subject: "s".into(), reply: None, payload, headers };
        self.ingest.add(message).unwrap();
    }

    /// All that is to be sent now: number and operation of each.
    #[track_caller]
    fn sends(&mut self, wanted: &[&str]) {
        let mut found = Vec::new();
        while let Some(send) = self.ingest.poll_send(&mut self.reply) {
            assert_eq!(send.message.subject, "s");
            let tail = self.reply.strip_suffix(".$FI").unwrap();
            let mut tokens = tail.rsplitn(3, '.');
            let (operation, number) = (tokens.next().unwrap(), tokens.next().unwrap());
            found.push(format!("{number}.{operation}"));
        }
        assert_eq!(found, wanted);
    }

    /// Sends so many appended messages from this number on.
    #[track_caller]
    fn sends_range(&mut self, from: u64, to: u64) {
        let wanted: Vec<_> = (from..=to).map(|number| format!("{number}.1")).collect();
        self.sends(&wanted.iter().map(String::as_str).collect::<Vec<_>>());
    }

    fn says_in(&mut self, batch: &str, number: u64, body: &str) {
        let mut answer = test_messages::answer(body);
        answer.subject = format!("I.{batch}.10.ok.{number}.1.$FI").into();
        self.ingest.handle_message(&answer);
    }

    fn says(&mut self, number: u64, body: &str) {
        let batch = format!("b-{}", self.ingest.round);
        self.says_in(&batch, number, body);
    }

    fn is_absent(&mut self, number: u64) {
        let mut status = test_messages::status(503, None);
        status.subject = format!("I.b-{}.10.ok.{number}.1.$FI", self.ingest.round).into();
        self.ingest.handle_message(&status);
    }

    #[track_caller]
    fn stands_at(&self, acknowledged: u64, waiting: usize) {
        assert_eq!((self.ingest.acknowledged(), self.ingest.waiting()), (acknowledged, waiting));
    }

    #[track_caller]
    fn fails(&mut self, wanted: &[(u64, IngestFault)]) {
        let failures = self.ingest.take_failures();
        let found: Vec<_> = failures.into_iter().map(|it| (it.number, it.fault)).collect();
        assert_eq!(found, wanted);
    }

    #[track_caller]
    fn tells(&mut self, wanted: &[IngestEvent]) {
        let mut found = Vec::new();
        while let Some(event) = self.ingest.poll_event() {
            found.push(event);
        }
        assert_eq!(found, wanted);
    }
}

fn done(count: u64) -> String {
    format!(r#"{{"stream":"S","seq":{count},"batch":"b","count":{count}}}"#)
}

const fn acked(sequence: u64) -> &'static str {
    match sequence {
        10 => r#"{"type":"ack","seq":10,"msgs":10}"#,
        11 => r#"{"type":"ack","seq":11,"msgs":5}"#,
        _ => panic!(),
    }
}

const UNKNOWN: &str = r#"{"error":{"code":400,"err_code":10208,"description":"unknown"}}"#;
const REFUSED_3: &str =
    r#"{"type":"err","seq":3,"error":{"code":400,"err_code":10071,"description":"wrong"}}"#;

#[test]
fn the_first_message_is_answered_before_the_next_is_sent() {
    let mut script = Script::with(IngestOptions::default());
    assert_eq!(script.ingest.subscription(), "I.>");
    script.adds(3);
    script.sends(&["1.0"]);
    assert!(!script.ingest.has_room());
    script.says(1, r#"{"type":"ack","seq":0,"msgs":1}"#);
    // Two answers, one message each.
    script.sends(&["2.1"]);
    script.says(2, r#"{"type":"ack","seq":2,"msgs":500}"#);
    script.sends(&["3.1"]);
    script.stands_at(2, 1);
    assert!(script.ingest.has_room());
}

#[test]
fn no_more_is_on_the_way_than_the_stream_grants() {
    let mut script = Script::begun(GapMode::Ok);
    script.adds(30);
    script.sends_range(2, 10);
    script.says(10, acked(10));
    script.stands_at(10, 21);
    script.sends_range(11, 20);
    // It grants less.
    script.says(11, acked(11));
    script.sends(&[]);
    script.stands_at(11, 20);
}

#[test]
fn the_end_is_sent_behind_the_last_message_and_answers_for_all() {
    let mut script = Script::begun(GapMode::Fail);
    script.adds(2);
    script.ingest.finish();
    script.sends(&["2.1", "3.1", "4.3"]);
    assert!(script.ingest.is_waiting() && !script.ingest.has_room());
    script.says(4, &done(3));
    script.stands_at(3, 0);
    assert!(script.ingest.is_ended() && !script.ingest.is_waiting());
    assert_eq!(script.ingest.last_ack().unwrap().sequence, 3);
    script.fails(&[]);

    let mut empty = Script::with(IngestOptions::default());
    empty.ingest.finish();
    empty.sends(&[]);
    assert!(empty.ingest.is_ended());
}

#[test]
fn a_flush_ends_the_batch_and_the_next_message_begins_another() {
    let mut script = Script::begun(GapMode::Fail);
    script.adds(1);
    script.ingest.flush();
    assert!(!script.ingest.is_flushed());
    script.sends(&["2.1", "3.3"]);
    script.says(3, &done(2));
    script.stands_at(2, 0);
    assert!(script.ingest.is_flushed() && script.ingest.has_room() && !script.ingest.is_ended());
    script.ingest.flush();
    assert!(script.ingest.is_flushed(), "there is nothing to ask about");
    script.adds(1);
    script.sends(&["1.0"]);
    script.says(1, r#"{"type":"ack","seq":0,"msgs":10}"#);
    script.ingest.finish();
    script.sends(&["2.3"]);
    script.says(2, &done(1));
    assert!(script.ingest.is_ended());
    script.stands_at(3, 0);
}

#[test]
fn an_end_that_is_lost_is_sent_again() {
    let mut script = Script::begun(GapMode::Ok);
    script.ingest.finish();
    script.sends(&["2.3"]);
    script.ingest.handle_reconnected();
    script.sends(&["2.4"]);
    script.says(2, r#"{"type":"gap","last_seq":2,"seq":3}"#);
    script.says(2, r#"{"type":"ack","seq":0,"msgs":10}"#);
    script.sends(&["3.3"]);
    script.says(3, &done(2));
    script.stands_at(1, 0);
    assert!(script.ingest.is_ended());
    script.fails(&[]);
}

#[test]
fn a_gap_that_ends_the_batch_begins_a_new_one_with_what_is_not_stored() {
    let mut script = Script::begun(GapMode::Fail);
    script.adds(5);
    script.ingest.finish();
    script.sends(&["2.1", "3.1", "4.1", "5.1", "6.1", "7.3"]);
    script.says(5, r#"{"type":"gap","last_seq":4,"seq":5}"#);
    script.says(5, &done(3));
    script.stands_at(3, 3);
    script.tells(&[IngestEvent::Gap { messages: 1 }, IngestEvent::Again { messages: 3 }]);
    script.says_in("b-1", 6, UNKNOWN);
    script.sends(&["1.0"]);
    script.says(1, r#"{"type":"ack","seq":0,"msgs":10}"#);
    script.sends(&["2.1", "3.1", "4.3"]);
    script.says(4, &done(3));
    script.stands_at(6, 0);
    assert!(script.ingest.is_ended());
    script.fails(&[]);
}

#[test]
fn a_gap_that_is_allowed_makes_its_messages_failures() {
    let mut script = Script::begun(GapMode::Ok);
    script.adds(5);
    script.sends_range(2, 6);
    script.says(5, r#"{"type":"gap","last_seq":3,"seq":5}"#);
    script.fails(&[(2, IngestFault::Lost), (3, IngestFault::Lost)]);
    script.ingest.finish();
    script.sends(&["7.3"]);
    script.says(7, &done(6));
    script.stands_at(4, 0);
    assert!(script.ingest.is_ended());
}

#[test]
fn a_refused_message_is_a_failure_and_ends_the_batch_if_that_was_asked_for() {
    let refusal = IngestFault::Api(
        crate::jetstream::Error::new(400, ErrorCode::STREAM_WRONG_LAST_SEQUENCE, "wrong").into(),
    );
    let mut lenient = Script::begun(GapMode::Ok);
    lenient.adds(4);
    lenient.sends_range(2, 5);
    lenient.says(3, REFUSED_3);
    lenient.fails(&[(2, refusal.clone())]);
    lenient.tells(&[IngestEvent::Refused { number: 2 }]);
    lenient.ingest.finish();
    lenient.sends(&["6.3"]);
    lenient.says(6, &done(5));
    lenient.stands_at(4, 0);

    let mut strict = Script::begun(GapMode::Fail);
    strict.adds(4);
    strict.sends_range(2, 5);
    strict.says(3, REFUSED_3);
    strict.sends(&[]);
    strict.says(3, &done(2));
    strict.stands_at(2, 0);
    strict.fails(&[(2, refusal), (3, IngestFault::Ended), (4, IngestFault::Ended)]);
    assert!(strict.ingest.is_ended());
    let message = strict.ingest.control(IngestOperation::Ping, &mut String::new()).message;
    assert_eq!(strict.ingest.add(message), Err(IngestFault::Ended));
}

#[test]
fn a_stream_that_says_nothing_is_asked_and_given_up_in_the_end() {
    let mut script = Script::begun(GapMode::Fail);
    script.add(Some("id"));
    script.sends(&["2.1"]);
    for _ in 0..4 {
        script.ingest.handle_silence();
        script.sends(&["2.4"]);
    }
    script.ingest.handle_silence();
    // Only what has an id is sent again.
    script.fails(&[(0, IngestFault::Uncertain)]);
    script.sends(&["1.0"]);
    for _ in 0..3 {
        for _ in 0..5 {
            script.ingest.handle_silence();
            while script.ingest.poll_send(&mut script.reply).is_some() {}
        }
    }
    script.fails(&[(1, IngestFault::Silence)]);
    assert!(script.ingest.is_ended());
    script.ingest.handle_silence();
}

#[test]
fn a_word_of_the_stream_ends_the_silence() {
    let mut script = Script::begun(GapMode::Fail);
    script.adds(1);
    script.sends(&["2.1"]);
    for _ in 0..20 {
        script.ingest.handle_silence();
        script.sends(&["2.4"]);
        script.says(2, r#"{"type":"ack","seq":1,"msgs":10}"#);
    }
    script.stands_at(1, 1);
    script.fails(&[]);
}

#[test]
fn nobody_is_disturbed_while_nothing_waits() {
    let mut script = Script::begun(GapMode::Fail);
    script.says(1, r#"{"type":"ack","seq":1,"msgs":10}"#);
    for _ in 0..20 {
        script.ingest.handle_silence();
        script.ingest.handle_reconnected();
        script.sends(&[]);
    }
    assert!(script.ingest.has_room());
}

#[test]
fn a_new_connection_asks_how_far_the_stream_is() {
    let mut script = Script::begun(GapMode::Fail);
    script.adds(4);
    script.sends_range(2, 5);
    script.ingest.handle_reconnected();
    script.sends(&["5.4"]);
    script.tells(&[IngestEvent::Asked]);
    // Three of them are lost.
    script.says(5, r#"{"type":"gap","last_seq":3,"seq":6}"#);
    script.says(5, &done(2));
    script.sends(&["1.0"]);
    script.stands_at(2, 3);
    script.fails(&[]);
}

#[test]
fn a_batch_the_stream_forgot_leaves_open_what_came_before_the_refusal() {
    let mut script = Script::begun(GapMode::Fail);
    script.add(Some("id"));
    script.adds(2);
    script.sends_range(2, 4);
    script.says(4, UNKNOWN);
    script.fails(&[(0, IngestFault::Uncertain), (2, IngestFault::Uncertain)]);
    script.sends(&["1.0"]);
    script.stands_at(0, 2);
}

#[test]
fn a_batch_that_cannot_begin_tries_again_only_if_that_may_help() {
    let mut absent = Script::with(IngestOptions::default());
    absent.adds(1);
    for _ in 0..4 {
        absent.sends(&["1.0"]);
        absent.is_absent(1);
        absent.sends(&[]);
        absent.ingest.handle_silence();
    }
    absent.fails(&[(0, IngestFault::Api(ApiError::NoResponders))]);
    assert!(absent.ingest.is_ended());

    let mut off = Script::with(IngestOptions::default());
    off.adds(2);
    off.sends(&["1.0"]);
    off.says(1, r#"{"error":{"code":400,"err_code":10205,"description":"off"}}"#);
    let numbers: Vec<_> = off.ingest.take_failures().iter().map(|it| it.number).collect();
    assert_eq!(numbers, vec![0, 1]);
    assert!(off.ingest.is_ended());
}

#[test]
fn a_stream_that_is_gone_is_silent_though_each_question_is_answered() {
    let mut script = Script::begun(GapMode::Fail);
    script.adds(2);
    script.sends(&["2.1", "3.1"]);
    script.is_absent(3);
    for _ in 1..SILENCES_MAX {
        script.ingest.handle_silence();
        script.sends(&["3.4"]);
        script.is_absent(3);
    }
    script.ingest.handle_silence();
    let uncertain = |number| (number, IngestFault::Uncertain);
    script.fails(&[uncertain(0), uncertain(1), uncertain(2)]);
}

#[test]
fn what_could_not_be_sent_takes_no_number() {
    let mut script = Script::with(IngestOptions::default());
    script.adds(1);
    script.sends(&["1.0"]);
    assert_eq!(script.ingest.handle_unsent().unwrap().0, 0);
    script.adds(1);
    script.sends(&["1.0"]);
    script.says(1, r#"{"type":"ack","seq":0,"msgs":10}"#);
    script.adds(1);
    script.sends(&["2.1"]);
    assert_eq!(script.ingest.handle_unsent().unwrap().0, 2);
    script.adds(1);
    script.sends(&["2.1"]);
    script.stands_at(0, 2);
}

#[test]
fn answers_of_others_and_nonsense_change_nothing() {
    let mut script = Script::begun(GapMode::Fail);
    script.says_in("b-9", 1, &done(1));
    script.says_in("b", 1, &done(1));
    script.says(1, "nonsense");
    script.says(1, r#"{"type":"new"}"#);
    script.stands_at(0, 1);
    // Beyond what was sent.
    script.says(1, r#"{"type":"ack","seq":99,"msgs":0}"#);
    script.stands_at(1, 0);
}

#[test]
fn batches_that_end_again_and_again_without_a_message_are_given_up() {
    let mut script = Script::with(IngestOptions::default());
    script.adds(1);
    for _ in 0..4 {
        script.sends(&["1.0"]);
        script.says(1, &done(0));
    }
    script.fails(&[(0, IngestFault::Lost)]);
    assert!(script.ingest.is_ended());
}
