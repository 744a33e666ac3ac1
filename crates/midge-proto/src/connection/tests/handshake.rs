use super::script::*;

#[test]
fn an_address_is_dialed_at_once() {
    let mut t = Script::new(config(&["10.0.0.1"]));
    t.expect_action("dial 10.0.0.1:4222");
    t.expect_nothing();
    assert_eq!(t.machine.phase(), Phase::Connecting);
}

#[test]
fn a_host_name_is_looked_up_and_all_its_addresses_are_tried_in_turn() {
    let mut t = Script::new(config(&["nats.example"]));
    t.expect_action("resolve nats.example:4222");
    t.resolved(&["10.0.0.7:4222", "[fd00::1]:4222"]);
    t.expect_action("dial 10.0.0.7:4222");
    t.dial_fails("refused");
    t.expect_event("nats://nats.example:4222 (10.0.0.7:4222) failed at dialing: refused");
    t.expect_action("dial [fd00::1]:4222");
    t.handshake();
    t.expect_nothing();
    let (server, address) = t.machine.connected_server().unwrap();
    assert_eq!(server.host(), "nats.example");
    assert_eq!(address, "[fd00::1]:4222".parse().ok());
}

#[test]
fn addresses_of_a_name_are_shuffled_with_the_servers() {
    let order = |seed| {
        let config = Config { order: Order::Random, ..config(&["nats.example"]) };
        let mut machine = Connection::new(config, [seed; 32], Instant::ZERO);
        let addresses = (1..=9).map(|n| SocketAddr::from(([10, 0, 0, n], 4222))).collect();
        machine.handle_resolved(Instant::ZERO, Ok(addresses));
        machine.poll_action();
        format!("{:?}", machine.poll_action())
    };
    assert!((0..20).any(|seed| order(seed) != order(99)));
}

#[test]
fn a_name_without_an_address_fails_the_attempt() {
    let mut t = Script::new(config(&["nats.example"]));
    t.expect_action("resolve nats.example:4222");
    t.resolved(&[]);
    t.expect_event("failed at looking up the host name: the host has no address");
    t.expect_hangup();
    t.expect_action(
        "close: no server could be connected: nats://nats.example:4222 failed at looking up the \
         host name: the host has no address",
    );
    t.expect_nothing();
}

#[test]
fn a_dialer_that_looks_names_up_itself_gets_the_name() {
    let config = Config { names: Names::LeaveToDialer, ..config(&["nats.example:1234"]) };
    let mut t = Script::new(config);
    t.expect_action("dial nats.example:1234");
    t.expect_nothing();
}

#[test]
fn credentials_are_asked_for_after_info_and_connect_goes_out_with_a_ping() {
    let mut t = Script::dialed(config(&["10.0.0.1"]));
    t.expect_nothing();
    t.server_sends(&info(""));
    t.expect_action("authenticate nats://10.0.0.1:4222 Everything");
    t.expect_nothing();
    t.authenticated(Auth::new());
    t.expect_connect();
    t.expect_written("PING\r\n");
    t.expect_nothing();
}

#[test]
fn an_info_in_pieces_is_one_info() {
    let mut t = Script::dialed(config(&["10.0.0.1"]));
    let line = info("");
    let (begin, end) = line.split_at(20);
    t.server_sends(begin);
    t.expect_nothing();
    t.server_sends(end);
    t.expect_authenticate();
}

#[test]
fn the_limits_of_the_second_info_are_those_of_the_user() {
    let mut t = Script::awaiting_pong(config(&["10.0.0.1"]));
    t.server_sends("PONG\r\nINFO {\"headers\":true,\"max_payload\":100,\"connect_info\":true}\r\n");
    t.expect_action("online 100 Yes");
    t.expect_nothing();
    assert_eq!(t.machine.phase(), Phase::Connected);
}

#[test]
fn where_no_second_info_comes_one_more_round_trip_stands_in() {
    let mut t = Script::awaiting_pong(config(&["10.0.0.1"]));
    t.server_sends("PONG\r\n");
    t.expect_written("PING\r\n");
    t.expect_nothing();
    t.server_sends("PONG\r\n");
    t.expect_action("online 1048576 Yes");
    t.expect_nothing();
}

#[test]
fn a_second_info_that_crosses_the_probe_ends_the_handshake_and_the_late_pong_is_harmless() {
    let mut t = Script::awaiting_pong(config(&["10.0.0.1"]));
    t.server_sends("PONG\r\n");
    t.expect_written("PING\r\n");
    t.server_sends(&second_info(""));
    t.expect_online();
    t.server_sends("PONG\r\nPONG\r\n");
    t.expect_nothing();
}

#[test]
fn a_cluster_change_during_the_handshake_does_not_end_it() {
    let mut t = Script::awaiting_pong(config(&["10.0.0.1"]));
    t.server_sends(&format!("PONG\r\n{}", info(",\"connect_urls\":[\"10.0.0.2:4222\"]")));
    t.expect_written("PING\r\n");
    t.expect_nothing();
    t.server_sends("PONG\r\n");
    t.expect_online();
    t.expect_event("discovered nats://10.0.0.2:4222");
}

#[test]
fn the_server_may_ping_and_say_ok_in_between() {
    let mut t = Script::awaiting_pong(config(&["10.0.0.1"]));
    t.server_sends("+OK\r\nPING\r\n");
    t.expect_written("PONG\r\n");
    t.server_sends("PONG\r\n+OK\r\nPING\r\n");
    t.expect_written("PONG\r\nPING\r\n");
    t.server_sends(&second_info(""));
    t.expect_online();
    t.expect_nothing();
}

#[test]
fn whoever_does_not_begin_with_info_is_not_a_server() {
    for (sent, cause) in [
        ("PING\r\n", "failed at waiting for INFO: unexpected PING before INFO"),
        ("PONG\r\n", "failed at waiting for INFO: unexpected PONG before INFO"),
        ("MSG a 1 0\r\n\r\n", "failed at waiting for INFO: unexpected message before INFO"),
        ("HTTP/1.1 400 Bad\r\n", "failed at waiting for INFO: protocol error: unknown protocol"),
        ("INFO nonsense\r\n", "failed at waiting for INFO: unexpected INFO: "),
        ("-ERR 'maximum connections exceeded'\r\n", "maximum connections exceeded"),
    ] {
        let mut t = Script::dialed(config(&["10.0.0.1", "10.0.0.2"]));
        t.machine.subscriptions().insert(crate::Sid::FIRST, interest("a"), OnWire::No);
        t.server_sends(sent);
        t.expect_event(cause);
        t.expect_hangup();
        t.expect_action("dial 10.0.0.2:4222");
        t.expect_nothing();
    }
}

#[test]
fn one_deadline_covers_the_whole_attempt() {
    let begin = |to: usize| {
        let mut t = Script::new(config(&["nats.example", "10.0.0.2"]));
        t.expect_action("resolve nats.example:4222");
        let steps: [fn(&mut Script); 5] = [
            |t| t.resolved(&["10.0.0.1:4222"]),
            |t| t.handle_dialed(),
            |t| t.server_sends(&info("")),
            |t| t.authenticated(Auth::new()),
            |t| t.server_sends("PONG\r\n"),
        ];
        for step in &steps[..to] {
            t.advance(millis(900));
            step(&mut t);
        }
        t.advance(secs(5).saturating_sub(millis(900 * to as u64 + 1)));
        t
    };
    for (to, step) in [
        (0, "looking up the host name"),
        (1, "dialing"),
        (2, "waiting for INFO"),
        (3, "obtaining credentials"),
        (4, "waiting for the answer to CONNECT"),
        (5, "waiting for the answer to CONNECT"),
    ] {
        let mut t = begin(to);
        assert_eq!(t.machine.poll_event().map(|_| ()), None, "{step}");
        t.advance(millis(1));
        t.expect_event(&format!("failed at {step}: timed out"));
    }
}

#[test]
fn a_stream_that_ends_in_the_middle_names_the_step() {
    let mut t = Script::dialed(config(&["10.0.0.1", "10.0.0.2"]));
    t.server_closes();
    t.expect_event("failed at waiting for INFO: the server closed the connection");
    let mut t = Script::awaiting_pong(config(&["10.0.0.1", "10.0.0.2"]));
    t.socket_fails("connection reset");
    t.expect_event("failed at waiting for the answer to CONNECT: connection reset");
    t.expect_hangup();
    t.expect_action("dial 10.0.0.2:4222");
    t.expect_nothing();
}

#[test]
fn subscriptions_made_before_go_out_with_connect_and_publishes_wait_for_the_limits() {
    let mut t = Script::new(config(&["10.0.0.1"]));
    t.expect_dial();
    t.subscribe("a");
    t.publish("b", "1");
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.authenticated(Auth::new());
    t.expect_connect();
    t.expect_written("SUB a 1\r\nPING\r\n");
    t.subscribe("late");
    t.server_sends("PONG\r\n");
    t.expect_written("PING\r\n");
    t.server_sends(&second_info(""));
    t.expect_online();
    t.expect_written("SUB late 2\r\nPUB b 1\r\n1\r\n");
    t.expect_nothing();
}

#[test]
fn a_queued_publish_over_the_users_limit_is_dropped_by_name_when_the_limit_is_known() {
    let mut t = Script::new(config(&["10.0.0.1"]));
    t.expect_dial();
    t.publish("big", "123456");
    t.publish("small", "1");
    t.handshake_with(",\"max_payload\":5");
    t.expect_written("PUB small 1\r\n1\r\n");
    assert_eq!(t.requeued.dropped, ["big"]);
}

#[test]
fn a_refused_subscription_of_the_replay_does_not_end_the_attempt() {
    let mut t = Script::awaiting_pong(config(&["10.0.0.1"]));
    t.server_sends("-ERR 'Permissions Violation for Subscription to \"a\"'\r\nPONG\r\n");
    t.expect_event("Permissions Violation for Subscription");
    t.expect_written("PING\r\n");
    t.server_sends(&second_info(""));
    t.expect_online();
    t.expect_nothing();
}

#[test]
fn a_connect_too_long_for_the_server_is_named_as_the_cause() {
    let mut t = Script::dialed(config(&["10.0.0.1", "10.0.0.2"]));
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.authenticated(Auth { jwt: Some("x".repeat(5000)), ..Auth::new() });
    t.server_closes();
    t.expect_event("max_control_line is 4096 bytes by default");
}

#[test]
fn nothing_of_a_failed_handshake_reaches_the_next_server() {
    let mut t = Script::awaiting_pong(config(&["10.0.0.1", "10.0.0.2"]));
    t.subscribe("a");
    t.server_closes();
    t.expect_event("waiting for the answer to CONNECT");
    t.expect_hangup();
    t.expect_action("dial 10.0.0.2:4222");
    t.expect_nothing();
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.authenticated(Auth::new());
    t.expect_connect();
    t.expect_written("SUB a 1\r\nPING\r\n");
}

#[test]
fn answers_that_nobody_waits_for_change_nothing() {
    let mut t = Script::connected();
    t.handle_dialed();
    t.dial_fails("late");
    t.resolved(&["10.0.0.9:1"]);
    t.resolve_fails("late");
    t.secured();
    t.authenticated(Auth::new());
    t.no_credentials("late");
    t.delay_chosen(secs(1));
    assert_eq!(t.server_chosen(None), Chosen::TooLate);
    t.expect_nothing();
    assert_eq!(t.machine.phase(), Phase::Connected);
}

#[test]
fn time_that_runs_backwards_is_ignored() {
    let mut t = Script::connected();
    let deadline = t.machine.poll_timeout();
    t.machine.handle_timeout(Instant::ZERO);
    t.machine.handle_read(Instant::ZERO);
    assert_eq!(t.machine.poll_timeout(), deadline);
    t.expect_nothing();
}
