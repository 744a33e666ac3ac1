//! The WebSocket as servers may speak it and nats-server does not: fragments, control frames between
//! them, close frames; and what the request for it carries.
//!
//! These behaviours bring the transport that they need.

use crate::adapters::Adapter;
use crate::stage::{Stage, conformance, end_of, finished, next, within};
use midge::{Event, Events, LostReason, WebSocketError};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::{Message, WebSocket};

conformance! {
    the_request_carries_path_query_and_headers_and_offers_no_extension,
    fragments_with_pings_between_them_are_one_stream_and_each_ping_is_answered,
    what_comes_before_a_close_frame_is_delivered_and_the_close_is_answered_and_told,
    a_client_that_closes_says_so_by_a_close_frame_behind_everything_else,
    frames_that_break_the_protocol_or_are_too_large_lose_the_connection,
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

/// Why the connection was lost.
async fn lost(events: &mut Events) -> LostReason {
    within("the loss of the connection", async {
        loop {
            match events.next().await {
                Some(Event::Lost(reason)) => return reason,
                Some(_) => {}
                None => panic!("the events ended without a reason"),
            }
        }
    })
    .await
}

async fn the_request_carries_path_query_and_headers_and_offers_no_extension<A: Adapter>(
    stage: Stage<A>,
) {
    let (url, thread) = fake(|request, websocket| {
        assert_eq!(request.uri().to_string(), "/nats/x?token=1");
        assert_eq!(request.headers()["authorization"], "Bearer s3cret");
        assert_eq!(request.headers()["x-each"], "2");
        assert_eq!(request.headers()["host"], *request.headers()["x-host"].to_str().unwrap());
        assert!(!request.headers().contains_key("sec-websocket-extensions"));
        handshake(websocket);
    });
    let host = url.trim_start_matches("ws://").to_owned();
    let options = stage
        .options()
        .websocket_header("Authorization", "Bearer s3cret")
        .websocket_headers_callback(move || {
            vec![("X-Each".to_owned(), "2".to_owned()), ("X-Host".to_owned(), host.clone())]
        });
    assert!(!format!("{options:?}").contains("s3cret"));
    stage.connect_to(options, &format!("{url}/nats/x?token=1")).await;
    finished(thread).await;
}

async fn fragments_with_pings_between_them_are_one_stream_and_each_ping_is_answered<A: Adapter>(
    stage: Stage<A>,
) {
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
    let client = stage.connect_to(stage.options(), &url).await;
    let mut subscriber = client.subscribe("a").await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "hi");
    finished(thread).await;
}

async fn what_comes_before_a_close_frame_is_delivered_and_the_close_is_answered_and_told<
    A: Adapter,
>(
    stage: Stage<A>,
) {
    let (url, thread) = fake(|_, websocket| {
        handshake(websocket);
        read_until(websocket, "SUB a 1\r\n");
        websocket.write(Message::Binary("MSG a 1 4\r\nlast\r\n".into())).unwrap();
        let frame = CloseFrame { code: CloseCode::Away, reason: "moving".into() };
        websocket.close(Some(frame.clone())).unwrap();
        assert_eq!(websocket.read().unwrap(), Message::Close(Some(frame)));
    });
    let client = stage.connect_to(stage.options().no_reconnect(), &url).await;
    let mut events = client.events();
    let mut subscriber = client.subscribe("a").await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "last");
    end_of(&mut subscriber).await;
    let closed = WebSocketError::Closed { code: 1001, reason: "moving".to_owned() };
    assert_eq!(lost(&mut events).await, LostReason::WebSocket(closed));
    finished(thread).await;
}

async fn a_client_that_closes_says_so_by_a_close_frame_behind_everything_else<A: Adapter>(
    stage: Stage<A>,
) {
    let (url, thread) = fake(|_, websocket| {
        handshake(websocket);
        let said = read_until(websocket, "PING\r\n");
        assert_eq!(said, "PUB last 1\r\nx\r\nPING\r\n");
        send(websocket, "PONG\r\n");
        let normal = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        assert_eq!(websocket.read().unwrap(), Message::Close(Some(normal)));
    });
    let client = stage.connect_to(stage.options(), &url).await;
    client.publish("last", "x".into()).await.unwrap();
    within("close", client.close()).await.unwrap();
    finished(thread).await;
}

async fn frames_that_break_the_protocol_or_are_too_large_lose_the_connection<A: Adapter>(
    stage: Stage<A>,
) {
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
        let client = stage.connect_to(stage.options().no_reconnect(), &url).await;
        let mut events = client.events();
        let LostReason::WebSocket(WebSocketError::Protocol(text)) = lost(&mut events).await else {
            panic!("another reason")
        };
        assert!(text.contains(expected), "{text}");
        finished(thread).await;
    }
}
