use super::{at, delivery, denial, status_to};
use crate::jetstream::consume::{Fetch, FetchEnd, Verdict};
use crate::jetstream::consumer::pull::BatchConfig;
use core::time::Duration;

fn fetch(batch: usize) -> Fetch {
    let config = BatchConfig {
        expires: Some(Duration::from_secs(10)),
        idle_heartbeat: Duration::from_secs(5),
        ..batch.into()
    };
    Fetch::new(at(0), config).unwrap()
}

#[test]
fn it_ends_with_its_last_message() {
    let mut fetch = fetch(2);
    assert_eq!(fetch.handle_message(at(1), &delivery("C", 1, 1)), Verdict::Deliver);
    assert_eq!(fetch.end_reason(), None);
    assert_eq!(fetch.handle_message(at(1), &delivery("C", 2, 2)), Verdict::Deliver);
    assert_eq!(fetch.end_reason(), Some(&FetchEnd::Complete));
    assert_eq!(fetch.poll_timeout(), None);
    let trailing = status_to(0, 409, "Batch Completed", Some((0, 5)));
    assert_eq!(fetch.handle_message(at(1), &trailing), Verdict::Consumed);
    assert_eq!(fetch.end_reason(), Some(&FetchEnd::Complete));
    assert_eq!(fetch.handle_message(at(1), &delivery("C", 3, 3)), Verdict::GiveBack);
}

#[test]
fn it_tells_by_which_status_it_ended_and_whether_that_is_ordinary() {
    for (code, text, ordinary) in [
        (404, "No Messages", true),
        (408, "Request Timeout", true),
        (408, "Requests Pending", true),
        (409, "Message Size Exceeds MaxBytes", true),
        (400, "Bad Request - x", false),
        (409, "Exceeded MaxWaiting", false),
        (409, "Consumer Deleted", false),
        (409, "Leadership Change", false),
        (423, "Nats-Pin-Id mismatch", false),
        (503, "", false),
        (555, "New", false),
    ] {
        let mut fetch = fetch(2);
        assert_eq!(fetch.handle_message(at(1), &delivery("C", 1, 1)), Verdict::Deliver);
        let status = status_to(0, code, text, None);
        assert_eq!(fetch.handle_message(at(1), &status), Verdict::Consumed);
        let end = fetch.end_reason().unwrap();
        assert!(matches!(end, FetchEnd::Status(_)), "{text}: {end:?}");
        assert_eq!(end.is_ordinary(), ordinary, "{text}");
    }
}

#[test]
fn heartbeats_keep_it_alive_and_their_absence_ends_it() {
    let mut silent = fetch(1);
    assert_eq!(silent.poll_timeout(), Some(at(10)));
    silent.handle_timeout(at(9));
    assert_eq!(silent.end_reason(), None);
    silent.handle_timeout(at(10));
    assert_eq!(silent.end_reason(), Some(&FetchEnd::Silence));

    let mut alive = fetch(1);
    let heartbeat = status_to(0, 100, "Idle Heartbeat", None);
    assert_eq!(alive.handle_message(at(9), &heartbeat), Verdict::Consumed);
    // The time of the pull, and some for its last answer to come.
    assert_eq!(alive.poll_timeout(), Some(at(15)));
}

#[test]
fn nothing_waits_for_ever_unless_it_is_meant_to() {
    let no_wait = BatchConfig { no_wait: true, ..1.into() };
    assert_eq!(Fetch::new(at(0), no_wait).unwrap().poll_timeout(), Some(at(5)));
    assert_eq!(Fetch::new(at(0), 1.into()).unwrap().poll_timeout(), None);
}

#[test]
fn a_lost_connection_or_a_stop_ends_it() {
    let mut lost = fetch(1);
    lost.handle_disconnected();
    lost.stop();
    assert_eq!(lost.end_reason(), Some(&FetchEnd::Disconnected));
    let mut stopped = fetch(1);
    stopped.stop();
    assert_eq!(stopped.end_reason(), Some(&FetchEnd::Stopped));
}

#[test]
fn one_begun_without_a_connection_waits_for_one_no_longer_than_it_may_take() {
    let mut offline = fetch(1);
    offline.handle_kept();
    // No heartbeats come where nobody is.
    assert_eq!(offline.poll_timeout(), Some(at(15)));
    offline.handle_disconnected();
    assert_eq!(offline.end_reason(), None);
    offline.handle_timeout(at(15));
    assert_eq!(offline.end_reason(), Some(&FetchEnd::Disconnected));

    let mut late = fetch(1);
    late.handle_kept();
    late.handle_reconnected(at(14));
    assert_eq!(late.poll_timeout(), Some(at(24)), "two heartbeats from then on");
    late.handle_reconnected(at(20));
    assert_eq!(late.poll_timeout(), Some(at(24)), "its time begins once");
    late.handle_timeout(at(24));
    assert_eq!(late.end_reason(), Some(&FetchEnd::Silence));

    // A message can come before anybody says that there is a connection.
    let mut lost = fetch(2);
    lost.handle_kept();
    assert_eq!(lost.handle_message(at(3), &delivery("C", 1, 1)), Verdict::Deliver);
    lost.handle_disconnected();
    assert_eq!(lost.end_reason(), Some(&FetchEnd::Disconnected));
}

#[test]
fn a_pull_that_is_denied_ends_it_with_the_words_of_the_server() {
    let mut fetch = fetch(1);
    fetch.handle_denied(denial());
    assert_eq!(fetch.end_reason(), Some(&FetchEnd::Denied(denial())));
    assert!(!FetchEnd::Denied(denial()).is_ordinary());
    assert_eq!(fetch.poll_timeout(), None);
}
