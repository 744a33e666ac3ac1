//! Losing connections and getting others.

use crate::support::{
    assert_contains, blocking, connect, connect_to, end_of, event, next, number_of, numbered, pick,
    quick, rest_of, server, state, within,
};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use midge_test_server::{FaultProxy, NatsServer};
use midge_tokio::{
    ClientError, CloseReason, ConnectErrorKind, ConnectOptions, Event, InvalidPool, NextError,
    ReconnectToServer, ServerAddr, State, Step,
};
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn subscriptions_are_restored_and_kept_messages_arrive_in_order() {
    let mut server = server();
    let client = connect_to(quick(), &server.url()).await;
    let mut events = client.events();
    let mut plain = client.subscribe("r.*").await.unwrap();
    let mut queued = client.queue_subscribe("r.*", "group".into()).await.unwrap();
    let gone = client.subscribe("r.*").await.unwrap();
    client.sync().await.unwrap();
    for turn in 0..3 {
        server.kill();
        event(&mut events, &Event::Disconnected).await;
        for number in 0..500 {
            client.publish(format!("r.{turn}"), numbered(number)).await.unwrap();
        }
        server.restart().unwrap();
        event(&mut events, &Event::Connected).await;
        for number in 500..600 {
            client.publish(format!("r.{turn}"), numbered(number)).await.unwrap();
        }
        for subscriber in [&mut plain, &mut queued] {
            for number in 0..600 {
                let message = next(subscriber).await;
                assert_eq!(message.subject, format!("r.{turn}").as_str());
                assert_eq!(number_of(&message), number);
            }
        }
    }
    drop(gone);
    client.sync().await.unwrap();
    let connects = client.statistics().connects.load(Ordering::Relaxed);
    assert_eq!(connects, 4);
    let connz = server.monitor("/connz?subs=1").unwrap();
    assert_eq!(connz["connections"][0]["subscriptions"], 2);
}

#[tokio::test]
async fn kept_messages_count_as_kept() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let mut events = client.events();
    client.sync().await.unwrap();
    // Nobody polls the driver between these calls: none of the messages is written.
    for number in 0..10 {
        client.publish("k", numbered(number)).await.unwrap();
    }
    client.force_reconnect().await.unwrap();
    let fate = pick("the fate", &mut events, |event| match event {
        Event::Fate(fate) => Some(*fate),
        _ => None,
    })
    .await;
    assert_eq!(fate.kept + fate.uncertain, 10, "{fate:?}");
    assert_eq!(fate.dropped, 0);
    state(&client, State::Connected).await;
    client.sync().await.unwrap();
}

#[tokio::test]
async fn a_first_connection_may_be_made_in_the_background() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    proxy.refuse();
    let options = quick().retry_on_initial_connect();
    let client = connect_to(options, &proxy.url()).await;
    assert_eq!(client.connection_state(), State::Pending);
    assert_eq!(client.try_server_info(), None);
    let mut events = client.events();
    let mut early = client.subscribe("e").await.unwrap();
    for number in 0..100 {
        client.publish("e", numbered(number)).await.unwrap();
    }
    pick("a failed attempt", &mut events, |event| match event {
        Event::AttemptFailed(failure) => (failure.step == Step::Dial).then_some(()),
        _ => None,
    })
    .await;
    proxy.accept().unwrap();
    event(&mut events, &Event::Connected).await;
    for number in 0..100 {
        assert_eq!(number_of(&next(&mut early).await), number);
    }
}

#[tokio::test]
async fn a_client_that_never_connected_can_be_closed() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    proxy.refuse();
    let client = connect_to(quick().retry_on_initial_connect(), &proxy.url()).await;
    within("close", client.close()).await.unwrap();
    assert_eq!(client.connection_state(), State::Closed);
    assert_eq!(client.close_reason(), Some(CloseReason::ByUser));
}

#[tokio::test]
async fn the_limit_of_attempts_closes_the_client_and_ends_all_waits() {
    let mut server = server();
    let client = connect_to(quick().max_reconnects(3), &server.url()).await;
    let mut events = client.events();
    let mut subscriber = client.subscribe("m").await.unwrap();
    client.sync().await.unwrap();
    server.kill();
    let seen = rest_of(&mut events).await;
    let failed = seen.iter().filter(|event| matches!(event, Event::AttemptFailed(_))).count();
    assert_eq!(failed, 3, "{seen:?}");
    assert!(seen.contains(&Event::ClientError(ClientError::MaxReconnects)), "{seen:?}");
    let Some(CloseReason::MaxReconnects(Some(failure))) = client.close_reason() else {
        panic!("{:?}", client.close_reason());
    };
    assert_eq!(failure.step, Step::Dial);
    end_of(&mut subscriber).await;
    assert_eq!(subscriber.end_reason(), Some(NextError::Closed));
    assert!(client.publish("m", "x".into()).await.is_err());
}

#[tokio::test]
async fn the_count_of_attempts_begins_anew_after_a_connection() {
    let mut server = server();
    let client = connect_to(quick().max_reconnects(500), &server.url()).await;
    let mut events = client.events();
    for _ in 0..2 {
        server.kill();
        pick("a failed attempt", &mut events, |event| {
            matches!(event, Event::AttemptFailed(_)).then_some(())
        })
        .await;
        server.restart().unwrap();
        event(&mut events, &Event::Connected).await;
        let pool = client.server_pool().await.unwrap();
        assert_eq!(pool[0].failed_attempts, 0);
        assert!(pool[0].did_connect);
    }
}

#[tokio::test]
async fn without_reconnecting_the_first_loss_closes_the_client() {
    let mut server = server();
    let client = connect_to(ConnectOptions::new().no_reconnect(), &server.url()).await;
    let mut events = client.events();
    server.kill();
    let seen = rest_of(&mut events).await;
    assert!(!seen.iter().any(|event| matches!(event, Event::AttemptFailed(_))), "{seen:?}");
    assert!(seen.contains(&Event::Disconnected) && seen.contains(&Event::Closed), "{seen:?}");
    assert!(matches!(client.close_reason(), Some(CloseReason::Lost(_))));
}

#[tokio::test]
async fn a_reconnect_can_be_asked_for() {
    let server = server();
    let client = connect(&server).await;
    let mut events = client.events();
    let mut subscriber = client.subscribe("f").await.unwrap();
    let before = client.local_addr();
    client.force_reconnect().await.unwrap();
    event(&mut events, &Event::Disconnected).await;
    event(&mut events, &Event::Connected).await;
    assert_ne!(client.local_addr(), before);
    client.publish("f", "x".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "x");
    client.close().await.unwrap();
    assert!(client.force_reconnect().await.is_err());
}

#[tokio::test]
async fn asking_for_a_reconnect_cuts_a_wait_short() {
    let mut server = server();
    let asked = AtomicUsize::new(0);
    let options = ConnectOptions::new().reconnect_delay_callback(move |_| {
        // Nothing before the first connection, and for ever before the second.
        Duration::from_secs(if asked.fetch_add(1, Ordering::Relaxed) == 0 { 0 } else { 3_600 })
    });
    let client = connect_to(options, &server.url()).await;
    server.kill();
    state(&client, State::Disconnected).await;
    server.restart().unwrap();
    client.force_reconnect().await.unwrap();
    state(&client, State::Connected).await;
    client.sync().await.unwrap();
}

#[tokio::test]
async fn the_application_says_how_long_to_wait_before_each_attempt() {
    let mut server = server();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let options = ConnectOptions::new().reconnect_delay_callback({
        let asked = Arc::clone(&asked);
        move |attempt| {
            asked.lock().unwrap().push(attempt);
            Duration::from_millis(5)
        }
    });
    let client = connect_to(options, &server.url()).await;
    let mut events = client.events();
    asked.lock().unwrap().clear();
    server.kill();
    for _ in 0..4 {
        pick("a failed attempt", &mut events, |event| {
            matches!(event, Event::AttemptFailed(_)).then_some(())
        })
        .await;
    }
    let asked = asked.lock().unwrap();
    assert!(asked.len() >= 4, "{asked:?}");
    assert!(asked.windows(2).all(|pair| pair[1] == pair[0] + 1), "{asked:?}");
}

#[tokio::test]
async fn the_application_chooses_the_next_server() {
    let (first, second) = (server(), server());
    let target: ServerAddr = second.url().parse().unwrap();
    let offered = Arc::new(AtomicUsize::new(0));
    let options = quick().retain_servers_order().reconnect_to_server_callback({
        let (target, offered) = (target.clone(), Arc::clone(&offered));
        move |servers, info| {
            offered.store(servers.len(), Ordering::Relaxed);
            assert!(!info.server_id.is_empty());
            let addr = target.clone();
            async move { Some(ReconnectToServer { addr, delay: None }) }
        }
    });
    let urls = format!("{},{}", first.url(), second.url());
    let client = connect_to(options, &urls).await;
    let mut events = client.events();
    for _ in 0..3 {
        client.force_reconnect().await.unwrap();
        event(&mut events, &Event::Connected).await;
        assert_eq!(client.connected_server(), Some(target.clone()));
    }
    assert_eq!(offered.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_chosen_server_outside_the_pool_is_not_taken_and_said_so() {
    let (first, stranger) = (server(), server());
    let addr: ServerAddr = stranger.url().parse().unwrap();
    let options = quick().reconnect_to_server_callback(move |_, _| {
        let addr = addr.clone();
        async move { Some(ReconnectToServer { addr, delay: None }) }
    });
    let client = connect_to(options, &first.url()).await;
    let mut events = client.events();
    let before = stranger.monitor("/varz").unwrap()["total_connections"].clone();
    client.force_reconnect().await.unwrap();
    event(&mut events, &Event::ClientError(ClientError::ServerNotInPool)).await;
    event(&mut events, &Event::Connected).await;
    assert_eq!(client.remote_addr(), Some(first.address()));
    assert_eq!(stranger.monitor("/varz").unwrap()["total_connections"], before);
}

#[tokio::test]
async fn the_list_of_servers_can_be_replaced() {
    let (mut first, second) = (server(), server());
    let client = connect_to(quick(), &first.url()).await;
    let mut events = client.events();
    client.set_server_pool(second.url()).await.unwrap();
    client.sync().await.unwrap();
    assert_eq!(client.remote_addr(), Some(first.address()), "the connection at hand stays");
    first.kill();
    event(&mut events, &Event::Connected).await;
    assert_eq!(client.remote_addr(), Some(second.address()));
    let pool = client.server_pool().await.unwrap();
    assert_eq!(pool.len(), 1);
    assert_eq!(pool[0].addr, second.url().parse().unwrap());

    let empty: Vec<ServerAddr> = Vec::new();
    assert_eq!(client.set_server_pool(empty).await, Err(InvalidPool::Empty));
    let error = client.set_server_pool("nats://[broken").await.unwrap_err();
    assert!(matches!(error, InvalidPool::InvalidAddress(_)), "{error:?}");
    client.close().await.unwrap();
    assert_eq!(client.set_server_pool(second.url()).await, Err(InvalidPool::Closed));
}

#[tokio::test]
async fn the_second_server_of_the_list_is_tried_when_the_first_is_down() {
    let server = server();
    let down = midge_test_server::free_port().unwrap();
    let urls = vec![format!("nats://127.0.0.1:{down}"), server.url()];
    let options = ConnectOptions::new().retain_servers_order();
    let client = within("connect", options.connect(urls)).await.unwrap();
    assert_eq!(client.remote_addr(), Some(server.address()));
    let pool = client.server_pool().await.unwrap();
    assert_contains(pool[0].last_error.as_deref().unwrap_or_default(), "refused");
}

#[tokio::test]
async fn a_frozen_server_is_left_for_another_one() {
    let (first, second) = (server(), server());
    let options = quick()
        .retain_servers_order()
        .connection_timeout(Duration::from_millis(500))
        .ping_interval(Duration::from_millis(50));
    let urls = format!("{},{}", first.url(), second.url());
    let client = connect_to(options, &urls).await;
    let mut events = client.events();
    let first = blocking("pause", move || {
        first.pause().unwrap();
        first
    })
    .await;
    pick("a connection elsewhere", &mut events, |event| (*event == Event::Connected).then_some(()))
        .await;
    assert_eq!(client.remote_addr(), Some(second.address()));
    first.resume().unwrap();
}

#[tokio::test]
async fn a_runtime_that_ends_ends_the_client() {
    let server = server();
    let url = server.url();
    let (client, mut subscriber) = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = midge_tokio::connect(url).await.unwrap();
            let subscriber = client.subscribe("r").await.unwrap();
            (client, subscriber)
        })
    })
    .join()
    .unwrap();
    end_of(&mut subscriber).await;
    assert!(within("an error", client.request("r", "x".into())).await.is_err());
    assert!(within("an error", client.sync()).await.is_err());
    assert!(within("an error", client.drain()).await.is_err());
    assert_eq!(client.connection_state(), State::Closed);
}

#[test]
fn connecting_outside_a_runtime_is_an_error() {
    let server = NatsServer::start().unwrap();
    let mut connecting = core::pin::pin!(midge_tokio::connect(server.url()));
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    let core::task::Poll::Ready(result) = connecting.as_mut().poll(&mut context) else {
        panic!("it waits for a runtime that is not there");
    };
    assert_eq!(result.unwrap_err().kind(), ConnectErrorKind::Runtime);
}
