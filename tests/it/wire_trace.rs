//! The wire trace of a live connection.

use crate::support::{connect_to, event, next, quick, within};
use midge_test_server::{NatsServer, TestCerts};
use midge_tokio::{ConnectOptions, Event, HeaderMap};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn keep(&self, options: ConnectOptions) -> ConnectOptions {
        let lines = Arc::clone(&self.0);
        options.wire_trace(move |line| lines.lock().unwrap().push(line.to_owned()))
    }

    /// The lines so far, and whether the times never run backwards.
    fn texts(&self) -> Vec<String> {
        let mut last = 0.0;
        let text = |line: &String| {
            let (time, text) = line.split_once(' ').unwrap();
            let time: f64 = time.parse().unwrap();
            assert!(time >= last, "{line}");
            last = time;
            text.to_owned()
        };
        self.0.lock().unwrap().iter().map(text).collect()
    }
}

#[tokio::test]
async fn every_frame_is_a_line_and_neither_password_nor_payload_is_in_it() {
    let certs = TestCerts::generate().unwrap();
    let server = NatsServer::builder()
        .tls(certs.server_tls())
        .config("authorization { user: joe, password: S3CRET }")
        .start()
        .unwrap();
    let lines = Lines::default();
    let options = lines
        .keep(quick())
        .user_and_password("joe".to_owned(), "S3CRET".to_owned())
        .add_root_certificates(certs.ca_path());
    let client = connect_to(options, &server.url()).await;
    let mut events = client.events();
    let mut subscriber = client.subscribe("orders.*").await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Key", "S3CRET");
    client.publish_with_headers("orders.new", headers, "S3CRET".into()).await.unwrap();
    next(&mut subscriber).await;
    client.force_reconnect().await.unwrap();
    event(&mut events, &Event::Connected).await;
    client.publish("orders.old", "S3CRET".into()).await.unwrap();
    next(&mut subscriber).await;
    within("close", client.close()).await.unwrap();

    let texts = lines.texts();
    assert!(texts.iter().all(|text| !text.contains("S3CRET")), "{texts:#?}");
    let expected = [
        "== open",
        "<- INFO {",
        "-> CONNECT {",
        "-> PING",
        "<- PONG",
        "-> SUB orders.* 1",
        "-> HPUB orders.new 2",
        "<- HMSG orders.new 1 2",
        "== end",
        "== open",
        "-> CONNECT {",
        "-> SUB orders.* 1",
        "-> PUB orders.old 6",
        "<- MSG orders.old 1 6",
        "== end",
    ];
    let mut rest = texts.iter();
    for begin in expected {
        assert!(rest.any(|text| text.starts_with(begin)), "no {begin} in its place: {texts:#?}");
    }
    let connect = texts.iter().find(|text| text.starts_with("-> CONNECT ")).unwrap();
    assert!(connect.contains("\"user\":\"joe\"") && connect.contains("\"pass\":\"[redacted]\""));
    assert_eq!(texts.iter().filter(|text| text.as_str() == "== open").count(), 2, "{texts:#?}");
    assert_eq!(texts.iter().filter(|text| text.as_str() == "== end").count(), 2, "{texts:#?}");
}
