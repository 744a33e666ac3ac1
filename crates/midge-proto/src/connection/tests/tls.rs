use super::script::*;

fn with(mode: TlsMode, servers: &[&str]) -> Config {
    Config { tls: mode, ..config(servers) }
}

#[test]
fn a_server_that_requires_tls_gets_it_behind_info_and_before_any_secret() {
    let mut t = Script::dialed(config(&["10.0.0.1"]));
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_action("tls 10.0.0.1");
    t.expect_nothing();
    t.secured();
    t.expect_action("authenticate nats://10.0.0.1:4222 Everything");
    t.expect_nothing();
}

#[test]
fn a_server_that_only_offers_tls_is_spoken_to_in_clear_unless_tls_was_asked_for() {
    let mut t = Script::dialed(config(&["10.0.0.1"]));
    t.server_sends(&info(",\"tls_available\":true"));
    t.expect_authenticate();
    for config in [with(TlsMode::Require, &["10.0.0.1"]), config(&["tls://10.0.0.1"])] {
        let mut t = Script::dialed(config);
        t.server_sends(&info(",\"tls_available\":true"));
        t.expect_action("tls 10.0.0.1");
    }
}

#[test]
fn where_tls_was_asked_for_a_server_without_it_is_not_spoken_to() {
    for config in [
        with(TlsMode::Require, &["10.0.0.1"]),
        config(&["tls://10.0.0.1"]),
        config(&["10.0.0.1", "tls://10.0.0.2"]),
    ] {
        let mut t = Script::dialed(config);
        assert!(t.machine.is_clear_forbidden());
        t.server_sends(&info(""));
        t.expect_event("failed at waiting for INFO: TLS is required and the server offers none");
        t.expect_hangup();
        t.expect_written("");
    }
}

#[test]
fn tls_first_begins_with_tls_and_reads_info_inside() {
    let mut t = Script::dialed(with(TlsMode::First, &["10.0.0.1"]));
    t.expect_action("tls 10.0.0.1");
    assert!(!t.machine.expects_frames());
    t.secured();
    t.expect_nothing();
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.authenticated(Auth::new());
    assert_eq!(t.expect_connect()["tls_required"], true);
}

#[test]
fn a_secure_websocket_begins_with_tls_and_a_plain_one_never_upgrades() {
    let mut t = Script::dialed(config(&["wss://10.0.0.1"]));
    t.expect_action("tls 10.0.0.1");
    t.secured();
    t.expect_action("websocket wss://10.0.0.1:443");
    t.upgraded();
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_authenticate();
    let mut t = Script::dialed(config(&["ws://10.0.0.1"]));
    t.expect_action("websocket ws://10.0.0.1:80");
    t.upgraded();
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_authenticate();
}

#[test]
fn where_tls_was_asked_for_a_plain_websocket_is_not_spoken_to() {
    let mut t = Script::dialed(with(TlsMode::Require, &["ws://10.0.0.1"]));
    t.expect_event("TLS is required and the server offers none");
    t.expect_hangup();
}

#[test]
fn a_dialer_that_secured_the_stream_itself_leaves_no_tls_to_do() {
    let mut t = Script::new(with(TlsMode::First, &["10.0.0.1"]));
    t.expect_dial();
    t.dialed_and_secured_as("nats.example");
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_authenticate();
    t.authenticated(Auth::new());
    assert_eq!(t.expect_connect()["tls_required"], true);
}

#[test]
fn bytes_in_clear_behind_info_fail_the_attempt() {
    let mut t = Script::dialed(config(&["10.0.0.1", "10.0.0.2"]));
    t.server_sends(&format!("{}PING\r\n", info(",\"tls_required\":true")));
    t.expect_action("tls 10.0.0.1");
    t.expect_event("failed at the TLS handshake: unprotected bytes followed INFO");
    t.expect_hangup();
    t.expect_action("dial 10.0.0.2:4222");
    t.expect_nothing();
}

#[test]
fn an_error_in_clear_behind_info_is_reported_as_nobodys_word() {
    let mut t = Script::dialed(config(&["10.0.0.1", "10.0.0.2"]));
    let error = "-ERR 'maximum connections exceeded'\r\n";
    t.server_sends(&format!("{}{error}", info(",\"tls_required\":true")));
    t.expect_action("tls 10.0.0.1");
    t.expect_event("unprotected error followed INFO where TLS had to start: \\'maximum connect");
}

#[test]
fn a_second_info_in_clear_cannot_replace_the_first() {
    let mut t = Script::dialed(config(&["10.0.0.1", "10.0.0.2"]));
    t.server_sends(&format!("{}{}", info(",\"tls_required\":true"), info("")));
    t.expect_action("tls 10.0.0.1");
    t.expect_event("unprotected bytes");
    t.expect_hangup();
}

#[test]
fn after_tls_was_spoken_once_no_server_of_the_pool_gets_anything_in_clear() {
    let mut t = Script::dialed(config(&["10.0.0.1", "10.0.0.2"]));
    assert!(!t.machine.is_clear_forbidden());
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_action("tls 10.0.0.1");
    t.secured();
    assert!(t.machine.is_clear_forbidden());
    t.expect_authenticate();
    t.server_closes();
    t.expect_event("obtaining credentials");
    t.expect_hangup();
    t.expect_action("dial 10.0.0.2:4222");
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_event("TLS is required and the server offers none");
    t.expect_written("");
}

#[test]
fn a_dialer_with_its_own_tls_locks_the_pool_too() {
    let mut t = Script::new(config(&["10.0.0.1", "10.0.0.2"]));
    t.expect_dial();
    t.dialed_and_secured_as("nats.example");
    t.server_closes();
    t.expect_event("right after the TLS handshake");
    t.expect_hangup();
    t.expect_dial();
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_event("TLS is required and the server offers none");
}

#[test]
fn servers_given_later_can_ask_for_tls_and_never_unask() {
    let mut t = Script::connected();
    t.set_servers(&["tls://10.0.0.1"]);
    t.expect_lost("the pool asks for TLS and the connection had none");
    t.expect_dial();
    t.set_servers(&["10.0.0.2"]);
    assert!(t.machine.is_clear_forbidden());
    t.expect_hangup();
    t.expect_dial();
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_event("TLS is required and the server offers none");
}

#[test]
fn a_failed_tls_handshake_fails_the_attempt() {
    let mut t = Script::dialed(config(&["tls://10.0.0.1", "10.0.0.2"]));
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_action("tls 10.0.0.1");
    t.tls_fails("certificate expired");
    t.expect_event("failed at the TLS handshake: certificate expired");
    t.expect_hangup();
    t.expect_action("dial 10.0.0.2:4222");
    t.expect_nothing();
}

#[test]
fn an_end_right_after_the_tls_handshake_hints_at_the_client_certificate() {
    let mut t = Script::dialed(with(TlsMode::First, &["10.0.0.1", "10.0.0.2"]));
    t.expect_action("tls 10.0.0.1");
    t.secured();
    t.server_closes();
    t.expect_event("it may have refused the client certificate");
}

#[test]
fn tls_that_breaks_later_loses_the_connection() {
    let mut t = Script::connected();
    t.tls_fails("bad record");
    t.expect_lost("bad record");
    t.expect_dial();
    t.expect_nothing();
}

#[test]
fn an_attempt_in_clear_is_given_up_when_servers_that_ask_for_tls_are_given() {
    let mut t = Script::dialed(config(&["10.0.0.1"]));
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.set_servers(&["10.0.0.1", "tls://10.0.0.2"]);
    t.expect_hangup();
    t.expect_action("dial 10.0.0.1:4222");
    t.authenticated(Auth::new());
    t.expect_nothing();
    let mut t = Script::dialed(config(&["10.0.0.1"]));
    t.set_servers(&["10.0.0.1", "tls://10.0.0.2"]);
    t.expect_nothing();
    t.server_sends(&info(""));
    t.expect_event("TLS is required and the server offers none");
}

#[test]
fn a_connection_in_clear_is_dropped_when_servers_that_ask_for_tls_are_set() {
    let mut t = Script::connected();
    t.set_servers(&["10.0.0.1", "10.0.0.2"]);
    t.expect_nothing();
    t.set_servers(&["10.0.0.1", "tls://10.0.0.2"]);
    t.expect_lost("the pool asks for TLS and the connection had none");
    t.expect_dial();
    t.expect_nothing();
}

#[test]
fn a_connection_over_tls_stays_when_servers_that_ask_for_tls_are_set() {
    let mut t = Script::dialed(config(&["10.0.0.1"]));
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_action("tls 10.0.0.1");
    t.secured();
    t.expect_authenticate();
    t.authenticated(Auth::new());
    t.server_sends(&format!("PONG\r\n{}", second_info("")));
    t.forget();
    t.set_servers(&["tls://10.0.0.1"]);
    t.expect_nothing();
}
