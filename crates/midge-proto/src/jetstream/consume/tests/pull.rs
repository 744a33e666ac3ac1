use super::{at, delivery, denial, status_to};
use crate::jetstream::consume::{Pull, PullEnd, PullEvent, PullOptions, Verdict};
use crate::jetstream::consumer::{self, PriorityPolicy};
use crate::jetstream::test_messages::with_headers;
use crate::jetstream::{InvalidConfig, Status, StatusClass};
use crate::message::Message;
use crate::time::Instant;
use core::time::Duration;

struct Script {
    pull: Pull,
    now: Instant,
    token: u64,
}

impl Script {
    fn new(options: PullOptions) -> Self {
        Self { pull: Pull::new(at(0), options).unwrap(), now: at(0), token: 0 }
    }

    fn of(max_messages: usize) -> Self {
        Self::new(PullOptions { max_messages, ..PullOptions::default() })
    }

    /// The next pull must be for so many messages.
    #[track_caller]
    fn expect_pull(&mut self, batch: usize) {
        let request = self.pull.poll_action().expect("a pull");
        assert_eq!(request.config.batch, batch);
        self.token = request.token;
    }

    #[track_caller]
    fn expect_no_pull(&mut self) {
        assert_eq!(self.pull.poll_action(), None);
    }

    fn deliver(&mut self, count: u64) {
        for _ in 0..count {
            let verdict = self.pull.handle_message(self.now, &delivery("C", 1, 1));
            assert_eq!(verdict, Verdict::Deliver);
        }
    }

    fn status(&mut self, code: u16, text: &str, left: Option<(i64, i64)>) {
        let message = status_to(self.token, code, text, left);
        assert_eq!(self.pull.handle_message(self.now, &message), Verdict::Consumed);
    }

    fn take(&mut self, count: u64) {
        self.pull.handle_taken(self.now, count, count * 10);
    }

    /// The machine wants to be woken then, and is.
    #[track_caller]
    fn wake_at(&mut self, expected: Instant) {
        assert_eq!(self.pull.poll_timeout(), Some(expected));
        self.pull.handle_timeout(Instant::from_nanos(expected.as_nanos() - 1));
        self.expect_no_pull();
        self.now = expected;
        self.pull.handle_timeout(expected);
    }

    #[track_caller]
    fn expect_trouble(&mut self, class: StatusClass, expected: Duration) {
        let Some(PullEvent::Trouble { status, delay }) = self.pull.poll_event() else { panic!() };
        assert_eq!((status.class(), delay), (class, expected));
    }
}

#[test]
fn more_is_asked_for_when_half_is_read_and_only_what_is_missing() {
    let mut t = Script::of(10);
    t.expect_pull(10);
    t.deliver(10);
    t.expect_no_pull();
    t.take(4);
    t.expect_no_pull();
    t.take(1);
    t.expect_pull(5);
    t.deliver(2);
    t.take(7);
    t.expect_pull(7);
    assert_eq!((t.pull.requested_messages(), t.pull.buffered_messages()), (10, 0));
}

#[test]
fn a_reader_that_does_not_read_is_not_pulled_for() {
    let mut t = Script::of(10);
    t.expect_pull(10);
    t.deliver(10);
    assert_eq!(t.pull.poll_timeout(), None, "nothing is awaited");
    t.status(408, "Request Timeout", Some((0, 0)));
    t.expect_no_pull();
}

#[test]
fn a_pull_that_ends_is_followed_by_one_for_what_it_did_not_get() {
    for (code, text) in [(408, "Request Timeout"), (409, "Batch Completed")] {
        let mut t = Script::of(10);
        t.expect_pull(10);
        t.deliver(3);
        t.status(code, text, Some((7, 0)));
        t.expect_pull(7);
        assert_eq!(t.pull.poll_event(), None, "{text}");
    }
    // Old servers do not say what is left.
    let mut t = Script::of(10);
    t.expect_pull(10);
    t.status(404, "No Messages", None);
    t.expect_pull(10);
}

#[test]
fn a_pull_counts_below_zero_without_harm() {
    let mut t = Script::new(PullOptions { max_messages: 10, max_bytes: 100, ..Default::default() });
    t.expect_pull(10);
    t.deliver(5);
    t.status(409, "Batch Completed", Some((-1, 0)));
    assert_eq!(t.pull.requested_messages(), 5);
}

#[test]
fn a_server_that_counts_too_much_does_not_stop_the_watch_over_the_next_pull() {
    let mut t = Script::of(10);
    t.expect_pull(10);
    t.status(408, "Request Timeout", Some((1000, 1)));
    t.status(408, "Request Timeout", Some((1000, 1)));
    t.expect_pull(10);
    assert_eq!(t.pull.requested_messages(), 10);
    assert!(t.pull.poll_timeout().is_some(), "an answer is waited for");
}

#[test]
fn bytes_are_a_limit_of_their_own() {
    let options = PullOptions { max_messages: 0, max_bytes: 100, ..PullOptions::default() };
    let mut t = Script::new(options);
    let request = t.pull.poll_action().unwrap();
    assert_eq!((request.config.batch, request.config.max_bytes), (1_000_000, 100));
    t.token = request.token;
    t.deliver(9);
    t.status(409, "Message Size Exceeds MaxBytes", Some((999_991, 10)));
    t.expect_no_pull();
    t.take(5);
    assert_eq!(t.pull.poll_action().unwrap().config.max_bytes, 60);
}

#[test]
fn a_message_that_does_not_fit_waits_for_room_and_is_no_endless_loop() {
    let options = PullOptions { max_bytes: 100, ..PullOptions::default() };
    let mut t = Script::new(options);
    t.expect_pull(500);
    t.deliver(4);
    t.take(1);
    t.status(409, "Message Size Exceeds MaxBytes", Some((496, 60)));
    let next = t.pull.poll_action().unwrap();
    assert_eq!(next.config.max_bytes, 70);
    t.status(409, "Message Size Exceeds MaxBytes", Some((497, 70)));
    t.expect_no_pull();
    t.take(3);
    assert_eq!(t.pull.poll_action().unwrap().config.max_bytes, 100);
    // It does not even fit alone.
    t.status(409, "Message Size Exceeds MaxBytes", Some((500, 100)));
    t.expect_no_pull();
    t.expect_trouble(StatusClass::Ended, Duration::from_millis(100));
    assert!(t.pull.poll_timeout().is_some());
}

#[test]
fn a_message_that_fits_a_whole_pull_but_not_the_rest_of_one_is_no_trouble() {
    let options = PullOptions { max_bytes: 100, ..PullOptions::default() };
    let mut t = Script::new(options);
    t.expect_pull(500);
    t.deliver(6);
    t.take(6);
    // What is left of the first pull, and another for what is missing.
    assert_eq!(t.pull.poll_action().unwrap().config.max_bytes, 60);
    t.status(409, "Message Size Exceeds MaxBytes", Some((494, 40)));
    t.expect_no_pull();
    assert!(t.pull.poll_timeout().is_some(), "the second one waits at the server");
    t.status(409, "Message Size Exceeds MaxBytes", Some((6, 60)));
    assert_eq!(t.pull.poll_action().unwrap().config.max_bytes, 100, "at once");
    assert_eq!(t.pull.poll_event(), None);
    t.deliver(1);
    t.take(1);

    // The same where the second pull just runs out of time.
    let mut t = Script::new(PullOptions { max_bytes: 100, ..PullOptions::default() });
    t.expect_pull(500);
    t.deliver(6);
    t.take(6);
    assert_eq!(t.pull.poll_action().unwrap().config.max_bytes, 60);
    t.status(409, "Message Size Exceeds MaxBytes", Some((494, 40)));
    t.expect_no_pull();
    t.status(408, "Request Timeout", Some((6, 60)));
    assert_eq!(t.pull.poll_action().unwrap().config.max_bytes, 100);
}

#[test]
fn a_silent_server_is_asked_again_and_its_late_answers_do_not_count() {
    let mut t = Script::of(10);
    t.expect_pull(10);
    let old = t.token;
    t.now = at(20);
    t.status(100, "Idle Heartbeat", None);
    t.wake_at(at(50));
    assert_eq!(t.pull.poll_event(), Some(PullEvent::MissedHeartbeat));
    t.expect_pull(10);
    assert_ne!(t.token, old);
    let late = status_to(old, 408, "Request Timeout", Some((10, 0)));
    assert_eq!(t.pull.handle_message(t.now, &late), Verdict::Consumed);
    assert_eq!(t.pull.requested_messages(), 10);
    t.expect_no_pull();
}

#[test]
fn without_heartbeats_the_time_of_the_pull_is_watched() {
    let options = PullOptions { heartbeat: Duration::ZERO, ..PullOptions::default() };
    let mut t = Script::new(options);
    t.expect_pull(500);
    t.wake_at(at(35));
    t.expect_pull(500);
}

#[test]
fn what_passes_by_itself_is_waited_for_longer_and_longer() {
    for (code, text, class) in [
        (409, "Exceeded MaxWaiting", StatusClass::Busy),
        (409, "Leadership Change", StatusClass::Interrupted),
        (409, "Server Shutdown", StatusClass::Interrupted),
        (503, "", StatusClass::Absent),
        (499, "What", StatusClass::Unknown),
        (408, "Interest Expired", StatusClass::Ended),
    ] {
        let mut t = Script::of(10);
        t.expect_pull(10);
        for delay in [100, 200, 400] {
            t.status(code, text, None);
            t.expect_no_pull();
            let delay = Duration::from_millis(delay);
            t.expect_trouble(class, delay);
            t.wake_at(t.now + delay);
            t.expect_pull(10);
        }
        t.deliver(1);
        t.status(code, text, None);
        t.expect_trouble(class, Duration::from_millis(100));
    }
}

#[test]
fn a_consumer_that_is_gone_ends_the_reading_with_the_reason() {
    for (code, text) in [
        (409, "Consumer Deleted"),
        (409, "Consumer is push based"),
        (400, "Bad Request - x"),
        (412, "Required Api Level"),
        (409, "Exceeded MaxRequestBatch of x"),
        (409, "Exceeded MaxRequestBatch of 10"),
    ] {
        let mut t = Script::of(10);
        t.expect_pull(10);
        t.deliver(1);
        t.status(code, text, None);
        assert!(matches!(t.pull.end_reason(), Some(PullEnd::Refused(_))), "{text}");
        t.take(1);
        t.expect_no_pull();
        assert_eq!(t.pull.poll_timeout(), None);
        t.pull.handle_reconnected(t.now);
        t.expect_no_pull();
        let late = t.pull.handle_message(t.now, &delivery("C", 2, 2));
        assert_eq!(late, Verdict::GiveBack);
    }
}

#[test]
fn a_limit_that_the_server_names_is_kept_from_then_on() {
    let mut t = Script::of(10);
    t.expect_pull(10);
    t.status(409, "Exceeded MaxRequestBatch of 4", None);
    assert!(matches!(t.pull.poll_event(), Some(PullEvent::Limited(Status::ExceededLimit { .. }))));
    t.expect_pull(4);
    t.status(409, "Exceeded MaxRequestExpires of 2s", None);
    let request = t.pull.poll_action().unwrap();
    assert_eq!(request.config.expires, Some(Duration::from_secs(2)));
    assert_eq!(request.config.idle_heartbeat, Duration::from_secs(1));
    t.token = request.token;
    t.status(409, "Exceeded MaxRequestMaxBytes of 99", None);
    assert_eq!(t.pull.poll_action().unwrap().config.max_bytes, 99);
}

#[test]
fn the_limits_of_the_consumer_are_kept_from_the_beginning() {
    let consumer = consumer::Config {
        max_batch: 3,
        max_bytes: 40,
        max_expires: Duration::from_secs(4),
        ..consumer::Config::default()
    };
    let options = PullOptions::default().limited_by(&consumer);
    let expected = PullOptions {
        max_messages: 3,
        max_bytes: 40,
        expires: Duration::from_secs(4),
        heartbeat: Duration::from_secs(2),
        ..PullOptions::default()
    };
    assert_eq!(options, expected);
    let unlimited = PullOptions::default().limited_by(&consumer::Config::default());
    assert_eq!(unlimited, PullOptions::default());
}

#[test]
fn a_pinned_client_pulls_twice_in_the_time_after_which_it_would_lose_the_pin() {
    let seconds = Duration::from_secs;
    for (policy, timeout, expires, heartbeat) in [
        (PriorityPolicy::PinnedClient, 6, 3, 1500),
        (PriorityPolicy::PinnedClient, 120, 30, 15_000),
        (PriorityPolicy::PinnedClient, 0, 30, 15_000),
        (PriorityPolicy::Overflow, 6, 30, 15_000),
    ] {
        let consumer = consumer::Config {
            priority_policy: policy,
            priority_timeout: seconds(timeout),
            ..consumer::Config::default()
        };
        let options = PullOptions::default().limited_by(&consumer);
        let expected = (seconds(expires), Duration::from_millis(heartbeat));
        assert_eq!((options.expires, options.heartbeat), expected, "{policy} {timeout}");
    }
}

#[test]
fn after_a_reconnect_there_is_a_pull_at_once_for_all_there_is_room_for() {
    let mut t = Script::of(10);
    t.expect_pull(10);
    t.deliver(4);
    t.pull.handle_disconnected();
    assert_eq!(t.pull.poll_timeout(), None);
    t.take(4);
    t.expect_no_pull();
    t.deliver(1);
    t.pull.handle_reconnected(at(100));
    t.expect_pull(9);
    // While it waits, too.
    t.status(503, "", None);
    t.pull.handle_reconnected(at(101));
    t.expect_pull(9);
}

#[test]
fn a_pin_is_kept_until_the_server_refuses_it() {
    let options = PullOptions { group: Some("A".into()), max_messages: 2, ..Default::default() };
    let mut t = Script::new(options);
    let first = t.pull.poll_action().unwrap();
    assert_eq!((first.config.group.as_deref(), first.config.id), (Some("A"), None));
    t.token = first.token;
    let pinned =
        Message { reply: delivery("C", 1, 1).reply, ..with_headers("", &[("Nats-Pin-Id", "p1")]) };
    assert_eq!(t.pull.handle_message(t.now, &pinned), Verdict::Deliver);
    assert_eq!(t.pull.poll_event(), Some(PullEvent::Pinned("p1".into())));
    t.take(1);
    assert_eq!(t.pull.poll_action().unwrap().config.id.as_deref(), Some("p1"));
    t.status(423, "Nats-Pin-Id mismatch", None);
    assert_eq!(t.pull.poll_event(), Some(PullEvent::Unpinned));
    assert_eq!(t.pull.pin(), None);
    t.wake_at(t.now + Duration::from_millis(100));
    assert_eq!(t.pull.poll_action().unwrap().config.id, None);
}

#[test]
fn it_stops_after_so_many_messages_and_asks_for_no_more() {
    let mut t = Script::new(PullOptions { stop_after: Some(12), ..options_of(10) });
    t.expect_pull(10);
    t.deliver(10);
    t.take(5);
    t.expect_pull(2);
    t.deliver(2);
    let more = t.pull.handle_message(t.now, &delivery("C", 13, 13));
    assert_eq!(more, Verdict::GiveBack);
    t.take(6);
    t.expect_no_pull();
    assert_eq!(t.pull.end_reason(), None, "one message is not read yet");
    t.take(1);
    assert_eq!(t.pull.end_reason(), Some(&PullEnd::Complete));
}

fn options_of(max_messages: usize) -> PullOptions {
    PullOptions { max_messages, ..PullOptions::default() }
}

#[test]
fn a_drain_lets_the_buffer_be_read_and_a_stop_does_not() {
    let mut t = Script::of(10);
    t.expect_pull(10);
    t.deliver(2);
    t.pull.drain();
    t.take(1);
    assert_eq!(t.pull.end_reason(), None);
    t.take(1);
    assert_eq!(t.pull.end_reason(), Some(&PullEnd::Stopped));

    let mut t = Script::of(10);
    t.deliver(2);
    t.pull.stop();
    assert_eq!(t.pull.end_reason(), Some(&PullEnd::Stopped));
    t.expect_no_pull();

    let mut t = Script::of(10);
    t.pull.drain();
    assert_eq!(t.pull.end_reason(), Some(&PullEnd::Stopped), "there is nothing to wait for");
}

#[test]
fn options_that_are_none_are_refused_with_the_reason() {
    let defaults = PullOptions::default;
    let heartbeat = PullOptions { heartbeat: Duration::from_secs(16), ..defaults() };
    let priority = PullOptions { priority: Some(10), ..defaults() };
    let endless = PullOptions { expires: Duration::ZERO, ..defaults() };
    let boundless = PullOptions { max_messages: 0, ..defaults() };
    let expires = Duration::from_secs(30);
    for (options, fault) in [
        (heartbeat, InvalidConfig::Heartbeat { heartbeat: Duration::from_secs(16), expires }),
        (priority, InvalidConfig::Priority(10)),
        (endless, InvalidConfig::NoExpiry),
        (boundless.clone(), InvalidConfig::NoLimit),
    ] {
        assert_eq!(Pull::new(at(0), options).unwrap_err(), fault);
    }
    let limited = consumer::Config { max_batch: 7, ..consumer::Config::default() };
    assert!(Pull::new(at(0), boundless.limited_by(&limited)).is_ok());
}

#[test]
fn time_in_which_nobody_looked_is_no_silence() {
    let mut script = Script::of(1);
    script.expect_pull(1);
    script.deliver(1);
    // The clock stands at the delivery while the next pull is sent, a minute later.
    script.take(1);
    script.expect_pull(1);
    assert_eq!(script.pull.poll_timeout(), Some(at(30)));
    script.now = at(60);
    script.pull.handle_resumed(at(60));
    script.pull.handle_timeout(at(60));
    assert_eq!(script.pull.poll_event(), None);
    script.pull.handle_resumed(at(10));
    script.wake_at(at(90));
    assert_eq!(script.pull.poll_event(), Some(PullEvent::MissedHeartbeat));
}

#[test]
fn a_pull_that_is_denied_is_told_and_sent_again_later_and_later() {
    let mut t = Script::of(10);
    t.expect_pull(10);
    for delay in [100, 200, 400] {
        t.pull.handle_denied(t.now, denial());
        let delay = Duration::from_millis(delay);
        let told = Some(PullEvent::Denied { error: denial(), delay });
        assert_eq!(t.pull.poll_event(), told);
        assert_eq!(t.pull.requested_messages(), 0);
        // Each of several pulls is denied.
        t.pull.handle_denied(t.now, denial());
        assert_eq!(t.pull.poll_event(), None);
        t.wake_at(t.now + delay);
        t.expect_pull(10);
    }
    assert_eq!(t.pull.end_reason(), None);
}
