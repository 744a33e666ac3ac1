use super::script::*;
use crate::outbox::Resend;

fn resending() -> Config {
    Config { resend: Resend::Yes, ..config(&["10.0.0.1"]) }
}

#[track_caller]
fn lose(t: &mut Script) {
    t.server_closes();
    t.expect_lost("the server closed the connection");
    t.expect_dial();
}

#[test]
fn what_no_pong_covers_goes_out_again_on_the_next_connection() {
    let mut t = Script::connected_with(resending());
    t.publish("a", "1");
    t.fence(1);
    t.publish("b", "2");
    t.server_sends("PONG\r\n");
    t.forget();
    lose(&mut t);
    assert_eq!((t.requeued.repeated, t.requeued.kept), (1, 0));
    t.handshake();
    t.expect_written("PUB b 1\r\n2\r\n");
}

#[test]
fn by_default_nothing_is_sent_twice() {
    let mut t = Script::connected();
    t.publish("a", "1");
    t.forget();
    lose(&mut t);
    assert_eq!((t.requeued.repeated, t.requeued.kept), (0, 0));
    t.handshake();
    t.expect_nothing();
}

#[test]
fn a_message_is_sent_again_until_a_connection_lives_long_enough() {
    let mut t = Script::connected_with(resending());
    t.publish("a", "1");
    for _ in 0..5 {
        t.expect_written("PUB a 1\r\n1\r\n");
        t.advance(secs(1));
        lose(&mut t);
        t.handshake();
    }
    t.advance(secs(1));
    t.fence(1);
    t.server_sends("PONG\r\n");
    t.forget();
    lose(&mut t);
    t.handshake();
    t.expect_nothing();
}

#[test]
fn what_ended_the_connection_is_not_sent_again() {
    for (error, offline) in [
        ("Maximum Payload Violation", "refused: server error: Maximum Payload Violation"),
        ("Unknown Protocol Operation", "offline: server error: Unknown Protocol Operation"),
        ("maximum control line exceeded", "offline: server error: maximum control line exceeded"),
    ] {
        let mut t = Script::connected_with(resending());
        t.publish("a", "1");
        t.forget();
        t.server_sends(&format!("-ERR '{error}'\r\n"));
        t.expect_hangup();
        t.expect_action(offline);
        t.expect_dial();
        t.handshake();
        t.expect_nothing();
    }
}

#[test]
fn a_ping_asks_for_a_proof_of_every_quarter_of_a_mebibyte() {
    let mut t = Script::connected_with(resending());
    let payload = "x".repeat(10_000);
    for _ in 0..100 {
        t.publish("a", &payload);
    }
    assert_eq!(t.written_pings(), 3);
    let mut t = Script::connected();
    for _ in 0..100 {
        t.publish("a", &payload);
    }
    assert_eq!(t.written_pings(), 0);
}

#[test]
fn no_more_is_written_than_may_be_kept_until_a_pong_comes() {
    let config = Config { unfenced_max: 1_000, ..resending() };
    let mut t = Script::connected_with(config);
    for _ in 0..10 {
        t.publish("a", &"x".repeat(490));
    }
    assert!(t.machine.is_ready() && !t.machine.takes_chunks());
    let queued = t.outbox.queued_bytes();
    assert!(queued > 3_000, "{queued}");
    t.forget();
    t.server_sends("PONG\r\n");
    assert!(t.outbox.queued_bytes() < queued);
}
