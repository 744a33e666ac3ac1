//! What the server allows, and what the client counts.

use crate::support::{
    connect, connect_to, next, numbered, pattern, server, server_with, until, within,
};
use core::sync::atomic::Ordering::Relaxed;
use midge_test_server::{
    AccountOptions, FakeConnection, FakeServer, NatsServer, Operator, UserOptions,
};
use midge_tokio::{ConnectOptions, Event, PublishErrorKind};
use serde_json::json;

#[tokio::test]
async fn the_limit_of_the_account_holds_once_the_server_has_told_it() {
    let mut operator = Operator::new().unwrap();
    let account = operator.add_account("a", AccountOptions::new().limit("payload", 512)).unwrap();
    let user = account.user("u", UserOptions::new()).unwrap();
    let server = NatsServer::builder().operator(&operator).start().unwrap();
    let options = ConnectOptions::with_credentials(&user.credentials()).unwrap();
    let client = connect_to(options, &server.url()).await;
    within("sync", client.sync()).await.unwrap();
    assert_eq!(client.max_payload(), 512);
    let mut all = client.subscribe("p").await.unwrap();
    client.publish("p", pattern(512)).await.unwrap();
    let error = client.publish("p", pattern(513)).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::MaxPayloadExceeded);
    assert_eq!(next(&mut all).await.payload.len(), 512);
    client.sync().await.unwrap();
    assert_eq!(client.statistics().connects.load(Relaxed), 1);
}

#[tokio::test]
async fn an_info_while_connected_changes_the_limits() {
    let fake = FakeServer::start().unwrap();
    let url = fake.url();
    let serving = tokio::task::spawn_blocking(move || {
        let mut connection = fake.accept();
        connection.handshake_with(&json!({ "max_payload": 1_000, "client_id": 5 }));
        connection.send_info(&json!({ "max_payload": 10, "client_id": 5 }));
        answer_until(&mut connection, "PUB a 10");
        connection.read_until("\r\n");
        connection.send_info(&json!({ "max_payload": -1, "headers": false }));
        answer_until(&mut connection, "PUB a 2000");
    });
    let client = connect_to(ConnectOptions::new(), &url).await;
    within("sync", client.sync()).await.unwrap();
    assert_eq!(client.max_payload(), 10);
    assert!(client.publish("a", pattern(11)).await.is_err());
    client.publish("a", pattern(10)).await.unwrap();
    client.flush().await.unwrap();
    within("sync", client.sync()).await.unwrap();
    assert_eq!(client.max_payload(), usize::MAX);
    let mut headers = midge_tokio::HeaderMap::new();
    headers.insert("A", "b");
    let error = client.publish_with_headers("a", headers, "x".into()).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::HeadersNotSupported);
    client.publish("a", pattern(2_000)).await.unwrap();
    within("the fake server", serving).await.unwrap();
}

/// Answers PINGs until this line comes.
fn answer_until(connection: &mut FakeConnection, wanted: &str) {
    loop {
        let line = connection.read_line();
        if line == wanted {
            return;
        }
        assert_eq!(line, "PING");
        connection.send("PONG\r\n");
    }
}

#[tokio::test]
async fn kept_messages_that_the_next_server_does_not_take_are_told_and_dropped() {
    let mut server = server_with("max_payload: 1000");
    let client = connect_to(crate::support::quick(), &server.url()).await;
    let mut events = client.events();
    let mut all = client.subscribe("p.*").await.unwrap();
    client.sync().await.unwrap();
    server.kill();
    crate::support::state(&client, midge_tokio::State::Disconnected).await;
    client.publish("p.small", pattern(10)).await.unwrap();
    client.publish("p.large", pattern(900)).await.unwrap();
    client.publish("p.end", pattern(20)).await.unwrap();
    let port = server.port();
    drop(server);
    let _smaller = NatsServer::builder().port(port).config("max_payload: 100").start().unwrap();
    let subjects = crate::support::pick("what was dropped", &mut events, |event| match event {
        Event::Undeliverable { subjects } => Some(subjects.clone()),
        _ => None,
    })
    .await;
    assert_eq!(subjects, ["p.large"]);
    assert_eq!(next(&mut all).await.subject, "p.small");
    assert_eq!(next(&mut all).await.subject, "p.end");
}

#[tokio::test]
async fn statistics_count_messages_bytes_and_connections() {
    let server = server();
    let client = connect(&server).await;
    let mut all = client.subscribe("s").await.unwrap();
    let before = client.statistics().out_bytes.load(Relaxed);
    for number in 0..100 {
        client.publish("s", numbered(number)).await.unwrap();
    }
    for _ in 0..100 {
        next(&mut all).await;
    }
    let statistics = client.statistics();
    assert_eq!(statistics.out_messages.load(Relaxed), 100);
    assert_eq!(statistics.in_messages.load(Relaxed), 100);
    assert_eq!(statistics.connects.load(Relaxed), 1);
    let frames = 100 * "PUB s 4\r\n1234\r\n".len() as u64;
    assert!(statistics.out_bytes.load(Relaxed) - before >= frames);
    assert!(statistics.in_bytes.load(Relaxed) >= 100 * "MSG s 1 4\r\n1234\r\n".len() as u64);
    client.force_reconnect().await.unwrap();
    until("a second connection", || client.statistics().connects.load(Relaxed) == 2).await;
}

#[tokio::test]
async fn the_client_tells_what_it_is_connected_to() {
    let server = server();
    let options = ConnectOptions::new().name("who am I").client_tag("test/1");
    let client = connect_to(options, &server.url()).await;
    let info = client.server_info();
    assert_eq!(info.server_name, server.name());
    assert_eq!(info.port, server.port());
    assert!(client.is_server_compatible(2, 10, 0) && !client.is_server_compatible(99, 0, 0));
    assert_eq!(client.remote_addr(), Some(server.address()));
    assert_eq!(client.connected_server(), server.url().parse().ok());
    let raw: serde_json::Value = serde_json::from_str(&client.raw_server_info()).unwrap();
    assert_eq!(raw["server_id"], info.server_id.as_str());
    let connz = server.monitor("/connz").unwrap();
    let connection = &connz["connections"][0];
    assert_eq!(connection["name"], "who am I");
    assert_eq!(connection["lang"], "midge/test/1");
    let local = client.local_addr().unwrap();
    assert_eq!(connection["port"], local.port());
}
