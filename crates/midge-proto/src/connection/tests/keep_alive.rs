use super::script::*;

#[test]
fn a_ping_goes_out_after_each_interval_and_a_pong_keeps_the_connection() {
    let mut t = Script::connected();
    for _ in 0..20 {
        t.advance(secs(59));
        t.expect_nothing();
        t.advance(secs(1));
        t.expect_written("PING\r\n");
        t.server_sends("PONG\r\n");
        t.expect_nothing();
    }
}

#[test]
fn a_silent_server_is_given_up_one_interval_after_the_last_allowed_ping() {
    let mut t = Script::connected();
    t.advance(secs(239));
    t.expect_written("PING\r\nPING\r\nPING\r\n");
    t.expect_nothing();
    t.advance(secs(1));
    t.expect_lost("the server does not answer PINGs");
    t.expect_dial();
}

#[test]
fn any_byte_is_a_sign_of_life() {
    let mut t = Script::connected();
    t.subscribe("a");
    for _ in 0..20 {
        t.advance(secs(100));
        t.server_sends("MSG a 1 1\r\n");
        t.server_sends("x\r\n");
    }
    assert!(t.machine.is_ready());
}

#[test]
fn a_server_ping_is_answered_before_queued_publishes() {
    let mut t = Script::connected();
    t.socket_takes(0);
    t.publish("a", "1");
    t.server_sends("PING\r\n");
    t.expect_written("PONG\r\n");
    t.socket_takes(usize::MAX);
    t.expect_written("PUB a 1\r\n1\r\n");
}

#[test]
fn no_interval_means_no_pings_and_no_wakeups() {
    let mut t =
        Script::connected_with(Config { ping_interval: Duration::ZERO, ..config(&["10.0.0.1"]) });
    assert_eq!(t.machine.poll_timeout(), None);
    t.advance(secs(100_000));
    t.expect_nothing();
    t.set_ping_interval(secs(1));
    t.advance(secs(1));
    t.expect_written("PING\r\n");
}

#[test]
fn pings_leave_time_for_something_else_however_short_their_interval() {
    let patience = Duration::ZERO;
    for keep_alive in [KeepAlive::Fixed, KeepAlive::Adaptive { patience }] {
        let ping_interval = Duration::from_nanos(1);
        let config =
            Config { ping_interval, keep_alive, max_pings_out: 9, ..config(&["10.0.0.1"]) };
        let mut t = Script::connected_with(config);
        for _ in 0..4 {
            let due = t.machine.poll_timeout().unwrap();
            t.machine.handle_timeout(due);
            let next = t.machine.poll_timeout().unwrap();
            assert_eq!(next - due, millis(1), "{keep_alive:?}");
            t.set_ping_interval(ping_interval);
        }
    }
}

#[test]
fn an_idle_connection_wakes_for_its_ping_and_nothing_else() {
    let mut t = Script::connected();
    let mut at = t.machine.poll_timeout().unwrap();
    let machine = &mut t.machine;
    machine.handle_timeout(at + millis(0));
    for _ in 0..2 {
        let next = machine.poll_timeout().unwrap();
        assert_eq!(next - at, secs(60));
        machine.handle_timeout(next);
        at = next;
    }
}

#[test]
fn while_reading_is_paused_silence_proves_nothing() {
    let mut t = Script::connected();
    t.reading_paused(true);
    t.advance(secs(60_000));
    t.expect_nothing();
    t.reading_paused(false);
    t.advance(secs(239));
    assert!(t.machine.is_ready());
    t.advance(secs(61));
    t.expect_written("PING\r\nPING\r\nPING\r\n");
    t.expect_lost("the server does not answer PINGs");
}

#[test]
fn a_socket_that_takes_nothing_for_too_long_is_given_up() {
    let mut t = Script::connected();
    t.writing(Writing::Blocked);
    t.advance(secs(20));
    t.writing(Writing::Blocked);
    t.advance(millis(9_999));
    t.expect_nothing();
    t.advance(millis(1));
    t.expect_lost("the socket takes no more bytes");
    t.expect_dial();
}

#[test]
fn a_socket_that_takes_a_byte_now_and_then_is_kept() {
    let mut t = Script::connected();
    for _ in 0..10 {
        t.writing(Writing::Blocked);
        t.advance(secs(29));
        t.writing(Writing::Progress);
        t.server_sends("PING\r\n");
    }
    assert!(t.machine.is_ready());
}

#[test]
fn a_server_that_asks_without_end_does_not_fill_the_memory() {
    let mut t = Script::connected();
    for _ in 0..12_000 {
        t.machine.handle_frame(Instant::ZERO, &Frame::Ping, b"");
    }
    let out = t.take_control();
    assert!(out.len() < 70_000, "{}", out.len());
    assert!(out.starts_with(b"PONG\r\nPONG\r\n") && out.ends_with(b"PONG\r\n"));
}

#[test]
fn round_trips_of_all_pings_are_measured() {
    let mut t = Script::connected();
    let before = t.machine.round_trips().count();
    t.advance(secs(60));
    t.advance(millis(250));
    t.server_sends("PONG\r\n");
    assert_eq!(t.machine.round_trips().count(), before + 1);
    assert_eq!(t.machine.round_trips().latest(), Some(millis(250)));
}

/// A minute of silence, PINGs as soon as two seconds apart.
fn adaptive() -> Script {
    let keep_alive = KeepAlive::Adaptive { patience: secs(2) };
    Script::connected_with(Config { keep_alive, ..config(&["10.0.0.1"]) })
}

#[test]
fn an_adaptive_ping_goes_out_only_when_nothing_was_heard_for_an_interval() {
    let mut t = adaptive();
    for _ in 0..10 {
        t.advance(secs(50));
        t.server_sends("PING\r\n");
        t.expect_written("PONG\r\n");
    }
    t.advance(secs(59));
    t.expect_nothing();
    t.advance(secs(1));
    t.expect_written("PING\r\n");
}

#[test]
fn an_adaptive_keep_alive_notices_a_dead_server_within_seconds_of_its_ping() {
    let mut t = adaptive();
    t.advance(secs(60));
    t.expect_written("PING\r\n");
    t.advance(secs(5));
    t.expect_written("PING\r\nPING\r\n");
    t.expect_nothing();
    t.advance(secs(1));
    t.expect_lost("the server does not answer PINGs");
    t.expect_dial();
}

#[test]
fn an_answer_in_time_starts_the_adaptive_interval_anew() {
    let mut t = adaptive();
    t.advance(secs(60));
    t.expect_written("PING\r\n");
    t.advance(secs(1));
    t.server_sends("PONG\r\n");
    t.advance(secs(59));
    t.expect_nothing();
    t.advance(secs(1));
    t.expect_written("PING\r\n");
}

#[test]
fn a_slow_server_is_given_eight_of_its_round_trips() {
    let mut t = adaptive();
    for number in 0..100 {
        t.fence(number);
        t.advance(secs(1));
        t.server_sends("PONG\r\n");
    }
    t.forget();
    t.advance(secs(60));
    t.expect_written("PING\r\n");
    t.advance(millis(7_900));
    t.expect_nothing();
    t.advance(millis(100));
    t.expect_written("PING\r\n");
}
