use super::script::*;
use crate::backoff::Backoff;

#[track_caller]
fn lose(t: &mut Script) {
    t.server_closes();
    t.expect_lost("the server closed the connection");
}

#[track_caller]
fn fail(t: &mut Script) {
    t.dial_fails("refused");
    t.expect_event("failed at dialing: refused");
    t.expect_hangup();
}

#[test]
fn a_lost_connection_is_made_again_at_once() {
    let mut t = Script::connected();
    lose(&mut t);
    assert_eq!(t.machine.phase(), Phase::Reconnecting);
    t.expect_action("dial 10.0.0.1:4222");
    t.expect_nothing();
    t.handshake();
    t.expect_nothing();
}

#[test]
fn every_server_of_a_round_is_tried_without_a_pause_and_a_pause_comes_before_the_next() {
    let mut t = Script::connected_with(config(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]));
    lose(&mut t);
    for address in ["10.0.0.1:4222", "10.0.0.2:4222", "10.0.0.3:4222"] {
        assert_eq!(t.expect_dial(), address);
        fail(&mut t);
    }
    t.expect_nothing();
    t.advance(millis(49));
    t.expect_nothing();
    t.advance(millis(51));
    t.expect_action("dial 10.0.0.1:4222");
    t.expect_nothing();
}

#[test]
fn pauses_double_up_to_their_maximum_and_a_success_starts_them_anew() {
    let delay = Delay::Backoff(Backoff::exponential(millis(100), secs(1)));
    let mut t = Script::connected_with(Config { delay, ..config(&["10.0.0.1"]) });
    for _ in 0..2 {
        lose(&mut t);
        t.expect_dial();
        fail(&mut t);
        for full in [100, 200, 400, 800, 1000, 1000, 1000] {
            t.advance(millis(full / 2 - 1));
            t.expect_nothing();
            t.advance(millis(full / 2 + 1));
            t.expect_dial();
            fail(&mut t);
        }
        t.advance(secs(1));
        t.expect_dial();
        t.handshake();
        t.advance(secs(1));
    }
}

#[test]
fn whoever_takes_connections_and_ends_them_at_once_is_asked_less_and_less_often() {
    let delay = Delay::Backoff(Backoff::exponential(millis(100), secs(1)));
    let mut t = Script::connected_with(Config { delay, ..config(&["10.0.0.1"]) });
    for _ in 0..2 {
        // One that has lasted, and the first that does not.
        t.advance(secs(1));
        for _ in 0..2 {
            lose(&mut t);
            t.expect_dial();
            t.handshake();
        }
        for full in [100, 200, 400, 800, 1000, 1000] {
            t.advance(millis(999));
            lose(&mut t);
            t.advance(millis(full / 2 - 1));
            t.expect_nothing();
            t.advance(millis(full / 2 + 1));
            t.expect_dial();
            t.handshake();
        }
    }
    // Whoever asks for another connection gets it.
    for _ in 0..3 {
        t.force_reconnect();
        t.expect_lost("a reconnect was asked for");
        t.expect_dial();
        t.handshake();
    }
}

#[test]
fn servers_are_shuffled_unless_they_are_to_be_kept_in_order() {
    let first = |seed| {
        let config =
            Config { order: Order::Random, ..config(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]) };
        let mut machine = Connection::new(config, [seed; 32], Instant::ZERO);
        format!("{:?}", machine.poll_action())
    };
    assert!((0..20).any(|seed| first(seed) != first(99)));
    assert_eq!(first(5), first(5));
}

#[test]
fn a_first_round_without_success_is_the_end_by_default() {
    let mut t = Script::new(config(&["10.0.0.1", "10.0.0.2"]));
    t.expect_action("dial 10.0.0.1:4222");
    fail(&mut t);
    t.expect_action("dial 10.0.0.2:4222");
    fail(&mut t);
    t.expect_action(
        "close: no server could be connected: nats://10.0.0.2:4222 (10.0.0.2:4222) failed at \
         dialing: refused",
    );
    t.expect_nothing();
    assert_eq!(t.machine.phase(), Phase::Closed);
    assert_eq!(t.machine.poll_timeout(), None);
}

#[test]
fn with_retry_the_first_connect_goes_on_for_ever_whatever_the_reconnect_limit() {
    let config = Config {
        first_connect: FirstConnect::Retry,
        reconnect: Reconnect::Limited(2),
        ..config(&["10.0.0.1"])
    };
    let mut t = Script::new(config);
    for _ in 0..20 {
        t.expect_dial();
        fail(&mut t);
        t.advance(secs(5));
    }
    assert_eq!(t.machine.phase(), Phase::Connecting);
    t.expect_dial();
    t.handshake();
}

#[test]
fn the_limit_of_attempts_counts_all_servers_since_the_last_success() {
    let config = Config { reconnect: Reconnect::Limited(3), ..config(&["10.0.0.1", "10.0.0.2"]) };
    let mut t = Script::connected_with(config);
    lose(&mut t);
    for _ in 0..2 {
        t.expect_dial();
        fail(&mut t);
    }
    t.wait_for_dial();
    t.handshake();
    lose(&mut t);
    for _ in 0..3 {
        t.wait_for_dial();
        fail(&mut t);
    }
    t.expect_action(
        "close: the limit of reconnect attempts is reached: nats://10.0.0.1:4222 (10.0.0.1:4222) \
         failed at dialing: refused",
    );
    t.expect_nothing();
}

#[test]
fn a_limit_of_no_attempts_ends_with_the_connection_and_goes_offline_once() {
    let config = Config { reconnect: Reconnect::Limited(0), ..config(&["10.0.0.1"]) };
    let mut t = Script::connected_with(config);
    lose(&mut t);
    t.expect_action("close: the limit of reconnect attempts is reached");
    t.expect_nothing();
}

#[test]
fn without_reconnecting_a_loss_is_the_end_and_is_told_once() {
    let mut t =
        Script::connected_with(Config { reconnect: Reconnect::Never, ..config(&["10.0.0.1"]) });
    lose(&mut t);
    t.expect_action("close: connection lost: the server closed the connection");
    t.expect_nothing();
    t.close();
    t.expect_nothing();
}

#[test]
fn without_servers_there_is_nothing_to_do() {
    let mut t = Script::new(config(&[]));
    t.expect_action("close: there is no server left to connect to");
    t.expect_nothing();
    assert_eq!(t.machine.phase(), Phase::Closed);
}

#[test]
fn the_same_server_given_twice_is_one_server() {
    let t = Script::new(config(&["10.0.0.1", "nats://10.0.0.1:4222", "10.0.0.1:4223"]));
    assert_eq!(t.machine.servers().len(), 2);
}

#[test]
fn servers_remember_how_they_fared() {
    let mut t = Script::connected_with(config(&["10.0.0.1", "10.0.0.2"]));
    lose(&mut t);
    t.expect_dial();
    fail(&mut t);
    let server = &t.machine.servers()[0];
    assert_eq!((server.failed_attempts, server.did_connect), (1, true));
    assert_eq!(server.last_error.as_deref(), Some("refused"));
    t.expect_dial();
    t.handshake();
    assert!(t.machine.servers().iter().all(|server| server.failed_attempts == 0));
}

#[test]
fn a_forced_reconnect_drops_the_connection_and_cuts_a_pause_short() {
    let mut t = Script::connected();
    t.force_reconnect();
    t.expect_lost("a reconnect was asked for");
    t.expect_dial();
    fail(&mut t);
    t.expect_nothing();
    t.force_reconnect();
    t.expect_dial();
    t.force_reconnect();
    t.expect_nothing();
    t.handshake();
    t.expect_nothing();
}

#[test]
fn subscriptions_are_restored_with_what_remains_of_their_limits() {
    let mut t = Script::connected();
    let limited = t.subscribe("a");
    t.subscribe("b");
    t.unsubscribe_after(limited, 3);
    t.expect_written("SUB a 1\r\nSUB b 2\r\nUNSUB 1 3\r\n");
    t.server_sends("MSG a 1 0\r\n\r\nMSG b 2 1\r\nx\r\n");
    lose(&mut t);
    t.expect_dial();
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.authenticated(Auth::new());
    t.expect_connect();
    t.expect_written("SUB a 1\r\nUNSUB 1 2\r\nSUB b 2\r\nPING\r\n");
}

#[test]
fn what_was_published_meanwhile_goes_out_in_order_and_a_queued_sub_is_not_sent_twice() {
    let mut t = Script::connected();
    t.socket_takes(0);
    t.publish("a", "1");
    t.subscribe("s");
    t.publish("b", "2");
    t.expect_written("");
    lose(&mut t);
    t.publish("c", "3");
    t.expect_dial();
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.authenticated(Auth::new());
    t.expect_connect();
    t.expect_written("SUB s 1\r\nPING\r\n");
    t.server_sends(&format!("PONG\r\n{}", second_info("")));
    t.expect_online();
    t.expect_written("PUB a 1\r\n1\r\nPUB b 1\r\n2\r\nPUB c 1\r\n3\r\n");
    t.expect_nothing();
}

#[test]
fn replaced_servers_are_used_from_the_next_attempt_on() {
    let mut t = Script::connected();
    t.set_servers(&["10.0.0.8", "10.0.0.9"]);
    t.expect_nothing();
    assert_eq!(t.machine.connected_server().unwrap().0.host(), "10.0.0.1");
    lose(&mut t);
    t.expect_action("dial 10.0.0.8:4222");
}

#[test]
fn an_attempt_at_a_server_that_was_replaced_is_given_up_with_its_stream() {
    let mut t = Script::awaiting_pong(config(&["10.0.0.1", "10.0.0.2"]));
    t.set_servers(&["10.0.0.9"]);
    t.expect_hangup();
    t.expect_action("dial 10.0.0.9:4222");
    t.expect_nothing();
    let mut t = Script::awaiting_pong(config(&["10.0.0.1", "10.0.0.2"]));
    t.set_servers(&["10.0.0.9", "10.0.0.1"]);
    t.expect_nothing();
}

#[test]
fn a_pause_before_a_server_that_was_replaced_ends_with_another_one() {
    let mut t = Script::connected();
    lose(&mut t);
    t.expect_dial();
    fail(&mut t);
    t.set_servers(&["10.0.0.9"]);
    t.advance(secs(1));
    t.expect_action("dial 10.0.0.9:4222");
}

#[test]
fn bytes_that_are_not_the_protocol_lose_the_connection() {
    let mut t = Script::connected();
    t.server_sends("GARBAGE\r\n");
    t.expect_lost("protocol error: unknown protocol operation \"GARBAGE\"");
    t.expect_dial();
    t.expect_nothing();
}

#[test]
fn an_error_that_ends_the_connection_during_the_replay_fails_the_attempt_and_others_follow() {
    let mut t = Script::connected();
    t.subscribe("a");
    t.forget();
    lose(&mut t);
    for _ in 0..3 {
        t.wait_for_dial();
        t.handle_dialed();
        t.server_sends(&info(""));
        t.expect_authenticate();
        t.authenticated(Auth::new());
        t.expect_connect();
        t.expect_written("SUB a 1\r\nPING\r\n");
        t.server_sends("-ERR 'maximum control line exceeded'\r\n");
        t.expect_event("failed at waiting for the answer to CONNECT: server error: maximum");
        t.expect_hangup();
        assert_eq!(t.machine.phase(), Phase::Reconnecting);
    }
    t.wait_for_dial();
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.authenticated(Auth::new());
    t.expect_connect();
    t.expect_written("SUB a 1\r\nPING\r\n");
    t.server_sends(&format!("PONG\r\n{}", second_info("")));
    t.expect_online();
}

#[test]
fn a_failed_write_is_followed_by_a_reconnect_at_once_and_what_was_not_written_goes_out() {
    let mut t = Script::connected();
    t.socket_takes(3);
    t.publish("a", "1");
    t.expect_written("PUB");
    t.socket_fails("broken pipe");
    t.expect_lost("broken pipe");
    t.expect_action("dial 10.0.0.1:4222");
    t.handshake();
    t.expect_written("PUB a 1\r\n1\r\n");
    t.expect_nothing();
}
