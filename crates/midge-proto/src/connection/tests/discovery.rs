use super::script::*;

fn urls(urls: &[&str]) -> String {
    format!(",\"connect_urls\":{}", serde_json::to_string(urls).unwrap())
}

fn hosts(t: &Script) -> Vec<String> {
    let mut hosts: Vec<String> =
        t.machine.servers().iter().map(|server| server.addr.host().to_string()).collect();
    hosts.sort();
    hosts
}

/// Connected over TLS under the name nats.example.
fn secured(config: Config, extra: &str) -> Script {
    let mut t = Script::new(config);
    t.expect_action("resolve nats.example:4222");
    t.resolved(&["10.0.0.1:4222"]);
    t.expect_dial();
    secure_handshake(&mut t, "nats.example", extra);
    t
}

#[track_caller]
fn secure_handshake(t: &mut Script, name: &str, extra: &str) {
    t.handle_dialed();
    t.server_sends(&info(&format!(",\"tls_required\":true{extra}")));
    t.expect_action(&format!("tls {name}"));
    t.secured();
    t.expect_authenticate();
    t.authenticated(Auth::new());
    t.expect_connect();
    t.expect_written("PING\r\n");
    t.server_sends(&format!("PONG\r\n{}", second_info(extra)));
    t.expect_online();
}

#[track_caller]
fn lose(t: &mut Script) {
    t.server_closes();
    t.expect_lost("the server closed the connection");
}

#[test]
fn announced_servers_join_the_pool_once_the_announcer_was_accepted() {
    let mut t = Script::awaiting_pong(config(&["10.0.0.1"]));
    let list = urls(&["10.0.0.1:4222", "10.0.0.2:4222"]);
    t.server_sends(&info(&list));
    t.expect_nothing();
    t.server_sends(&format!("PONG\r\n{}", second_info(&list)));
    t.expect_online();
    t.expect_event("discovered nats://10.0.0.2:4222");
    t.expect_nothing();
    assert_eq!(hosts(&t), ["10.0.0.1", "10.0.0.2"]);
    lose(&mut t);
    assert!(["10.0.0.1:4222", "10.0.0.2:4222"].contains(&t.expect_dial().as_str()));
}

#[test]
fn a_later_announcement_adds_and_removes_but_never_a_configured_server() {
    let mut t = Script::connected_with(config(&["10.0.0.1", "10.0.0.9"]));
    t.server_sends(&info(&urls(&["10.0.0.1:4222", "10.0.0.2:4222", "10.0.0.3:4222"])));
    t.expect_event("discovered nats://10.0.0.2:4222");
    t.expect_event("discovered nats://10.0.0.3:4222");
    t.expect_action("limits 1048576 Yes");
    t.server_sends(&info(&urls(&["10.0.0.3:4222", "10.0.0.4:4222"])));
    t.expect_event("discovered nats://10.0.0.4:4222");
    t.expect_action("limits 1048576 Yes");
    t.expect_nothing();
    assert_eq!(hosts(&t), ["10.0.0.1", "10.0.0.3", "10.0.0.4", "10.0.0.9"]);
}

#[test]
fn an_info_without_a_list_changes_nothing() {
    let mut t = Script::connected();
    t.server_sends(&info(&urls(&["10.0.0.2:4222"])));
    t.expect_event("discovered");
    t.server_sends(&info(""));
    t.server_sends(&info(&urls(&[])));
    assert_eq!(hosts(&t), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(t.machine.server_info().connect_urls, ["10.0.0.2:4222"]);
}

#[test]
fn the_connected_server_stays_in_the_pool_when_it_is_no_longer_announced() {
    let mut t = Script::connected();
    t.server_sends(&info(&urls(&["10.0.0.2:4222"])));
    t.expect_event("discovered");
    t.expect_action("limits 1048576 Yes");
    lose(&mut t);
    t.expect_action("dial 10.0.0.1:4222");
    t.dial_fails("gone");
    t.expect_event("gone");
    t.expect_hangup();
    t.expect_action("dial 10.0.0.2:4222");
    t.handshake_with(&urls(&["10.0.0.3:4222"]));
    t.expect_event("discovered nats://10.0.0.3:4222");
    assert_eq!(hosts(&t), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
}

#[test]
fn discovery_can_be_switched_off() {
    let config = Config { discovery: crate::Discovery::ignore(), ..config(&["10.0.0.1"]) };
    let mut t = Script::new(config);
    t.expect_dial();
    t.handshake_with(&urls(&["10.0.0.2:4222"]));
    t.expect_nothing();
    assert_eq!(hosts(&t), ["10.0.0.1"]);
}

#[test]
fn a_refused_address_is_news_with_its_reason() {
    let mut t = Script::new(config(&["10.0.0.1"]));
    t.expect_dial();
    t.handshake_with(&urls(&["127.0.0.1:4222", "nats://x:1", "10.0.0.2:4222"]));
    t.expect_event("discovered nats://10.0.0.2:4222");
    t.expect_event("refused 127.0.0.1:4222: it is a local address");
    t.expect_event("refused nats://x:1: it is not host:port");
    t.expect_nothing();
}

#[test]
fn after_a_loss_the_other_servers_come_first_even_if_they_were_just_discovered() {
    for seed in 0..30 {
        let config = Config { order: Order::Random, ..config(&["10.0.0.1"]) };
        let now = Instant::ZERO;
        let mut machine = Connection::new(config, [seed; 32], now);
        let dial = first_dial(&mut machine);
        machine.handle_dialed(now, dial, None);
        let line = br#"{"connect_urls":["10.0.0.2:4222","10.0.0.3:4222"],"connect_info":true}"#;
        let frame = Frame::Info(0..line.len());
        machine.handle_frame(now, &frame, line);
        machine.handle_authenticated(now, Ok(Auth::new()));
        machine.handle_frame(now, &Frame::Pong, b"");
        machine.handle_frame(now, &frame, line);
        assert_eq!(machine.phase(), Phase::Connected);
        while machine.poll_action().is_some() {}
        machine.handle_disconnected(now, None);
        let mut dialed = None;
        while let Some(action) = machine.poll_action() {
            if let Action::Dial { server, .. } = action {
                dialed = Some(server);
            }
        }
        assert_ne!(dialed.unwrap().host(), "10.0.0.1", "seed {seed}");
    }
}

#[test]
fn a_host_announced_over_tls_is_verified_under_its_own_name() {
    let mut t = secured(config(&["tls://nats.example"]), &urls(&["b.example:4222"]));
    t.expect_event("discovered tls://b.example:4222");
    lose(&mut t);
    t.expect_action("resolve nats.example:4222");
    t.resolve_fails("gone");
    t.expect_event("gone");
    t.expect_hangup();
    t.expect_action("resolve b.example:4222");
    t.resolved(&["10.0.0.2:4222"]);
    t.expect_dial();
    secure_handshake(&mut t, "b.example", "");
}

#[test]
fn an_address_announced_over_tls_is_verified_under_the_announcers_name() {
    let mut t = secured(config(&["tls://nats.example"]), &urls(&["10.0.0.2:4222"]));
    t.expect_event("discovered tls://10.0.0.2:4222");
    lose(&mut t);
    t.expect_action("resolve nats.example:4222");
    t.resolve_fails("gone");
    t.expect_event("gone");
    t.expect_hangup();
    t.expect_action("dial 10.0.0.2:4222");
    secure_handshake(&mut t, "nats.example", &urls(&["10.0.0.3:4222"]));
    t.expect_event("discovered tls://10.0.0.3:4222");
}

#[test]
fn a_name_learnt_in_clear_is_verified_under_the_seeds_name() {
    let mut t = Script::connected();
    t.server_sends(&info(&urls(&["evil.example:4222"])));
    t.expect_event("discovered");
    t.expect_action("limits 1048576 Yes");
    lose(&mut t);
    t.expect_dial();
    t.dial_fails("gone");
    t.expect_event("gone");
    t.expect_hangup();
    t.expect_action("resolve evil.example:4222");
    t.resolved(&["10.0.0.66:4222"]);
    t.expect_dial();
    secure_handshake(&mut t, "10.0.0.1", "");
}

#[test]
fn secrets_go_to_announced_servers_of_a_pool_without_tls() {
    let config = Config { secrets: Secrets::Sent, ..config(&["10.0.0.1"]) };
    let mut t = Script::connected_with(config);
    t.server_sends(&info(&urls(&["10.0.0.2:4222"])));
    t.expect_event("discovered");
    t.expect_action("limits 1048576 Yes");
    lose(&mut t);
    t.expect_dial();
    t.dial_fails("gone");
    t.expect_event("gone");
    t.expect_hangup();
    t.expect_action("dial 10.0.0.2:4222");
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_action("authenticate nats://10.0.0.2:4222 Everything");
}

/// A server announced in clear, in a pool that has spoken TLS since, up to its INFO.
fn announced_in_clear_then_locked(secrets: Secrets) -> Script {
    let mut t = Script::connected_with(Config { secrets, ..config(&["10.0.0.1"]) });
    t.server_sends(&info(&urls(&["10.0.0.2:4222"])));
    t.expect_event("discovered");
    t.expect_action("limits 1048576 Yes");
    lose(&mut t);
    t.expect_dial();
    t.dial_fails("gone");
    t.expect_event("gone");
    t.expect_hangup();
    t.expect_action("dial 10.0.0.2:4222");
    t.handle_dialed();
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_action("tls 10.0.0.1");
    t.secured();
    t
}

#[test]
fn a_server_announced_in_clear_gets_no_secret_where_tls_is_spoken() {
    let mut t = announced_in_clear_then_locked(Secrets::Sent);
    t.expect_event("withheld from nats://10.0.0.2:4222");
    t.expect_event("send_secrets_to_discovered_servers");
    t.expect_hangup();
    t.expect_written("");
}

#[test]
fn signatures_need_no_trust_and_the_application_may_waive_it() {
    let mut t = announced_in_clear_then_locked(Secrets::NeverSent);
    t.expect_action("authenticate nats://10.0.0.2:4222 SignaturesOnly");
    let mut t = announced_in_clear_then_locked(Secrets::SentToAll);
    t.expect_action("authenticate nats://10.0.0.2:4222 Everything");
}

#[test]
fn a_jwt_without_a_signature_is_a_secret_whatever_the_credentials_were_taken_for() {
    let jwt = Auth { jwt: Some("j".to_string()), ..Auth::new() };
    let signed = Auth { signature: Some(b"s".to_vec()), ..jwt.clone() };
    let authenticated = |secrets, auth| {
        let mut t = announced_in_clear_then_locked(secrets);
        t.expect_action(match secrets {
            Secrets::SentToAll => "authenticate nats://10.0.0.2:4222 Everything",
            Secrets::NeverSent | Secrets::Sent => {
                "authenticate nats://10.0.0.2:4222 SignaturesOnly"
            }
        });
        t.authenticated(auth);
        t
    };
    for secret in [
        jwt.clone(),
        Auth { password: Some("p".to_string()), ..Auth::new() },
        Auth { token: Some("t".to_string()), ..signed.clone() },
    ] {
        let mut t = authenticated(Secrets::NeverSent, secret);
        t.expect_event("withheld from nats://10.0.0.2:4222");
        t.expect_event("send_secrets_to_discovered_servers");
        t.expect_hangup();
        t.expect_written("");
    }
    for (secrets, auth) in [(Secrets::NeverSent, signed), (Secrets::SentToAll, jwt)] {
        let mut t = authenticated(secrets, auth);
        assert_eq!(t.expect_connect()["jwt"], "j");
    }
}

#[test]
fn a_server_announced_over_tls_gets_secrets_over_tls() {
    let config = Config { secrets: Secrets::Sent, ..config(&["tls://nats.example"]) };
    let mut t = secured(config, &urls(&["10.0.0.2:4222"]));
    t.expect_event("discovered");
    lose(&mut t);
    t.expect_action("resolve nats.example:4222");
    t.resolve_fails("gone");
    t.expect_event("gone");
    t.expect_hangup();
    t.expect_dial();
    t.handle_dialed();
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_action("tls nats.example");
    t.secured();
    t.expect_action("authenticate tls://10.0.0.2:4222 Everything");
}

#[test]
fn the_news_that_a_server_shuts_down_comes_once() {
    let mut t = Script::connected();
    for _ in 0..3 {
        t.server_sends(&info(",\"ldm\":true"));
        t.expect_action("limits 1048576 Yes");
    }
    t.expect_event("lame duck");
    t.expect_nothing();
    assert!(t.machine.is_ready());
}

#[test]
fn a_changed_limit_of_the_server_counts_at_once() {
    let mut t = Script::connected();
    t.server_sends("INFO {\"max_payload\":10,\"headers\":false}\r\n");
    t.expect_action("limits 10 No");
    t.server_sends("INFO nonsense\r\n");
    t.expect_nothing();
    assert_eq!(t.machine.server_info().max_payload, 10);
}

/// Connected over TLS to 10.0.0.1, which announces 10.0.0.2, with this peer; then lost, and the
/// announced server dialed.
fn announced_by(login: &str, peer: Peer, secrets: Secrets) -> Script {
    let mut t = Script::new(Config { secrets, ..config(&[&format!("tls://{login}10.0.0.1")]) });
    t.expect_dial();
    t.handle_dialed();
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_action("tls 10.0.0.1");
    if peer == Peer::Unverified {
        t.secured_with_anybody()
    } else {
        t.secured()
    }
    t.expect_authenticate();
    t.authenticated(Auth::new());
    t.server_sends(&format!("PONG\r\n{}", second_info(&urls(&["10.0.0.2:4222"]))));
    t.forget();
    lose(&mut t);
    t.expect_dial();
    t.dial_fails("gone");
    t.forget();
    t.machine.force_reconnect(Instant::ZERO);
    t
}

fn verified() -> Peer {
    Peer::Verified("10.0.0.1".to_string())
}

#[track_caller]
fn to_announced(t: &mut Script) {
    t.handle_dialed();
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_action("tls 10.0.0.1");
}

#[test]
fn tls_that_verified_nothing_counts_for_no_proof_of_an_announcement() {
    let mut t = announced_by("", Peer::Unverified, Secrets::Sent);
    to_announced(&mut t);
    t.secured();
    t.expect_event("withheld from tls://10.0.0.2:4222");
    let mut t = announced_by("", verified(), Secrets::Sent);
    to_announced(&mut t);
    t.secured();
    t.expect_action("authenticate tls://10.0.0.2:4222 Everything");
}

#[test]
fn a_link_that_verified_nothing_carries_no_secret_to_an_announced_server() {
    let mut t = announced_by("", verified(), Secrets::Sent);
    to_announced(&mut t);
    t.secured_with_anybody();
    t.expect_event("withheld from tls://10.0.0.2:4222");
    t.expect_event("send_secrets_to_discovered_servers");
    t.expect_hangup();
    let mut t = announced_by("", verified(), Secrets::NeverSent);
    to_announced(&mut t);
    t.secured_with_anybody();
    t.expect_action("authenticate tls://10.0.0.2:4222 SignaturesOnly");
}

#[test]
fn a_dialers_proof_counts_for_an_announced_server_only_under_the_name_it_has_to_carry() {
    let mut t = announced_by("", verified(), Secrets::Sent);
    t.dialed_and_secured_as("10.0.0.1");
    t.server_sends(&info(""));
    t.expect_action("authenticate tls://10.0.0.2:4222 Everything");
    let mut t = announced_by("", verified(), Secrets::Sent);
    t.dialed_and_secured_as("else.example");
    t.server_sends(&info(""));
    t.expect_event("withheld from tls://10.0.0.2:4222");
}

#[test]
fn addresses_announced_over_a_dialers_own_tls_are_verified_under_the_name_it_proved() {
    let mut t = Script::new(config(&["10.0.0.1"]));
    t.expect_dial();
    t.dialed_and_secured_as("proven.example");
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.authenticated(Auth::new());
    t.server_sends(&format!("PONG\r\n{}", second_info(&urls(&["10.0.0.2:4222"]))));
    t.forget();
    lose(&mut t);
    t.expect_dial();
    t.dial_fails("gone");
    t.forget();
    t.handle_dialed();
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_action("tls proven.example");
}

#[test]
fn an_announced_server_gets_the_login_of_its_announcers_url() {
    let mut t = Script::new(config(&["other:x@10.0.0.9", "joe:s3cret@10.0.0.1"]));
    t.expect_dial();
    t.dial_fails("gone");
    t.forget();
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_action("authenticate nats://[redacted]@10.0.0.1:4222 Everything as joe");
    t.authenticated(Auth::new());
    t.server_sends(&format!("PONG\r\n{}", second_info(&urls(&["10.0.0.2:4222"]))));
    t.forget();
    lose(&mut t);
    for _ in 0..2 {
        t.wait_for_dial();
        t.dial_fails("gone");
        t.expect_event("gone");
        t.expect_hangup();
    }
    t.expect_action("dial 10.0.0.2:4222");
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_action("authenticate nats://10.0.0.2:4222 Everything as joe");
}

#[test]
fn a_configured_server_without_a_login_gets_the_first_one_of_the_pool() {
    let mut t = Script::dialed(config(&["10.0.0.1", "joe:s3cret@10.0.0.2", "ann:x@10.0.0.3"]));
    t.server_sends(&info(""));
    t.expect_action("authenticate nats://10.0.0.1:4222 Everything as joe");
}

#[test]
fn the_login_of_a_url_is_a_secret_as_any_other() {
    let mut t = announced_by("joe:s3cret@", Peer::Unverified, Secrets::NeverSent);
    to_announced(&mut t);
    t.secured();
    t.expect_event("withheld from tls://10.0.0.2:4222");
    let mut t = announced_by("joe:s3cret@", verified(), Secrets::NeverSent);
    to_announced(&mut t);
    t.secured();
    t.expect_action("authenticate tls://10.0.0.2:4222 Everything as joe");
}

#[test]
fn servers_set_later_do_not_get_the_login_of_earlier_ones() {
    let mut t = Script::connected_with(config(&["joe:s3cret@10.0.0.1"]));
    t.set_servers(&["10.0.0.2"]);
    lose(&mut t);
    t.expect_dial();
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_action("authenticate nats://10.0.0.2:4222 Everything");
}

#[test]
fn an_own_limit_on_messages_counts_where_it_is_smaller_than_the_servers() {
    let mut t = Script::new(Config { max_payload: 100, ..config(&["10.0.0.1"]) });
    t.expect_dial();
    t.handle_dialed();
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.authenticated(Auth::new());
    t.expect_connect();
    t.expect_written("PING\r\n");
    t.server_sends(&format!("PONG\r\n{}", second_info("")));
    t.expect_action("online 100 Yes");
    t.machine.set_max_payload(2 << 20);
    t.server_sends(&info(""));
    for _ in 0..2 {
        t.expect_action("limits 1048576 Yes");
    }
    t.server_sends(&info(",\"x\":1").replace("1048576", "50"));
    t.expect_action("limits 50 Yes");
    t.expect_nothing();
}
