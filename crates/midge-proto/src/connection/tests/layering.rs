use super::script::*;
use crate::connection::*;
use crate::proxy::{ProxyError, SocksReply};

fn behind(proxy: &str, servers: &[&str]) -> Config {
    Config { proxy: Some(proxy.parse().unwrap()), ..config(servers) }
}

#[test]
fn a_proxy_is_dialed_in_the_servers_place_and_asked_before_info_is_awaited() {
    let mut t = Script::new(behind("http://proxy.example:3128", &["nats.example"]));
    t.expect_action("resolve proxy.example:3128");
    t.resolved(&["10.0.0.9:3128"]);
    t.expect_action("dial 10.0.0.9:3128");
    t.handle_dialed();
    t.expect_action("tunnel by http://proxy.example:3128 to nats.example:4222");
    t.expect_nothing();
    t.machine.handle_tunneled(t.now());
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.expect_nothing();
}

#[test]
fn a_proxy_that_refuses_fails_the_attempt_and_the_next_server_is_tried() {
    let mut t = Script::new(behind("socks5://10.0.0.9", &["10.0.0.1", "10.0.0.2"]));
    t.expect_action("dial 10.0.0.9:1080");
    t.handle_dialed();
    t.expect_action("tunnel by socks5://10.0.0.9:1080 to 10.0.0.1:4222");
    t.proxy_fails(ProxyError::Socks(SocksReply(5)));
    t.expect_event(
        "nats://10.0.0.1:4222 (10.0.0.9:1080) failed at asking the proxy: \
         the proxy could not connect: connection refused (code 5)",
    );
    t.expect_hangup();
    t.expect_action("dial 10.0.0.9:1080");
    t.expect_nothing();
}

#[test]
fn a_proxy_that_stalls_or_hangs_up_costs_one_attempt() {
    let mut t = Script::new(behind("http://10.0.0.9:1", &["10.0.0.1", "10.0.0.2", "10.0.0.3"]));
    t.expect_dial();
    t.handle_dialed();
    t.forget();
    t.advance(secs(5));
    t.expect_event("failed at asking the proxy: timed out");
    t.forget();
    t.handle_dialed();
    t.server_closes();
    t.expect_event("failed at asking the proxy: the server closed the connection");
}

#[test]
fn tls_that_comes_first_begins_behind_the_proxy() {
    let config = Config { tls: TlsMode::First, ..behind("http://10.0.0.9:1", &["10.0.0.1"]) };
    let mut t = Script::new(config);
    t.expect_dial();
    t.handle_dialed();
    t.expect_action("tunnel by http://10.0.0.9:1 to 10.0.0.1:4222");
    t.machine.handle_tunneled(t.now());
    t.server_sends("");
    t.expect_action("tls 10.0.0.1");
}

#[test]
fn a_websocket_begins_on_the_open_stream_and_behind_tls_for_wss() {
    let mut t = Script::new(config(&["ws://10.0.0.1/nats"]));
    t.expect_action("dial 10.0.0.1:80");
    t.handle_dialed();
    t.expect_action("websocket ws://10.0.0.1:80/nats");
    t.expect_nothing();
    t.upgraded();
    t.server_sends(&info(""));
    t.expect_authenticate();

    let mut t = Script::new(config(&["wss://10.0.0.1"]));
    t.expect_action("dial 10.0.0.1:443");
    t.handle_dialed();
    t.expect_action("tls 10.0.0.1");
    t.secured();
    t.expect_action("websocket wss://10.0.0.1:443");
    t.upgraded();
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_authenticate();
    t.expect_nothing();
}

#[test]
fn a_websocket_over_a_stream_that_the_dialer_secured_needs_no_tls() {
    let mut t = Script::new(config(&["wss://10.0.0.1"]));
    t.expect_dial();
    t.dialed_and_secured_as("10.0.0.1");
    t.expect_action("websocket wss://10.0.0.1:443");
}

#[test]
fn a_refused_websocket_fails_the_attempt() {
    let mut t = Script::new(config(&["ws://10.0.0.1", "ws://10.0.0.2"]));
    t.expect_dial();
    t.handle_dialed();
    t.forget();
    t.websocket_fails(WebSocketError::Status { code: 403 });
    t.expect_event(
        "ws://10.0.0.1:80 (10.0.0.1:80) failed at the WebSocket handshake: \
         the server answered the WebSocket request with HTTP status 403",
    );
    t.expect_hangup();
    t.expect_action("dial 10.0.0.2:80");
}

#[test]
fn a_websocket_that_is_closed_loses_the_connection_for_that_reason() {
    let mut t = Script::new(config(&["ws://10.0.0.1"]));
    t.expect_dial();
    t.handle_dialed();
    t.upgraded();
    t.server_sends(&info(""));
    t.authenticated(Auth::new());
    t.server_sends(&format!("PONG\r\n{}", second_info("")));
    t.forget();
    t.websocket_fails(WebSocketError::Closed { code: 1001, reason: "bye".to_string() });
    t.expect_lost("the server closed the WebSocket with code 1001: bye");
}

#[test]
fn an_end_of_a_secured_stream_in_the_websocket_handshake_hints_at_the_certificate() {
    let mut t = Script::new(config(&["wss://10.0.0.1"]));
    t.expect_dial();
    t.handle_dialed();
    t.secured();
    t.server_closes();
    t.expect_event("failed at the WebSocket handshake: the server closed the connection right");
}

#[test]
fn a_unix_socket_is_dialed_by_its_path_and_never_through_a_proxy() {
    let mut t = Script::new(behind("http://10.0.0.9:1", &["unix:///run/nats.sock"]));
    t.expect_action("dial /run/nats.sock");
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.expect_nothing();
}
