//! WebSocket, with TLS below it and without, and servers that get it wrong.

use crate::support::{connect_to, end_of, event, next, numbered, pattern, pick, quick, within};
use midge_test_server::{
    Direction, FakeServer, FaultProxy, NatsServer, TestCerts, WebSocketOptions,
};
use midge_tokio::{
    AttemptFailure, Cause, Client, ConnectError, ConnectErrorKind, ConnectOptions, Event,
    LostReason, Step, WebSocketError,
};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::{Message, WebSocket};

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

/// Accepts one client, hands its request and its WebSocket to `serve` on a thread.
fn fake(
    serve: impl FnOnce(Request, &mut WebSocket<TcpStream>) + Send + 'static,
) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut request = None;
        #[expect(clippy::result_large_err, reason = "the crate's own callback")]
        let keep = |asked: &Request, response: Response| {
            request = Some(asked.clone());
            Ok(response)
        };
        let mut websocket = tungstenite::accept_hdr(stream, keep).unwrap();
        serve(request.unwrap(), &mut websocket);
    });
    (url, thread)
}

const INFO: &str = "INFO {\"server_id\":\"F\",\"version\":\"2.15.1\",\"proto\":1,\"headers\":true,\
                    \"max_payload\":1048576}\r\n";
const SECOND: &str = "PONG\r\nINFO {\"headers\":true,\"max_payload\":1048576,\
                      \"connect_info\":true}\r\n";

fn send(websocket: &mut WebSocket<TcpStream>, text: &str) {
    websocket.send(Message::Binary(text.as_bytes().to_vec().into())).unwrap();
}

fn send_frame(websocket: &mut WebSocket<TcpStream>, opcode: OpCode, fin: bool, text: &str) {
    let payload = text.as_bytes().to_vec();
    websocket.send(Message::Frame(Frame::message(payload, opcode, fin))).unwrap();
}

/// Reads data until it ends with `end`.
fn read_until(websocket: &mut WebSocket<TcpStream>, end: &str) -> String {
    let mut all = String::new();
    while !all.ends_with(end) {
        if let Message::Binary(bytes) = websocket.read().unwrap() {
            all.push_str(core::str::from_utf8(&bytes).unwrap());
        }
    }
    all
}

fn handshake(websocket: &mut WebSocket<TcpStream>) {
    send(websocket, INFO);
    read_until(websocket, "PING\r\n");
    send(websocket, SECOND);
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
async fn the_request_carries_path_query_and_headers_and_offers_no_extension() {
    let (url, thread) = fake(|request, websocket| {
        assert_eq!(request.uri().to_string(), "/nats/x?token=1");
        assert_eq!(request.headers()["authorization"], "Bearer s3cret");
        assert_eq!(request.headers()["x-each"], "2");
        assert_eq!(request.headers()["host"], *request.headers()["x-host"].to_str().unwrap());
        assert!(!request.headers().contains_key("sec-websocket-extensions"));
        handshake(websocket);
    });
    let host = url.trim_start_matches("ws://").to_owned();
    let options = ConnectOptions::new()
        .websocket_header("Authorization", "Bearer s3cret")
        .websocket_headers_callback(move || {
            vec![("X-Each".to_owned(), "2".to_owned()), ("X-Host".to_owned(), host.clone())]
        });
    assert!(!format!("{options:?}").contains("s3cret"));
    connect_to(options, &format!("{url}/nats/x?token=1")).await;
    thread.join().unwrap();
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
async fn fragments_with_pings_between_them_are_one_stream_and_each_ping_is_answered() {
    let (url, thread) = fake(|_, websocket| {
        let (begin, rest) = INFO.split_at(20);
        let (middle, end) = rest.split_at(30);
        send_frame(websocket, OpCode::Data(Data::Binary), false, begin);
        websocket.send(Message::Ping("are you there".into())).unwrap();
        assert_eq!(websocket.read().unwrap(), Message::Pong("are you there".into()));
        send_frame(websocket, OpCode::Data(Data::Continue), false, middle);
        send_frame(websocket, OpCode::Data(Data::Continue), false, "");
        send_frame(websocket, OpCode::Data(Data::Continue), true, end);
        read_until(websocket, "PING\r\n");
        for byte in SECOND.split_inclusive(|_| true) {
            send(websocket, byte);
        }
        read_until(websocket, "SUB a 1\r\n");
        send(websocket, "MSG a 1 2\r\nhi\r\n");
    });
    let client = connect_to(ConnectOptions::new(), &url).await;
    let mut subscriber = client.subscribe("a").await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "hi");
    thread.join().unwrap();
}

#[tokio::test]
async fn what_comes_before_a_close_frame_is_delivered_and_the_close_is_answered_and_told() {
    let (url, thread) = fake(|_, websocket| {
        handshake(websocket);
        read_until(websocket, "SUB a 1\r\n");
        websocket.write(Message::Binary("MSG a 1 4\r\nlast\r\n".into())).unwrap();
        let frame = CloseFrame { code: CloseCode::Away, reason: "moving".into() };
        websocket.close(Some(frame.clone())).unwrap();
        assert_eq!(websocket.read().unwrap(), Message::Close(Some(frame)));
    });
    let client = connect_to(ConnectOptions::new().no_reconnect(), &url).await;
    let mut events = client.events();
    let mut subscriber = client.subscribe("a").await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "last");
    end_of(&mut subscriber).await;
    let reason = pick("the reason", &mut events, |event| match event {
        Event::Lost(reason) => Some(reason.clone()),
        _ => None,
    });
    let closed = WebSocketError::Closed { code: 1001, reason: "moving".to_owned() };
    assert_eq!(reason.await, LostReason::WebSocket(closed));
    thread.join().unwrap();
}

#[tokio::test]
async fn a_client_that_closes_says_so_by_a_close_frame_behind_everything_else() {
    let (url, thread) = fake(|_, websocket| {
        handshake(websocket);
        let said = read_until(websocket, "PING\r\n");
        assert_eq!(said, "PUB last 1\r\nx\r\nPING\r\n");
        send(websocket, "PONG\r\n");
        let normal = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        assert_eq!(websocket.read().unwrap(), Message::Close(Some(normal)));
    });
    let client = connect_to(ConnectOptions::new(), &url).await;
    client.publish("last", "x".into()).await.unwrap();
    within("close", client.close()).await.unwrap();
    thread.join().unwrap();
}

#[tokio::test]
async fn frames_that_break_the_protocol_or_are_too_large_lose_the_connection() {
    /// After the handshake, a header of a frame, and what the client says of it.
    const TABLE: [(&[u8], &str); 4] = [
        // 65 MiB of binary data.
        (&[0x82, 127, 0, 0, 0, 0, 4, 16, 0, 0], "too"),
        // Masked, as no server may.
        (&[0x82, 0x81, 1, 2, 3, 4, 5], "mask"),
        // A reserved bit that only an extension could give a meaning.
        (&[0xc2, 1, b'x'], "eserved"),
        // A continuation of nothing.
        (&[0x80, 1, b'x'], "ontinue"),
    ];
    for (bytes, expected) in TABLE {
        let (url, thread) = fake(|_, websocket| {
            handshake(websocket);
            std::io::Write::write_all(websocket.get_mut(), bytes).unwrap();
            while websocket.read().is_ok() {}
        });
        let client = connect_to(ConnectOptions::new().no_reconnect(), &url).await;
        let mut events = client.events();
        let reason = pick("the reason", &mut events, |event| match event {
            Event::Lost(LostReason::WebSocket(WebSocketError::Protocol(text))) => {
                Some(text.clone())
            }
            _ => None,
        });
        let text = reason.await;
        assert!(text.contains(expected), "{text}");
        thread.join().unwrap();
    }
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
