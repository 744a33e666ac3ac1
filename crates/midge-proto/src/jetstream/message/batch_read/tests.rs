//! Scripts of reads: what is asked, what comes, and how it ends.

use super::*;
use crate::jetstream::StreamName;
use crate::jetstream::test_messages::{status_with, wire, with_headers};
use alloc::format;
use alloc::string::ToString;
use alloc::vec;

struct Script {
    read: BatchRead,
    token: u64,
}

impl Script {
    fn of(request: BatchGetRequest) -> Self {
        Self { read: BatchRead::new(request), token: 0 }
    }

    fn name() -> StreamName {
        StreamName::new("S").unwrap()
    }

    /// A page is asked for, with this body.
    #[track_caller]
    fn asks(&mut self, body: &str) {
        let Some(BatchReadAction::Ask { token, request }) = self.read.poll_action() else {
            panic!("nothing is asked: {:?}", self.read)
        };
        assert!(token > self.token);
        self.token = token;
        assert_eq!(wire(&request).1, body);
        assert!(self.read.poll_action().is_none());
    }

    #[track_caller]
    fn lists(&mut self, wanted: &[&str]) {
        let Some(BatchReadAction::ListSubjects { filters }) = self.read.poll_action() else {
            panic!("nothing is listed: {:?}", self.read)
        };
        assert_eq!(filters, wanted);
    }

    fn told(&mut self, mut message: Message) -> Option<StreamMessage> {
        message.subject = format!("_INBOX.x.{}", self.token).into();
        self.read.handle_message(&message)
    }

    fn message(&mut self, sequence: u64, before: u64) -> Option<u64> {
        let (sequence, before) = (sequence.to_string(), before.to_string());
        let message = with_headers(
            "x",
            &[
                ("Nats-Subject", "a"),
                ("Nats-Sequence", &sequence),
                ("Nats-Time-Stamp", "2026-01-02T03:04:05Z"),
                ("Nats-Num-Pending", "1"),
                ("Nats-Last-Sequence", &before),
            ],
        );
        self.told(message).map(|message| message.sequence)
    }

    #[track_caller]
    fn delivers(&mut self, sequences: &[u64]) {
        let mut before = 0;
        for sequence in sequences {
            assert_eq!(self.message(*sequence, before), Some(*sequence));
            before = *sequence;
        }
    }

    fn page_ends(&mut self, last: u64, pending: u64, up_to: Option<u64>) {
        let (last, pending) = (last.to_string(), pending.to_string());
        let up_to = up_to.map(|up_to| up_to.to_string());
        let mut headers = vec![("Nats-Last-Sequence", &*last), ("Nats-Num-Pending", &*pending)];
        headers.extend(up_to.as_deref().map(|up_to| ("Nats-UpTo-Sequence", up_to)));
        assert!(self.told(status_with(204, Some("EOB"), &headers)).is_none());
    }

    fn refuses(&mut self, code: u16) {
        assert!(self.told(status_with(code, Some("why"), &[])).is_none());
    }

    #[track_caller]
    fn ends(&mut self, end: BatchReadEnd) {
        assert_eq!(self.read.end(), Some(&end));
        assert!(self.read.poll_action().is_none());
        assert_eq!(self.message(9999, 0), None);
    }
}

fn from_one(batch: usize) -> Script {
    Script::of(BatchGetRequest::from_sequence(Script::name(), batch, 1))
}

fn last_of(subjects: &[&str]) -> BatchGetRequest {
    BatchGetRequest::last_by_subjects(Script::name(), subjects.iter().copied())
}

#[test]
fn pages_follow_each_other_until_there_is_enough() {
    let mut script = from_one(5000);
    script.asks(r#"{"batch":4096,"seq":1,"max_bytes":4194304}"#);
    script.delivers(&[3, 4, 9]);
    script.page_ends(9, 7, None);
    script.asks(r#"{"batch":4096,"seq":10,"max_bytes":4194304}"#);
    for sequence in 10..5007 {
        script.message(sequence, if sequence == 10 { 0 } else { sequence - 1 }).unwrap();
    }
    script.page_ends(5006, 3, None);
    script.ends(BatchReadEnd::Complete);
}

#[test]
fn a_stream_without_more_ends_the_read() {
    let mut script = from_one(10);
    script.asks(r#"{"batch":10,"seq":1,"max_bytes":4194304}"#);
    script.delivers(&[1, 2]);
    script.page_ends(2, 0, None);
    script.ends(BatchReadEnd::NoMore);

    let mut empty = from_one(10);
    empty.read.poll_action();
    empty.token = 1;
    empty.refuses(404);
    empty.ends(BatchReadEnd::NoMore);

    from_one(0).ends(BatchReadEnd::Complete);
}

#[test]
fn bytes_limit_the_whole_read() {
    let request = BatchGetRequest::from_sequence(Script::name(), 10, 1).max_bytes(99);
    let mut script = Script::of(request);
    script.asks(r#"{"batch":10,"seq":1,"max_bytes":99}"#);
    script.delivers(&[1]);
    script.page_ends(1, 4, None);
    script.ends(BatchReadEnd::MaxBytes { pending: 4 });
}

#[test]
fn what_did_not_come_is_asked_for_again() {
    let mut script = from_one(10);
    script.asks(r#"{"batch":10,"seq":1,"max_bytes":4194304}"#);
    script.delivers(&[1, 2]);
    assert_eq!(script.message(4, 3), None, "3 is missing");
    assert_eq!(script.message(5, 4), None, "an answer to the page that was given up");
    script.asks(r#"{"batch":8,"seq":3,"max_bytes":4194304}"#);
    script.delivers(&[3, 4]);
    script.page_ends(5, 0, None);
    script.asks(r#"{"batch":6,"seq":5,"max_bytes":4194304}"#);
    script.delivers(&[5]);
    script.page_ends(5, 0, None);
    script.ends(BatchReadEnd::NoMore);
}

#[test]
fn silence_and_lost_connections_are_survived_a_few_times() {
    let mut script = from_one(10);
    script.asks(r#"{"batch":10,"seq":1,"max_bytes":4194304}"#);
    script.delivers(&[1]);
    script.read.handle_disconnected();
    script.asks(r#"{"batch":9,"seq":2,"max_bytes":4194304}"#);
    script.read.handle_silence();
    script.asks(r#"{"batch":9,"seq":2,"max_bytes":4194304}"#);
    script.delivers(&[2]);
    for _ in 0..3 {
        script.read.handle_silence();
        script.asks(r#"{"batch":8,"seq":3,"max_bytes":4194304}"#);
    }
    script.read.handle_silence();
    script.ends(BatchReadEnd::Failed(BatchReadFault::Silence));
    script.read.handle_disconnected();
    script.ends(BatchReadEnd::Failed(BatchReadFault::Silence));
}

#[test]
fn a_lost_end_after_the_last_message_asks_for_nothing() {
    let mut script = from_one(2);
    script.asks(r#"{"batch":2,"seq":1,"max_bytes":4194304}"#);
    script.delivers(&[1, 2]);
    script.read.handle_disconnected();
    script.ends(BatchReadEnd::Complete);
}

#[test]
fn refusals_end_the_read() {
    for code in [408, 412, 500, 503] {
        let mut script = from_one(2);
        script.asks(r#"{"batch":2,"seq":1,"max_bytes":4194304}"#);
        script.refuses(code);
        let Some(BatchReadEnd::Failed(BatchReadFault::Api(_))) = script.read.end() else {
            panic!("{code}: {:?}", script.read)
        };
    }
}

#[test]
fn an_old_server_that_knows_no_batches_is_found_out() {
    let mut script = from_one(2);
    script.asks(r#"{"batch":2,"seq":1,"max_bytes":4194304}"#);
    let alone = [
        ("Nats-Subject", "a"),
        ("Nats-Sequence", "1"),
        ("Nats-Time-Stamp", "2026-01-02T03:04:05Z"),
    ];
    assert!(script.told(with_headers("x", &alone)).is_none());
    let Some(BatchReadEnd::Failed(BatchReadFault::Api(ApiError::Malformed(_)))) = script.read.end()
    else {
        panic!("{:?}", script.read)
    };
}

#[test]
fn pages_of_last_messages_are_of_one_moment() {
    let mut script = Script::of(last_of(&["a.*"]));
    script.asks(r#"{"multi_last":["a.*"],"max_bytes":4194304}"#);
    script.delivers(&[5, 8]);
    script.page_ends(8, 1, Some(20));
    script.asks(r#"{"seq":9,"multi_last":["a.*"],"up_to_seq":20,"max_bytes":4194304}"#);
    script.delivers(&[11]);
    script.page_ends(11, 0, Some(20));
    script.ends(BatchReadEnd::NoMore);
}

#[test]
fn last_messages_of_too_many_subjects_are_read_by_their_names() {
    let mut script = Script::of(last_of(&["a.*"]));
    script.asks(r#"{"multi_last":["a.*"],"max_bytes":4194304}"#);
    script.refuses(413);
    script.lists(&["a.*"]);
    let subjects: Vec<_> = (0..1500).map(|number| format!("a.{number}")).collect();
    script.read.handle_subjects(70, subjects.clone());
    let body = |part: &[String]| {
        let names = part.join("\",\"");
        format!(r#"{{"multi_last":["{names}"],"up_to_seq":70,"max_bytes":4194304}}"#)
    };
    script.asks(&body(&subjects[..1024]));
    script.delivers(&[40, 41]);
    script.page_ends(41, 0, Some(70));
    script.asks(&body(&subjects[1024..]));
    script.delivers(&[7]);
    script.page_ends(7, 0, Some(70));
    script.ends(BatchReadEnd::NoMore);
}

#[test]
fn many_subjects_by_name_have_one_moment_too() {
    let subjects: Vec<_> = (0..1025).map(|number| format!("a.{number}")).collect();
    let names: Vec<_> = subjects.iter().map(String::as_str).collect();
    let mut script = Script::of(last_of(&names));
    script.lists(&[]);
    script.read.handle_subjects(9, Vec::new());
    let first = subjects[..1024].join("\",\"");
    script.asks(&format!(r#"{{"multi_last":["{first}"],"up_to_seq":9,"max_bytes":4194304}}"#));
    script.refuses(404);
    script.asks(r#"{"multi_last":["a.1024"],"up_to_seq":9,"max_bytes":4194304}"#);
    script.delivers(&[3]);
    script.page_ends(3, 0, Some(9));
    script.ends(BatchReadEnd::NoMore);

    let mut unlisted = Script::of(last_of(&names));
    unlisted.lists(&[]);
    unlisted.read.handle_failure();
    assert!(unlisted.read.end().is_some());
}

#[test]
fn the_last_messages_of_no_subjects_are_none() {
    for (request, end) in [
        (last_of(&[]), BatchReadEnd::Complete),
        (last_of(&[]).batch(10), BatchReadEnd::NoMore),
        (last_of(&[]).batch(10).up_to_sequence(5), BatchReadEnd::NoMore),
    ] {
        let mut script = Script::of(request);
        assert!(script.read.poll_action().is_none());
        assert_eq!(script.read.end(), Some(&end));
    }
}
