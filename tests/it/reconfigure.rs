//! Options changed while a client runs, each with its effect.

use crate::support::{
    connect, connect_to, event, next, pick, quick, rest_of, server, server_with, state, until,
    within,
};
use core::time::Duration;
use midge_test_server::{Direction, FaultProxy};
use midge_tokio::{
    Client, Credentials, Event, PublishErrorKind, Refusal, RequestError, State, WritingState,
};
use std::sync::{Arc, Mutex};

type Seen = Arc<Mutex<Vec<Event>>>;

/// A callback that keeps what it is told.
fn recorder() -> (Seen, impl Fn(Event) -> core::future::Ready<()> + Send + Sync + 'static) {
    let seen = Seen::default();
    let sink = Arc::clone(&seen);
    let callback = move |event| {
        sink.lock().unwrap().push(event);
        core::future::ready(())
    };
    (seen, callback)
}

async fn saw(seen: &Seen, wanted: &Event) {
    until(&format!("{wanted} in a callback"), || seen.lock().unwrap().contains(wanted)).await;
}

async fn reconnect(client: &Client) {
    let mut events = client.events();
    client.force_reconnect().await.unwrap();
    event(&mut events, &Event::Connected).await;
}

#[tokio::test]
async fn the_event_callback_of_a_live_client_can_be_set_replaced_and_taken_away() {
    let server = server();
    let client = connect_to(quick(), &server.url()).await;
    let (first, callback) = recorder();
    client.set_event_callback(callback).unwrap();
    reconnect(&client).await;
    saw(&first, &Event::Connected).await;

    let (second, callback) = recorder();
    client.set_event_callback(callback).unwrap();
    reconnect(&client).await;
    saw(&second, &Event::Connected).await;
    let count = |seen: &Seen| {
        seen.lock().unwrap().iter().filter(|event| **event == Event::Connected).count()
    };
    assert_eq!((count(&first), count(&second)), (1, 1));

    client.remove_event_callback().unwrap();
    reconnect(&client).await;
    // The callbacks are gone with the driver: from then on nothing can be told.
    client.close().await.unwrap();
    until("the end of the driver", || Arc::strong_count(&second) == 1).await;
    assert_eq!((count(&first), count(&second)), (1, 1));
    assert!(client.set_event_callback(|_| core::future::ready(())).is_err());
}

#[tokio::test]
async fn new_credentials_are_shown_at_the_next_attempt() {
    const OLD: &str = "authorization { user: joe, password: old }";
    let mut server = server_with(OLD);
    let options = quick().authentication(Credentials::user_and_password("joe", "old"));
    let client = connect_to(options, &server.url()).await;
    let mut events = client.events();
    client.set_credentials(Credentials::user_and_password("joe", "new")).unwrap();
    client.sync().await.unwrap();
    assert_eq!(client.connection_state(), State::Connected, "the connection at hand stays");
    server.reload("authorization { user: joe, password: new }").unwrap();
    event(&mut events, &Event::Disconnected).await;
    event(&mut events, &Event::Connected).await;
    client.sync().await.unwrap();
    assert!(!format!("{:?}", Credentials::user_and_password("joe", "new")).contains("new"));
}

#[tokio::test]
async fn an_own_limit_on_messages_counts_at_once_and_over_reconnects() {
    let server = server();
    let client = connect_to(quick().max_payload(100), &server.url()).await;
    assert_eq!(client.max_payload(), 100);
    let refused = |size: usize| {
        let error = client.try_publish("a", vec![b'x'; size].into()).unwrap_err();
        assert_eq!(error.kind(), PublishErrorKind::MaxPayloadExceeded, "{error}");
    };
    refused(101);
    client.try_publish("a", vec![b'x'; 100].into()).unwrap();
    reconnect(&client).await;
    refused(101);
    client.set_max_payload(10).unwrap();
    until("the smaller limit", || client.max_payload() == 10).await;
    refused(11);
    client.set_max_payload(usize::MAX).unwrap();
    until("the server's limit", || client.max_payload() == client.server_info().max_payload).await;
    client.publish("a", vec![b'x'; 101].into()).await.unwrap();
}

#[tokio::test]
async fn a_larger_high_water_mark_lets_publishers_in_line_go_on() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick().write_high_water(10_000), &proxy.url()).await;
    let mut events = client.events();
    proxy.stall(Direction::ToServer);
    let publisher = {
        let client = client.clone();
        tokio::spawn(async move {
            // More than the sockets between take in.
            for _ in 0..2_000 {
                client.publish("a", vec![b'x'; 10_000].into()).await.unwrap();
            }
        })
    };
    event(&mut events, &Event::Writing(WritingState::HeldUp)).await;
    client.set_write_high_water(usize::MAX);
    within("the publisher", publisher).await.unwrap();
    proxy.resume(Direction::ToServer);
    within("sync", client.sync()).await.unwrap();
}

#[tokio::test]
async fn publishers_that_are_held_up_are_told_once_and_so_is_the_end_of_it() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick().write_high_water(100_000), &proxy.url()).await;
    let mut events = client.events();
    proxy.stall(Direction::ToServer);
    let mut full = 0;
    while full < 10 {
        match client.try_publish("a", vec![b'x'; 10_000].into()) {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => {
                assert_eq!(error, Refusal::Full.into());
                full += 1;
                tokio::task::yield_now().await;
            }
        }
    }
    event(&mut events, &Event::Writing(WritingState::HeldUp)).await;
    proxy.resume(Direction::ToServer);
    event(&mut events, &Event::Writing(WritingState::Resumed)).await;
    client.close().await.unwrap();
    let more = rest_of(&mut events).await;
    assert!(!more.iter().any(|event| matches!(event, Event::Writing(_))), "{more:?}");
}

#[tokio::test]
async fn another_reconnect_buffer_counts_for_the_next_publish() {
    let mut server = server();
    let client = connect_to(quick(), &server.url()).await;
    server.kill();
    state(&client, State::Disconnected).await;
    client.try_publish("a", "kept".into()).unwrap();
    client.set_reconnect_buffer(0);
    let error = client.try_publish("a", "x".into()).unwrap_err();
    assert_eq!(error, Refusal::BufferFull { limit: 0 }.into());
    client.set_reconnect_buffer(1_000);
    client.try_publish("a", "x".into()).unwrap();
}

#[tokio::test]
async fn another_request_timeout_counts_for_the_next_request() {
    let server = server();
    let client = connect(&server).await;
    let mut silent = client.subscribe("silent").await.unwrap();
    assert_eq!(client.timeout(), Some(midge_tokio::REQUEST_TIMEOUT));
    client.set_request_timeout(Some(Duration::from_millis(30)));
    let error = within("a failure", client.request("silent", "x".into())).await.unwrap_err();
    assert_eq!(error, RequestError::TimedOut(Duration::from_millis(30)));
    client.set_request_timeout(None);
    assert_eq!(client.timeout(), None);
    next(&mut silent).await;
}

#[tokio::test]
async fn another_ping_interval_counts_from_the_moment_it_is_set() {
    let server = server();
    let client = connect_to(quick().ping_interval(Duration::ZERO), &server.url()).await;
    let before = client.round_trips().count();
    client.set_max_pings_out(1).unwrap();
    client.set_ping_interval(Duration::from_millis(20)).unwrap();
    until("three PINGs", || client.round_trips().count() >= before + 3).await;
    assert_eq!(client.connection_state(), State::Connected);
}

#[tokio::test]
async fn servers_that_ask_for_tls_end_a_connection_in_clear() {
    let server = server();
    let client = connect_to(quick(), &server.url()).await;
    let mut events = client.events();
    client.set_server_pool(server.tls_url()).await.unwrap();
    let reason = pick("the loss", &mut events, |event| match event {
        Event::Lost(reason) => Some(reason.clone()),
        _ => None,
    })
    .await;
    assert_eq!(reason, midge_tokio::LostReason::TlsDemanded);
    pick("a failed attempt", &mut events, |event| match event {
        Event::AttemptFailed(failure) => {
            assert_eq!(failure.cause, midge_tokio::Cause::TlsNotOffered);
            Some(())
        }
        _ => None,
    })
    .await;
}
