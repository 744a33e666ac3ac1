//! WebSocket, with TLS below it and without, and servers that get it wrong.

use crate::support::{connect_to, event, next, numbered, pattern, pick, quick, within};
use midge_test_server::{
    Direction, FakeServer, FaultProxy, NatsServer, TestCerts, WebSocketOptions,
};
use midge_tokio::{
    AttemptFailure, Cause, Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, Step,
    WebSocketError,
};
use std::thread;

fn server(options: WebSocketOptions) -> (NatsServer, String) {
    let server = NatsServer::builder().websocket(options).start().unwrap();
    let url = server.websocket_url().unwrap();
    (server, url)
}

async fn exchange(client: &Client) {
    let mut subscriber = client.subscribe("ws.>").await.unwrap();
    for size in [0, 1, 125, 126, 5_000, 16_384, 65_536, 300_000, 1_000_000] {
        let payload = pattern(size);
        client.publish("ws.x", payload.clone()).await.unwrap();
        assert_eq!(next(&mut subscriber).await.payload, payload, "{size} bytes");
    }
}

async fn failure(options: ConnectOptions, url: &str) -> AttemptFailure {
    let error = within("connect", options.connect(url)).await.unwrap_err();
    error.attempt().unwrap_or_else(|| panic!("{error}")).clone()
}

#[track_caller]
fn websocket_error(failure: &AttemptFailure) -> &WebSocketError {
    assert_eq!(failure.step, Step::WebSocket, "{failure}");
    assert!(failure.address.is_some(), "{failure}");
    match &failure.cause {
        Cause::WebSocket(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn messages_of_every_size_pass_over_ws() {
    let (_server, url) = server(WebSocketOptions::plain());
    let client = connect_to(ConnectOptions::new(), &url).await;
    exchange(&client).await;
    assert!(client.tls_info().is_none());
    within("close", client.close()).await.unwrap();
}

#[tokio::test]
async fn messages_of_every_size_pass_over_wss_and_the_certificate_is_verified() {
    let certs = TestCerts::generate().unwrap();
    let (_server, url) = server(WebSocketOptions::tls(certs.server_tls()));
    let trusting = ConnectOptions::new().add_root_certificates(certs.ca_path());
    let client = connect_to(trusting, &url).await;
    exchange(&client).await;
    let info = client.tls_info().unwrap();
    assert_eq!(info.peer_certificates[0], certs.server().certificate_der());
    within("close", client.close()).await.unwrap();

    let stranger = TestCerts::generate().unwrap();
    let options = ConnectOptions::new().add_root_certificates(stranger.ca_path());
    let error = within("connect", options.connect(&url)).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Tls, "{error}");
}

#[tokio::test]
async fn a_server_that_would_compress_is_not_asked_to() {
    let (_server, url) = server(WebSocketOptions::plain().compression());
    exchange(&connect_to(ConnectOptions::new(), &url).await).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_as_such_over_ws() {
    let server = NatsServer::builder()
        .websocket(WebSocketOptions::plain())
        .config("authorization { user: joe, password: right }")
        .start()
        .unwrap();
    let url = server.websocket_url().unwrap();
    let login =
        |password: &str| ConnectOptions::new().user_and_password("joe".into(), password.to_owned());
    connect_to(login("right"), &url).await;
    let error = within("connect", login("wrong").connect(&url)).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::AuthorizationViolation, "{error}");
}

#[tokio::test]
async fn a_cut_websocket_is_made_again_and_no_message_is_torn_or_doubled() {
    let (server, _) = server(WebSocketOptions::plain());
    let proxy = FaultProxy::start(server.websocket_address().unwrap()).unwrap();
    let url = format!("ws://{}", proxy.address());
    let reader = connect_to(ConnectOptions::new(), &server.url()).await;
    let mut all = reader.subscription("n").confirmed().await.unwrap();
    let client = connect_to(quick(), &url).await;
    let mut events = client.events();
    let mut accounted = 0;
    let mut number = 0;
    for cut in [3_000, 30_001, 60_017] {
        proxy.cut_next_after(Direction::ToServer, cut);
        proxy.cut();
        event(&mut events, &Event::Connected).await;
        for _ in 0..5_000 {
            client.publish("n", numbered(number)).await.unwrap();
            number += 1;
        }
        let fate = pick("a fate", &mut events, |event| match event {
            Event::Fate(fate) => Some(*fate),
            _ => None,
        });
        accounted += fate.await.uncertain;
        event(&mut events, &Event::Connected).await;
    }
    within("sync", client.sync()).await.unwrap();
    reader.publish("n", "end".into()).await.unwrap();
    let (mut received, mut last) = (0, None);
    loop {
        let message = next(&mut all).await;
        if message.payload == "end" {
            break;
        }
        let number = u32::from_be_bytes(message.payload[..].try_into().unwrap());
        assert!(last < Some(number), "{number} after {last:?}");
        last = Some(number);
        received += 1;
    }
    assert!(received <= u64::from(number) && received + accounted >= u64::from(number));
}

#[tokio::test]
async fn headers_that_http_does_not_allow_are_refused_before_anything_is_dialed() {
    for (name, value) in [("X y", "s3cret"), ("x", "s3cret\r\nY: z"), ("Host", "s3cret")] {
        let options = ConnectOptions::new().websocket_header(name, value);
        let error = options.connect("ws://127.0.0.1:9").await.unwrap_err();
        assert!(matches!(error, ConnectError::Options(_)), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn pools_of_both_kinds_are_refused() {
    let error = ConnectOptions::new().connect("ws://h, nats://h").await.unwrap_err();
    assert!(matches!(error, ConnectError::Options(_)), "{error}");
}

#[tokio::test]
async fn a_refused_request_is_told_by_its_status() {
    let fake = FakeServer::start().unwrap();
    let url = format!("ws://{}", fake.address());
    let thread = thread::spawn(move || {
        let mut connection = fake.accept();
        connection.read_until("\r\n\r\n");
        connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        connection.expect_end();
    });
    let failure = failure(ConnectOptions::new(), &url).await;
    assert_eq!(*websocket_error(&failure), WebSocketError::Status { code: 403 });
    thread.join().unwrap();
}

#[tokio::test]
async fn answers_that_prove_nothing_are_not_accepted() {
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let table = [
        (format!("{head}Sec-WebSocket-Accept: bm90IGl0\r\n\r\n"), "Sec-WebSocket-Accept"),
        (format!("{head}\r\n"), "Sec-WebSocket-Accept"),
        ("HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\n".to_owned(), "Upgrade"),
        ("INFO {\"server_id\":\"plain\"}\r\n".to_owned(), ""),
    ];
    for (answer, expected) in table {
        let fake = FakeServer::start().unwrap();
        let url = format!("ws://{}", fake.address());
        let thread = thread::spawn(move || {
            let mut connection = fake.accept();
            connection.read_until("\r\n\r\n");
            connection.send(answer);
            connection.expect_end();
        });
        let failure = failure(ConnectOptions::new(), &url).await;
        let error = websocket_error(&failure);
        assert!(matches!(error, WebSocketError::NotAccepted(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn the_nats_port_is_no_websocket_and_a_websocket_port_no_nats() {
    let (server, url) = server(WebSocketOptions::plain());
    let to_nats = failure(ConnectOptions::new(), &format!("ws://{}", server.address())).await;
    assert!(matches!(websocket_error(&to_nats), WebSocketError::NotAccepted(_)), "{to_nats}");
    let options = ConnectOptions::new().connection_timeout(core::time::Duration::from_millis(300));
    let to_websocket = failure(options, &url.replace("ws://", "nats://")).await;
    assert_eq!((to_websocket.step, to_websocket.cause), (Step::Info, Cause::TimedOut));
}

#[tokio::test]
async fn a_server_that_stalls_in_the_handshake_costs_the_timeout_of_the_attempt() {
    let fake = FakeServer::start().unwrap();
    let url = format!("ws://{}", fake.address());
    let options = ConnectOptions::new().connection_timeout(core::time::Duration::from_millis(100));
    let failure = failure(options, &url).await;
    assert_eq!((failure.step, failure.cause), (Step::WebSocket, Cause::TimedOut));
}

#[tokio::test]
async fn a_stream_that_secrets_may_not_take_in_clear_carries_no_request() {
    let fake = FakeServer::start().unwrap();
    let url = format!("ws://{}", fake.address());
    let options = ConnectOptions::new().require_tls(true).websocket_header("Cookie", "s3cret");
    let failure = failure(options, &url).await;
    assert_eq!((failure.step, failure.cause), (Step::WebSocket, Cause::TlsNotOffered));
    crate::support::blocking("the end", move || fake.accept().expect_end()).await;
}
