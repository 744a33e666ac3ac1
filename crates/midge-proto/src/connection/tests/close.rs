use super::script::*;

#[track_caller]
fn expect_closed(t: &mut Script) {
    t.expect_action("close: closed by the application");
    t.expect_nothing();
    assert_eq!(t.machine.phase(), Phase::Closed);
    assert_eq!(t.machine.poll_timeout(), None);
    assert!(!t.machine.has_control());
    t.advance(secs(100_000));
    t.close();
    t.force_reconnect();
    t.handle_dialed();
    t.set_servers(&["10.0.0.7"]);
    t.server_closes();
    t.expect_nothing();
}

#[test]
fn closing_ends_every_state_with_the_stream_hung_up_and_nothing_after() {
    let steps: [fn(&mut Script); 6] = [
        |t| t.resolved(&["10.0.0.1:4222"]),
        |t| t.handle_dialed(),
        |t| t.server_sends(&info(",\"tls_required\":true")),
        |t| t.secured(),
        |t| t.authenticated(Auth::new()),
        |t| t.server_sends("PONG\r\n"),
    ];
    for to in 0..=steps.len() {
        let mut t = Script::new(config(&["nats.example"]));
        steps[..to].iter().for_each(|step| step(&mut t));
        t.forget();
        t.close();
        t.expect_hangup();
        expect_closed(&mut t);
    }
}

#[test]
fn closing_a_ready_connection_takes_it_offline_first() {
    let mut t = Script::connected();
    t.fence(1);
    t.expect_written("PING\r\n");
    t.close();
    t.expect_hangup();
    t.expect_action("failed [1]");
    t.expect_action("offline: closed by the application");
    expect_closed(&mut t);
}

#[test]
fn closing_in_a_pause_needs_no_hangup() {
    let config = Config { first_connect: FirstConnect::Retry, ..config(&["10.0.0.1"]) };
    let mut t = Script::new(config);
    t.dial_fails("refused");
    t.forget();
    t.close();
    expect_closed(&mut t);
}

#[test]
fn closing_while_the_application_chooses_needs_no_hangup() {
    let mut t = Script::connected_with(Config { choice: Choice::Ask, ..config(&["10.0.0.1"]) });
    t.server_closes();
    t.forget();
    t.close();
    expect_closed(&mut t);
}

#[test]
fn a_client_that_could_not_connect_is_closed_once() {
    let mut t = Script::new(config(&["10.0.0.1"]));
    t.dial_fails("refused");
    t.forget();
    t.close();
    t.expect_nothing();
}
