//! Events: which come, and in which order.

use crate::support::{
    blocking, connect, connect_to, event, pick, quick, rest_of, server, server_with, state,
};
use core::time::Duration;
use midge_tokio::{CloseReason, Event, LostReason, ServerError, State};
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn events_come_in_order_from_the_first_connection_to_the_end() {
    let mut server = server();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let options = quick().event_callback({
        let seen = Arc::clone(&seen);
        move |event| {
            seen.lock().unwrap().push(event);
            core::future::ready(())
        }
    });
    let client = connect_to(options, &server.url()).await;
    let mut events = client.events();
    server.kill();
    event(&mut events, &Event::Disconnected).await;
    server.restart().unwrap();
    event(&mut events, &Event::Connected).await;
    client.drain().await.unwrap();
    let rest = rest_of(&mut events).await;
    assert_eq!(rest.first(), Some(&Event::Draining), "{rest:?}");
    assert_eq!(rest.last(), Some(&Event::CloseReason(CloseReason::ByUser)), "{rest:?}");

    let last = Event::CloseReason(CloseReason::ByUser);
    crate::support::until("the last event in the callback", || {
        seen.lock().unwrap().last() == Some(&last)
    })
    .await;
    let seen = seen.lock().unwrap();
    let mut order = Vec::new();
    for event in seen.iter() {
        match event {
            Event::Lost(_) => order.push("lost"),
            Event::Fate(_) => order.push("fate"),
            Event::AttemptFailed(_) => {}
            Event::Connected => order.push("connected"),
            Event::Disconnected => order.push("disconnected"),
            Event::Draining => order.push("draining"),
            Event::Closed => order.push("closed"),
            Event::CloseReason(_) => order.push("reason"),
            other => panic!("{other:?}"),
        }
    }
    let order = order.join(" ");
    assert!(
        order.starts_with("connected disconnected lost fate connected draining"),
        "{order}: {seen:?}"
    );
    assert!(order.ends_with("closed reason"), "{order}");
}

#[tokio::test]
async fn a_blocked_callback_does_not_hold_up_the_connection_if_it_waits() {
    let server = server();
    let options = quick().event_callback(|_| async {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
    });
    let client = connect_to(options, &server.url()).await;
    crate::support::within("sync", client.sync()).await.unwrap();
}

#[tokio::test]
async fn lame_duck_mode_is_announced() {
    let server = server();
    let client = connect(&server).await;
    let mut events = client.events();
    let _server = blocking("the signal", move || {
        server.lame_duck().unwrap();
        server
    })
    .await;
    event(&mut events, &Event::LameDuckMode).await;
    assert!(client.server_info().lame_duck_mode);
}

#[tokio::test]
async fn complaints_of_the_server_are_events_and_the_last_error() {
    let server = server_with(
        r#"authorization { users: [
            { user: u, password: p, permissions: { publish: { deny: "secret" } } }
        ] }"#,
    );
    let options = quick().user_and_password("u".into(), "p".into());
    let client = connect_to(options, &server.url()).await;
    let mut events = client.events();
    assert_eq!(client.last_error(), None);
    client.publish("secret", "x".into()).await.unwrap();
    let error = pick("a complaint", &mut events, |event| match event {
        Event::ServerError(error) => Some(error.clone()),
        _ => None,
    })
    .await;
    assert!(matches!(error, ServerError::PublishPermission { .. }), "{error:?}");
    assert_eq!(client.last_error(), Some(error));
    client.sync().await.unwrap();
}

#[tokio::test]
async fn the_reason_of_a_loss_and_the_fate_of_messages_follow_the_loss() {
    let mut server = server();
    let client = connect_to(quick(), &server.url()).await;
    let mut events = client.events();
    client.sync().await.unwrap();
    server.kill();
    event(&mut events, &Event::Disconnected).await;
    let Some(Event::Lost(reason)) = events.next().await else { panic!("no reason") };
    assert!(matches!(reason, LostReason::Closed | LostReason::Io(_)), "{reason:?}");
    let Some(Event::Fate(fate)) = events.next().await else { panic!("no fate") };
    assert_eq!((fate.uncertain, fate.kept, fate.dropped), (0, 0, 0), "all was fenced");
    pick("a failed attempt", &mut events, |event| match event {
        Event::AttemptFailed(failure) => Some(failure.clone()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn events_that_nobody_reads_are_counted() {
    let server = server();
    let client = connect(&server).await;
    let mut events = client.events();
    let mut idle = client.events();
    for turn in 0..400 {
        client.force_reconnect().await.unwrap();
        event(&mut events, &Event::Connected).await;
        state(&client, State::Connected).await;
        assert!(turn < 400);
    }
    client.close().await.unwrap();
    let rest = rest_of(&mut idle).await;
    let skipped: u64 = rest
        .iter()
        .map(|event| match event {
            Event::Skipped(count) => *count,
            _ => 0,
        })
        .sum();
    assert!(skipped > 0);
    let told = rest.iter().filter(|event| !matches!(event, Event::Skipped(_))).count();
    // Four a turn: disconnected, lost, fate, connected; then those of the end.
    assert!(told as u64 + skipped >= 1_602, "{told} {skipped}");
}

#[tokio::test]
async fn the_callback_is_not_told_of_the_own_close_if_it_is_not_to_be() {
    for silent in [true, false] {
        let server = server();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let options = quick().event_callback({
            let seen = Arc::clone(&seen);
            move |event| {
                seen.lock().unwrap().push(event);
                core::future::ready(())
            }
        });
        let options = if silent { options.silent_close() } else { options };
        let client = connect_to(options, &server.url()).await;
        crate::support::until("the first event", || !seen.lock().unwrap().is_empty()).await;
        let mut events = client.events();
        client.close().await.unwrap();
        assert!(rest_of(&mut events).await.contains(&Event::Closed), "streams are told");
        // With the driver the callback is gone.
        crate::support::until("the end", || Arc::strong_count(&seen) == 1).await;
        let seen = seen.lock().unwrap();
        assert_eq!(seen.contains(&Event::Closed), !silent, "{seen:?}");
        assert_eq!(*seen == [Event::Connected], silent, "{seen:?}");
    }
}

#[tokio::test]
async fn an_end_that_the_application_did_not_ask_for_is_told_even_with_a_silent_close() {
    let mut server = server();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let options = quick().no_reconnect().silent_close().event_callback({
        let seen = Arc::clone(&seen);
        move |event| {
            seen.lock().unwrap().push(event);
            core::future::ready(())
        }
    });
    let _client = connect_to(options, &server.url()).await;
    server.kill();
    crate::support::until("the end", || Arc::strong_count(&seen) == 1).await;
    assert!(seen.lock().unwrap().contains(&Event::Closed));
}

#[tokio::test]
async fn changes_of_state_can_be_followed_by_those_who_want_to_know_nothing_else() {
    let server = server();
    let client = connect_to(quick(), &server.url()).await;
    let mut changes = client.state_changes(&[State::Connected, State::Closed]);
    let mut ends = client.state_changes(&[State::Closed]);
    let mut events = client.events();
    client.force_reconnect().await.unwrap();
    event(&mut events, &Event::Connected).await;
    client.close().await.unwrap();
    rest_of(&mut events).await;
    assert_eq!(changes.next().await, Some(State::Connected));
    assert_eq!(changes.next().await, Some(State::Closed));
    assert_eq!(changes.next().await, None);
    assert_eq!((ends.next().await, ends.next().await), (Some(State::Closed), None));
    assert_eq!(changes.missed(), 0);
}

#[tokio::test]
async fn who_does_not_read_changes_of_state_loses_the_oldest_and_holds_up_nobody() {
    let server = server();
    let client = connect_to(quick(), &server.url()).await;
    let mut changes = client.state_changes(&[State::Connected, State::Disconnected, State::Closed]);
    let mut events = client.events();
    for _ in 0..20 {
        client.force_reconnect().await.unwrap();
        event(&mut events, &Event::Connected).await;
    }
    client.close().await.unwrap();
    rest_of(&mut events).await;
    let mut last = None;
    let mut read = 0;
    while let Some(state) = changes.next().await {
        last = Some(state);
        read += 1;
    }
    assert_eq!(last, Some(State::Closed));
    // Twenty times lost and made again, lost for the last time, and closed.
    assert_eq!((read, changes.missed()), (16, 42 - 16));
}
