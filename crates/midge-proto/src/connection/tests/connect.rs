use super::script::*;
use alloc::vec;
use serde_json::json;

fn connect_of(config: Config, server_info: &str, auth: Auth) -> serde_json::Value {
    let mut t = Script::dialed(config);
    t.server_sends(server_info);
    t.expect_authenticate();
    t.authenticated(auth);
    t.expect_connect()
}

#[test]
fn connect_says_everything_whose_default_a_server_would_guess_wrong() {
    let connect = connect_of(config(&["10.0.0.1"]), &info(""), Auth::new());
    let expected = json!({
        "verbose": false, "pedantic": false, "echo": true, "tls_required": false, "lang": "midge",
        "version": env!("CARGO_PKG_VERSION"), "protocol": 1, "headers": true, "no_responders": true,
    });
    assert_eq!(connect, expected);
}

#[test]
fn connect_carries_the_options_of_the_application() {
    let identity = Identity {
        name: Some("billing".into()),
        lang: "other".into(),
        version: "9".into(),
        verbose: true,
        pedantic: true,
        echo: false,
        no_responders: false,
    };
    let config = Config { identity, ..config(&["10.0.0.1"]) };
    let connect = connect_of(config, &info(""), Auth::new());
    for (key, value) in [
        ("name", json!("billing")),
        ("lang", json!("other")),
        ("version", json!("9")),
        ("verbose", json!(true)),
        ("pedantic", json!(true)),
        ("echo", json!(false)),
        ("no_responders", json!(false)),
        ("headers", json!(true)),
    ] {
        assert_eq!(connect[key], value, "{key}");
    }
}

#[test]
fn a_server_without_headers_is_not_asked_for_no_responders_which_needs_them() {
    let connect = connect_of(config(&["10.0.0.1"]), "INFO {\"headers\":false}\r\n", Auth::new());
    assert_eq!((&connect["headers"], &connect["no_responders"]), (&json!(false), &json!(false)));
}

#[test]
fn credentials_go_into_connect_under_their_names() {
    let auth = Auth {
        username: Some("ann".into()),
        password: Some("pw".into()),
        token: Some("tk".into()),
        jwt: Some("ey".into()),
        nkey: Some("UA".into()),
        signature: Some(vec![0xff, 0xfe]),
    };
    let connect = connect_of(config(&["10.0.0.1"]), &info(""), auth);
    for (key, value) in [
        ("user", "ann"),
        ("pass", "pw"),
        ("auth_token", "tk"),
        ("jwt", "ey"),
        ("nkey", "UA"),
        ("sig", "__4"),
    ] {
        assert_eq!(connect[key], value, "{key}");
    }
}

#[test]
fn over_tls_connect_says_so() {
    let mut t = Script::dialed(config(&["10.0.0.1"]));
    t.server_sends(&info(",\"tls_required\":true"));
    t.expect_action("tls 10.0.0.1");
    t.secured();
    t.expect_authenticate();
    t.authenticated(Auth::new());
    assert_eq!(t.expect_connect()["tls_required"], true);
}

#[test]
fn the_nonce_of_this_connection_is_handed_over_for_signing() {
    let mut machine = Connection::new(config(&["10.0.0.1"]), [7; 32], Instant::ZERO);
    let dial = first_dial(&mut machine);
    machine.handle_dialed(Instant::ZERO, dial, None);
    let line = b"{\"nonce\":\"abc\"}";
    machine.handle_frame(Instant::ZERO, &Frame::Info(0..line.len()), line);
    let Some(Action::Authenticate { info, .. }) = machine.poll_action() else {
        panic!("no request for credentials");
    };
    assert_eq!(info.nonce, "abc");
    assert_eq!(machine.raw_info().as_bytes(), line);
}
