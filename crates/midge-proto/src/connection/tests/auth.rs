use super::script::*;

const VIOLATION: &str = "-ERR 'Authorization Violation'\r\n";

/// One refused attempt at the server dialed last.
#[track_caller]
fn refused(t: &mut Script, error: &str) {
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.authenticated(Auth::new());
    t.expect_connect();
    t.expect_written("PING\r\n");
    t.server_sends(error);
    t.expect_event("failed at waiting for the answer to CONNECT: server error");
    t.expect_hangup();
}

fn retrying(servers: &[&str]) -> Config {
    Config { first_connect: FirstConnect::Retry, ..config(servers) }
}

#[test]
fn refused_credentials_fail_the_first_connect_with_the_servers_words() {
    let mut t = Script::new(config(&["10.0.0.1"]));
    t.expect_dial();
    refused(&mut t, VIOLATION);
    t.expect_action(
        "close: no server could be connected: nats://10.0.0.1:4222 (10.0.0.1:4222) failed at \
         waiting for the answer to CONNECT: server error: Authorization Violation",
    );
    t.expect_nothing();
}

#[test]
fn a_server_that_refuses_twice_for_the_same_reason_is_not_asked_again() {
    let mut t = Script::new(retrying(&["10.0.0.1", "10.0.0.2"]));
    for address in ["10.0.0.1:4222", "10.0.0.2:4222", "10.0.0.1:4222"] {
        assert_eq!(t.wait_for_dial(), address);
        refused(&mut t, VIOLATION);
    }
    assert_eq!(t.machine.servers().len(), 1);
    assert_eq!(t.wait_for_dial(), "10.0.0.2:4222");
    refused(&mut t, VIOLATION);
    t.expect_action(
        "close: the credentials were refused: nats://10.0.0.2:4222 (10.0.0.2:4222) failed at \
         waiting for the answer to CONNECT: server error: Authorization Violation",
    );
    t.expect_nothing();
    assert_eq!(t.machine.phase(), Phase::Closed);
}

#[test]
fn two_different_refusals_are_not_twice_the_same() {
    let mut t = Script::new(retrying(&["10.0.0.1"]));
    for error in [VIOLATION, "-ERR 'User Authentication Expired'\r\n", VIOLATION] {
        t.wait_for_dial();
        refused(&mut t, error);
    }
    assert_eq!(t.machine.servers().len(), 1);
}

#[test]
fn a_success_in_between_forgives_a_refusal() {
    let mut t = Script::connected();
    for _ in 0..3 {
        t.advance(secs(1));
        t.server_closes();
        t.expect_lost("the server closed the connection");
        t.expect_dial();
        refused(&mut t, VIOLATION);
        t.wait_for_dial();
        t.handshake();
        t.expect_nothing();
    }
}

#[test]
fn with_retry_refusals_are_tried_for_ever() {
    let config = Config { refused: AuthFailures::Retry, ..retrying(&["10.0.0.1"]) };
    let mut t = Script::new(config);
    for _ in 0..10 {
        t.wait_for_dial();
        refused(&mut t, VIOLATION);
    }
    t.wait_for_dial();
}

#[test]
fn refusals_for_other_reasons_never_take_a_server_out() {
    for error in [
        "-ERR 'maximum account active connections exceeded'\r\n",
        // They were late, be it for a slow server or a slow callback.
        "-ERR 'Authentication Timeout'\r\n",
    ] {
        let mut t = Script::new(retrying(&["10.0.0.1"]));
        for _ in 0..5 {
            t.wait_for_dial();
            refused(&mut t, error);
        }
        assert_eq!(t.machine.servers().len(), 1);
    }
}

#[test]
fn credentials_that_cannot_be_had_fail_the_attempt() {
    let mut t = Script::dialed(config(&["10.0.0.1", "10.0.0.2"]));
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.no_credentials("file not found");
    t.expect_event("failed at obtaining credentials: no credentials: file not found");
    t.expect_hangup();
    t.expect_action("dial 10.0.0.2:4222");
    t.expect_nothing();
}

#[test]
fn an_expired_login_loses_the_connection_and_another_one_is_made() {
    let mut t = Script::connected();
    t.server_sends("-ERR 'User Authentication Expired'\r\n");
    t.expect_lost("server error: User Authentication Expired");
    t.expect_dial();
    t.handshake();
    t.expect_nothing();
}

#[test]
fn a_permission_violation_is_news_and_the_connection_stays() {
    let mut t = Script::connected();
    t.server_sends("-ERR 'Permissions Violation for Publish to \"a\"'\r\n");
    t.expect_event("Permissions Violation for Publish to \"a\"");
    t.expect_nothing();
    assert!(t.machine.is_ready());
}

#[test]
fn an_unknown_error_followed_by_the_end_is_the_reason_of_the_loss() {
    let mut t = Script::connected();
    t.server_sends("-ERR 'something new'\r\n");
    t.expect_event("something new");
    t.server_closes();
    t.expect_lost("server error: something new");
}

#[test]
fn an_old_error_is_not_blamed_for_a_later_loss() {
    let mut t = Script::connected();
    t.server_sends("-ERR 'something new'\r\n");
    t.expect_event("something new");
    t.server_sends("PING\r\n");
    t.expect_written("PONG\r\n");
    t.server_closes();
    t.expect_lost("the server closed the connection");
}

#[test]
fn refusals_of_other_credentials_do_not_count_for_new_ones() {
    let violation = "-ERR 'Authorization Violation'\r\n";
    let mut t = Script::connected();
    t.server_closes();
    t.forget();
    for _ in 0..5 {
        t.handle_dialed();
        t.server_sends(&info(""));
        t.expect_authenticate();
        t.authenticated(Auth::new());
        t.server_sends(violation);
        t.expect_event("Authorization Violation");
        t.expect_hangup();
        t.machine.set_secrets(Secrets::Sent);
        t.wait_for_dial();
        t.forget();
    }
    assert_ne!(t.machine.phase(), Phase::Closed);
}

#[test]
fn a_server_that_serves_no_clients_leaves_the_pool_and_the_others_are_tried() {
    let mut t = Script::new(retrying(&["10.0.0.1", "10.0.0.2"]));
    t.expect_action("dial 10.0.0.1:4222");
    refused(&mut t, "-ERR 'attempted to connect to route port'\r\n");
    t.expect_action("dial 10.0.0.2:4222");
    assert_eq!(t.machine.servers().len(), 1);
    refused(&mut t, "-ERR 'attempted to connect to leaf node port'\r\n");
    t.expect_beginning("close: no server can be used: nats://10.0.0.2:4222");
    t.expect_nothing();
}

#[test]
fn words_that_concern_every_server_close_the_client_at_the_first() {
    let mut t = Script::new(retrying(&["10.0.0.1", "10.0.0.2"]));
    t.expect_action("dial 10.0.0.1:4222");
    refused(&mut t, "-ERR 'invalid client protocol'\r\n");
    t.expect_beginning("close: no server can be used: nats://10.0.0.1:4222");
    t.expect_nothing();
    assert_eq!(t.machine.phase(), Phase::Closed);
}
