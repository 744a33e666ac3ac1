//! Sessions that are recorded and played back.

use crate::support::{connect_to, event, next, quick, rest_of, within};
use midge_test_server::{Direction, FaultProxy, NatsServer};
use midge_tokio::proto::{Action, Playback};
use midge_tokio::{ConnectOptions, Event};
use std::sync::{Arc, Mutex};

/// What a machine ordered that people see as events of the client.
fn seen_by_people(actions: &[Action]) -> impl Iterator<Item = &'static str> {
    actions.iter().filter_map(|action| match action {
        Action::Online(_) => Some("connected"),
        Action::Offline { .. } => Some("disconnected"),
        Action::Close(_) => Some("closed"),
        _ => None,
    })
}

#[tokio::test]
async fn a_played_back_session_says_what_the_live_one_said_and_holds_no_secret() {
    let server = NatsServer::builder()
        .config("authorization { user: joe, password: S3CRET }")
        .start()
        .unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let options: ConnectOptions = quick()
        .user_and_password("joe".to_owned(), "S3CRET".to_owned())
        .record_session(move |line| sink.lock().unwrap().push(line.to_owned()));
    let client = connect_to(options, &proxy.url()).await;
    let mut events = client.events();
    let mut subscriber = client.subscription("orders").confirmed().await.unwrap();
    subscriber.unsubscribe_after(3).await.unwrap();
    client.publish("orders", "S3CRET".into()).await.unwrap();
    next(&mut subscriber).await;
    for _ in 0..2 {
        proxy.cut_next_after(Direction::ToServer, 2_000);
        proxy.cut();
        event(&mut events, &Event::Connected).await;
        client.publish("orders", vec![b'x'; 5_000].into()).await.unwrap();
        event(&mut events, &Event::Connected).await;
        within("sync", client.sync()).await.unwrap();
    }
    within("close", client.close()).await.unwrap();
    let told: Vec<Event> = rest_of(&mut events).await;
    assert!(told.contains(&Event::Closed), "{told:?}");

    let lines = lines.lock().unwrap().clone();
    assert!(lines.iter().all(|line| !line.contains("S3CRET")), "{lines:#?}");
    let mut playback = Playback::begin(&lines[0]).unwrap();
    let mut outputs = vec![playback.outputs()];
    outputs.extend(lines[1..].iter().map(|line| playback.step(line).unwrap()));
    let seen: Vec<&str> =
        outputs.iter().flat_map(|outputs| seen_by_people(&outputs.actions)).collect();
    let round = ["disconnected", "connected"];
    let expected =
        [&["connected"][..], &round, &round, &round, &round, &["disconnected", "closed"]];
    assert_eq!(seen, expected.concat());
    let control: Vec<u8> = outputs.iter().flat_map(|outputs| outputs.control.clone()).collect();
    let control = String::from_utf8(control).unwrap();
    assert_eq!(control.matches("CONNECT {").count(), 5, "{control}");
    // The subscription came back with what remained of its limit.
    assert!(control.contains("SUB orders 1\r\nUNSUB 1 2\r\n"), "{control}");
}
