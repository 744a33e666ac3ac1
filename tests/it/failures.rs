//! Connections that cannot be made: the error names server, address, step and cause.

use crate::support::{
    assert_contains, blocking, connect_to, event, next, pick, quick, server, server_with, within,
};
use core::time::Duration;
use midge_test_server::{FakeConnection, FakeServer, free_port};
use midge_tokio::proto::nkeys::KeyPair;
use midge_tokio::{
    AttemptFailure, Auth, Cause, Client, ConnectError, ConnectErrorKind, ConnectOptions, Event,
    ServerError, Step,
};
use serde_json::json;
use std::io::Write as _;
use std::net::TcpListener;

async fn failure(options: ConnectOptions, url: &str) -> (ConnectErrorKind, AttemptFailure) {
    let error = within("a failure", options.connect(url)).await.unwrap_err();
    let attempt = error.attempt().unwrap_or_else(|| panic!("{error:?}")).clone();
    // Whoever reads only the text learns as much.
    assert_contains(&error, &attempt.to_string());
    assert_contains(&attempt, &attempt.step.to_string());
    assert_contains(&attempt, &attempt.cause.to_string());
    assert_contains(&attempt, url);
    (error.kind(), attempt)
}

/// Connects to a fake server that does what `script` says.
async fn fake_failure(
    options: ConnectOptions,
    script: impl FnOnce(FakeConnection) + Send + 'static,
) -> (ConnectErrorKind, AttemptFailure) {
    let fake = FakeServer::start().unwrap();
    let (url, address) = (fake.url(), fake.address());
    let server = blocking_task(move || {
        script(fake.accept());
        fake
    });
    let (kind, attempt) = failure(options, &url).await;
    assert_eq!(attempt.address, Some(address));
    within("the fake server", server).await.unwrap();
    (kind, attempt)
}

fn blocking_task<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::task::spawn_blocking(work)
}

#[tokio::test]
async fn a_refused_port_is_named_with_its_address() {
    let url = format!("nats://127.0.0.1:{}", free_port().unwrap());
    let (kind, attempt) = failure(ConnectOptions::new(), &url).await;
    assert_eq!((kind, attempt.step), (ConnectErrorKind::Io, Step::Dial));
    assert!(attempt.address.is_some());
    let Cause::Io(text) = &attempt.cause else { panic!("{attempt:?}") };
    assert_contains(text, "refused");
}

#[tokio::test]
async fn of_several_servers_the_last_failure_is_told() {
    let ports = [free_port().unwrap(), free_port().unwrap()];
    let urls = ports.map(|port| format!("nats://127.0.0.1:{port}"));
    let options = ConnectOptions::new().retain_servers_order();
    let error = within("a failure", options.connect(urls.to_vec())).await.unwrap_err();
    assert_eq!(error.attempt().unwrap().server.port(), ports[1]);
}

#[tokio::test]
async fn a_server_that_accepts_and_stays_silent_is_given_up() {
    let options = ConnectOptions::new().connection_timeout(Duration::from_millis(150));
    let (kind, attempt) = fake_failure(options, |mut connection| connection.expect_end()).await;
    assert_eq!((kind, attempt.step), (ConnectErrorKind::TimedOut, Step::Info));
    assert_eq!(attempt.cause, Cause::TimedOut);
}

#[tokio::test]
async fn a_server_that_never_answers_connect_is_given_up() {
    let options = ConnectOptions::new().connection_timeout(Duration::from_millis(150));
    let (kind, attempt) = fake_failure(options, |mut connection| {
        connection.send_info(&json!({}));
        connection.expect_line("CONNECT ");
        connection.expect_line("PING");
        connection.expect_end();
    })
    .await;
    assert_eq!((kind, attempt.step), (ConnectErrorKind::TimedOut, Step::Connect));
}

#[tokio::test]
async fn a_server_that_sends_junk_is_not_a_nats_server() {
    for junk in
        ["HTTP/1.1 400 Bad Request\r\n\r\n", "INFO {not json}\r\n", "\0\0\0\0\r\n", "PING\r\n"]
    {
        let (kind, attempt) = fake_failure(ConnectOptions::new(), move |mut connection| {
            connection.send(junk);
            // It may hang up at the first of these bytes.
            drop(connection);
        })
        .await;
        assert_eq!((kind, attempt.step), (ConnectErrorKind::Io, Step::Info), "{junk:?}");
        assert!(
            matches!(attempt.cause, Cause::Protocol(_) | Cause::Unexpected(_)),
            "{junk:?}: {:?}",
            attempt.cause
        );
    }
}

#[tokio::test]
async fn an_endless_line_is_not_read_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let talking = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"INFO ").unwrap();
        // Until the client has had enough.
        while stream.write_all(&[b'a'; 64 << 10]).is_ok() {}
    });
    let (_, attempt) = failure(ConnectOptions::new(), &url).await;
    assert_eq!(attempt.step, Step::Info);
    assert!(matches!(attempt.cause, Cause::Protocol(_)), "{:?}", attempt.cause);
    within("the end of the line", talking).await.unwrap();
}

#[tokio::test]
async fn an_error_of_the_server_instead_of_a_pong_is_told_in_its_words() {
    for (text, kind) in [
        ("'Authorization Violation'", ConnectErrorKind::AuthorizationViolation),
        ("'maximum connections exceeded'", ConnectErrorKind::Io),
        ("'a word nobody knows'", ConnectErrorKind::Io),
    ] {
        let (told, attempt) = fake_failure(ConnectOptions::new(), move |mut connection| {
            connection.send_info(&json!({}));
            connection.expect_line("CONNECT ");
            connection.expect_line("PING");
            connection.send(format!("-ERR {text}\r\n"));
            connection.close();
        })
        .await;
        assert_eq!((told, attempt.step), (kind, Step::Connect), "{text}");
        let Cause::Server(error) = &attempt.cause else { panic!("{text}: {attempt:?}") };
        assert_contains(error, text.trim_matches('\''));
    }
}

#[tokio::test]
async fn an_error_of_the_server_right_behind_info_is_told_before_anything_was_sent() {
    // Credentials never come, so there can be no CONNECT that the error would answer.
    let options = ConnectOptions::with_auth_callback(|_| core::future::pending());
    let (kind, attempt) = fake_failure(options, |mut connection| {
        connection.send_info(&json!({"auth_required": true, "nonce": "abc"}));
        connection.send("-ERR 'maximum connections exceeded'\r\n");
        connection.expect_end();
    })
    .await;
    assert_eq!((kind, attempt.step), (ConnectErrorKind::Io, Step::Credentials));
    let Cause::Server(error) = &attempt.cause else { panic!("{attempt:?}") };
    assert_eq!(error.text(), "maximum connections exceeded");

    // In one segment with INFO, and the end of the stream behind it.
    let fake = FakeServer::start().unwrap();
    let url = fake.url();
    let server = blocking_task(move || {
        let mut connection = fake.accept();
        let info = r#"INFO {"server_id":"N","version":"2.15.1","proto":1,"max_payload":1024}"#;
        connection.send(format!("{info}\r\n-ERR 'maximum connections exceeded'\r\n"));
        connection.close();
    });
    let (_, attempt) = failure(ConnectOptions::new(), &url).await;
    assert_contains(&attempt.cause, "maximum connections exceeded");
    within("the fake server", server).await.unwrap();
}

#[tokio::test]
async fn a_full_server_says_so() {
    let server = server_with("max_connections: 1");
    let _first = connect_to(quick(), &server.url()).await;
    let (_, attempt) = failure(ConnectOptions::new(), &server.url()).await;
    assert!(matches!(attempt.cause, Cause::Server(_)), "{attempt:?}");
    assert_contains(&attempt.cause, "maximum connections exceeded");
}

#[tokio::test]
async fn a_server_that_hangs_up_is_told_with_the_step() {
    let (kind, attempt) = fake_failure(ConnectOptions::new(), FakeConnection::close).await;
    assert_eq!((kind, attempt.step), (ConnectErrorKind::Io, Step::Info));
    assert!(matches!(attempt.cause, Cause::Closed | Cause::Io(_)), "{attempt:?}");

    let (_, attempt) = fake_failure(ConnectOptions::new(), |mut connection| {
        connection.send_info(&json!({}));
        connection.expect_line("CONNECT ");
        connection.expect_line("PING");
        connection.close();
    })
    .await;
    assert_eq!((attempt.step, attempt.cause), (Step::Connect, Cause::Closed));
}

#[tokio::test]
async fn a_connect_that_is_too_long_for_the_server_is_explained() {
    let server = server();
    let options = ConnectOptions::new().name("n".repeat(5_000));
    let (_, attempt) = failure(options, &server.url()).await;
    assert_eq!(attempt.step, Step::Connect);
    assert!(
        matches!(
            attempt.cause,
            Cause::ConnectTooLong { .. } | Cause::Server(ServerError::MaxControlLine(_))
        ),
        "{attempt:?}"
    );
    assert_contains(attempt.to_string().to_lowercase().replace('_', " "), "control line");
}

#[tokio::test]
async fn a_connect_that_is_too_long_for_a_silent_server_is_explained() {
    let options = ConnectOptions::new().name("n".repeat(5_000));
    let (_, attempt) = fake_failure(options, |mut connection| {
        connection.send_info(&json!({}));
        connection.expect_line("CONNECT ");
        connection.expect_line("PING");
        connection.close();
    })
    .await;
    assert!(matches!(attempt.cause, Cause::ConnectTooLong { len } if len > 5_000), "{attempt:?}");
    assert_contains(&attempt, "4096");
}

#[tokio::test]
async fn bad_addresses_and_options_are_errors_before_anything_is_dialed() {
    let bad = |result: Result<Client, ConnectError>| result.unwrap_err();
    for url in ["", "http://localhost", "nats://[::1", "nats://a b", "nats://host:port"] {
        let error = bad(ConnectOptions::new().connect(url).await);
        assert_eq!(error.kind(), ConnectErrorKind::ServerParse, "{url:?}");
    }
    let url = "nats://127.0.0.1:1";
    let two = ConnectOptions::with_token("t".into()).user_and_password("u".into(), "p".into());
    assert_eq!(bad(two.connect(url).await).kind(), ConnectErrorKind::Options);
    for prefix in ["", "a b", "a.*", "a.", ">"] {
        let options = ConnectOptions::new().custom_inbox_prefix(prefix);
        assert_eq!(bad(options.connect(url).await).kind(), ConnectErrorKind::Options, "{prefix:?}");
    }
    let options = ConnectOptions::new().connection_timeout(Duration::ZERO);
    assert_eq!(bad(options.connect(url).await).kind(), ConnectErrorKind::Options);
}

#[tokio::test]
async fn credentials_of_two_kinds_contradict_each_other() {
    type Set = fn(ConnectOptions) -> ConnectOptions;
    let kinds: [(&str, Set); 9] = [
        ("token", |options| options.token("t".into())),
        ("user", |options| options.user_and_password("u".into(), "p".into())),
        ("callback", |options| options.auth_callback(|_| async { Ok(Auth::new()) })),
        ("nkey", |options| options.nkey(KeyPair::new_user([7; 32]).seed().to_string())),
        ("nkey file", |options| options.nkey_file("/nowhere/user.nk")),
        ("signer", |options| options.nkey_signer("U".into(), |_| async { Ok(Vec::new()) })),
        ("JWT", |options| options.jwt("jwt".into(), |_| async { Ok(Vec::new()) })),
        ("JWT and seed", |options| options.jwt_and_seed("jwt".into(), "seed".into())),
        ("bearer", |options| options.bearer_jwt("jwt".into())),
    ];
    // Refused before anything is dialed, or this would be another kind of error.
    let url = format!("nats://127.0.0.1:{}", free_port().unwrap());
    for (one, set_one) in kinds {
        let alone = within("a dial", set_one(ConnectOptions::new()).connect(&*url)).await;
        let expected = match one {
            // These cannot be right, which is found out before a dial.
            "nkey file" | "signer" | "JWT" | "JWT and seed" | "bearer" => {
                ConnectErrorKind::Authentication
            }
            _ => ConnectErrorKind::Io,
        };
        assert_eq!(alone.unwrap_err().kind(), expected, "{one}");
        for (other, set_other) in kinds {
            let options = set_other(set_one(ConnectOptions::new()));
            let error = within("an error", options.connect(&*url)).await.unwrap_err();
            assert_eq!(error.kind(), ConnectErrorKind::Options, "{one} and {other}");
            assert_contains(&error, "credentials");
        }
    }
}

#[tokio::test]
async fn a_connect_that_is_dropped_leaves_no_connection() {
    let fake = FakeServer::start().unwrap();
    let url = fake.url();
    {
        let connecting = ConnectOptions::new().connect(url);
        let timed = tokio::time::timeout(Duration::from_millis(100), connecting).await;
        assert!(timed.is_err(), "the silent server was connected");
    }
    blocking("the client's end", move || {
        let mut connection = fake.accept();
        connection.expect_end();
        assert!(fake.try_accept(Duration::from_millis(100)).is_none(), "it dialed again");
    })
    .await;
}

#[tokio::test]
async fn an_error_during_the_replay_of_subscriptions_is_a_failed_attempt_and_the_next_one_succeeds()
{
    let fake = FakeServer::start().unwrap();
    let url = fake.url();
    let (lose, lost) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let mut connection = fake.accept();
        connection.handshake();
        connection.expect_line("PING");
        connection.send("PONG\r\n");
        connection.expect_line("SUB replayed");
        lost.recv().unwrap();
        connection.close();
        let mut connection = fake.accept();
        connection.send_info(&json!({}));
        connection.expect_line("CONNECT");
        connection.expect_line("SUB replayed");
        connection.send("-ERR 'maximum control line exceeded'\r\n");
        connection.close();
        let mut connection = fake.accept();
        connection.send_info(&json!({}));
        connection.expect_line("CONNECT");
        connection.expect_line("SUB replayed");
        connection.expect_line("PING");
        connection.send("PONG\r\n");
        connection.expect_line("PING");
        connection.send("PONG\r\nMSG replayed 1 2\r\nhi\r\n");
        connection
    });
    let client = connect_to(quick(), &url).await;
    let mut events = client.events();
    let mut replayed = client.subscribe("replayed").await.unwrap();
    client.flush().await.unwrap();
    lose.send(()).unwrap();
    let step = pick("a failed attempt", &mut events, |event| match event {
        Event::AttemptFailed(failure) => Some(failure.step),
        _ => None,
    })
    .await;
    assert_eq!(step, Step::Connect);
    event(&mut events, &Event::Connected).await;
    assert_eq!(next(&mut replayed).await.payload, "hi");
    drop(server.join().unwrap());
}

#[tokio::test]
async fn a_name_that_cannot_be_looked_up_is_told_with_the_step() {
    // Too long for a label: no resolver has to be asked.
    let host = "x".repeat(64);
    let connecting = ConnectOptions::new().connect(format!("nats://{host}.invalid"));
    let error = within("a failure", connecting).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Dns, "{error}");
    let attempt = error.attempt().unwrap();
    assert_eq!(attempt.step, Step::Resolve);
    assert_eq!(attempt.address, None);
    assert!(matches!(attempt.cause, Cause::Dns(_)), "{attempt:?}");
    assert_contains(&error, &host);
}
