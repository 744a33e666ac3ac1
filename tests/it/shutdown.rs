//! Closing, draining, and futures that are dropped in between.

use crate::support::{
    connect, connect_to, end_of, event, next, number_of, numbered, quick, server, until, within,
};
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use midge_test_server::{Direction, FaultProxy};
use midge_tokio::{
    CloseReason, ConnectOptions, DrainError, DrainErrorKind, DrainReport, Event, NextError,
    Request, State,
};
use std::time::Instant;

#[tokio::test]
async fn drain_delivers_what_was_in_flight_and_sends_the_handlers_replies() {
    let server = server();
    let asking = connect(&server).await;
    let service = connect(&server).await;
    let mut requests = service.subscription("ask").confirmed().await.unwrap();
    let mut replies = asking.subscribe("replies").await.unwrap();
    for number in 0..2_000 {
        asking.publish_with_reply("ask", "replies", numbered(number)).await.unwrap();
    }
    asking.sync().await.unwrap();
    let answering = service.clone();
    let handler = tokio::spawn(async move {
        let mut count = 0;
        while let Some(request) = requests.next().await {
            answering.publish(request.reply.unwrap(), request.payload).await.unwrap();
            count += 1;
            if count % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
        count
    });
    let report = within("drain", service.drain_within(Duration::from_secs(8))).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(within("the handler", handler).await.unwrap(), 2_000);
    assert_eq!(service.connection_state(), State::Closed);
    assert_eq!(service.close_reason(), Some(CloseReason::ByUser));
    for number in 0..2_000 {
        assert_eq!(number_of(&next(&mut replies).await), number);
    }
}

#[tokio::test]
async fn drain_waits_only_until_the_last_message_was_read() {
    let server = server();
    let client = connect(&server).await;
    let mut subscriber = client.subscribe("d").await.unwrap();
    for number in 0..50 {
        client.publish("d", numbered(number)).await.unwrap();
    }
    client.sync().await.unwrap();
    let draining = tokio::spawn({
        let client = client.clone();
        async move { client.drain_within(Duration::from_secs(60)).await.unwrap() }
    });
    until("draining", || client.connection_state() == State::Draining).await;
    // As many as there are, and no further call that would find the end.
    for number in 0..50 {
        assert_eq!(number_of(&next(&mut subscriber).await), number);
    }
    let report = within("drain", draining).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(subscriber.try_next(), Err(NextError::Finished));
}

#[tokio::test]
async fn drain_gives_up_a_reader_that_never_reads_and_says_so() {
    let server = server();
    let client = connect(&server).await;
    let mut unread = client.subscribe("u").await.unwrap();
    for number in 0..10 {
        client.publish("u", numbered(number)).await.unwrap();
    }
    client.sync().await.unwrap();
    let budget = Duration::from_millis(200);
    let began = Instant::now();
    let report = within("drain", client.drain_within(budget)).await.unwrap();
    assert!(began.elapsed() >= budget);
    assert!(report.timed_out);
    assert_eq!((report.unread_subscriptions, report.unread_messages), (1, 10), "{report:?}");
    assert_eq!((report.unwritten, report.uncertain), (0, 0), "{report:?}");
    // What was delivered can still be read.
    for number in 0..10 {
        assert_eq!(number_of(&next(&mut unread).await), number);
    }
    end_of(&mut unread).await;
}

#[tokio::test]
async fn a_subscriber_that_is_dropped_does_not_hold_up_a_drain() {
    let server = server();
    let client = connect(&server).await;
    let unread = client.subscribe("u").await.unwrap();
    for number in 0..10 {
        client.publish("u", numbered(number)).await.unwrap();
    }
    client.sync().await.unwrap();
    let draining = tokio::spawn({
        let client = client.clone();
        async move { client.drain_within(Duration::from_secs(60)).await.unwrap() }
    });
    until("draining", || client.connection_state() == State::Draining).await;
    drop(unread);
    let report = within("drain", draining).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
}

#[tokio::test]
async fn a_drain_without_a_connection_counts_what_it_could_not_write() {
    let mut server = server();
    let client = connect_to(quick(), &server.url()).await;
    server.kill();
    crate::support::state(&client, State::Disconnected).await;
    for number in 0..5 {
        client.publish("d", numbered(number)).await.unwrap();
    }
    let report = within("drain", client.drain_within(Duration::from_millis(200))).await.unwrap();
    assert_eq!((report.unwritten, report.timed_out), (5, true), "{report:?}");
}

#[tokio::test]
async fn a_close_that_gives_messages_up_says_how_many() {
    let mut server = server();
    let client = connect_to(quick(), &server.url()).await;
    server.kill();
    crate::support::state(&client, State::Disconnected).await;
    client.publish("d", numbered(0)).await.unwrap();
    // It ends with the drain that is on already, which does not take ten seconds.
    let drain = client.drain_within(Duration::from_millis(200));
    let (drained, closed) = within("close", async { tokio::join!(drain, client.close()) }).await;
    let error = closed.unwrap_err();
    assert_eq!(drained.unwrap().unwritten, 1);
    let DrainError::Incomplete(report) = error else { panic!("{error}") };
    assert_eq!((report.unwritten, report.uncertain), (1, 0), "{report:?}");
    let counted = &client.statistics().dropped_publishes;
    assert_eq!(counted.load(core::sync::atomic::Ordering::Relaxed), 1);
}

#[test]
fn a_runtime_that_ends_is_the_reason_and_not_the_user() {
    let server = server();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(connect(&server));
    drop(runtime);
    assert_eq!(client.close_reason(), Some(CloseReason::DriverDropped));
}

#[tokio::test]
async fn a_drain_that_gets_another_connection_is_still_one() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let mut events = client.events();
    let unread = client.subscription("d").confirmed().await.unwrap();
    client.publish("d", numbered(0)).await.unwrap();
    client.sync().await.unwrap();
    let draining = tokio::spawn({
        let client = client.clone();
        async move { client.drain_within(Duration::from_secs(60)).await.unwrap() }
    });
    event(&mut events, &Event::Draining).await;
    until("all that was in flight", || unread.end_reason().is_some()).await;
    proxy.cut();
    event(&mut events, &Event::Disconnected).await;
    event(&mut events, &Event::Connected).await;
    assert_eq!(client.connection_state(), State::Draining);
    drop(unread);
    within("drain", draining).await.unwrap();
}

#[tokio::test]
async fn a_drain_that_loses_its_connection_counts_what_is_uncertain() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    client.sync().await.unwrap();
    proxy.stall(Direction::ToClient);
    for number in 0..5 {
        client.publish("d", numbered(number)).await.unwrap();
    }
    client.flush().await.unwrap();
    let draining = tokio::spawn({
        let client = client.clone();
        async move { client.drain_within(Duration::from_millis(500)).await.unwrap() }
    });
    until("draining", || client.connection_state() == State::Draining).await;
    proxy.refuse();
    proxy.cut();
    let report: DrainReport = within("drain", draining).await.unwrap();
    assert_eq!(report.uncertain + report.unwritten, 5, "{report:?}");
}

#[tokio::test]
async fn what_is_unread_counts_at_whichever_step_a_drain_ends() {
    for end in ["the time is up before the fence", "the limit of reconnects while it is read"] {
        let server = server();
        let proxy = FaultProxy::start(server.address()).unwrap();
        let client = connect_to(quick().max_reconnects(1), &proxy.url()).await;
        let unread = client.subscription("d").confirmed().await.unwrap();
        for number in 0..3 {
            client.publish("d", numbered(number)).await.unwrap();
        }
        client.sync().await.unwrap();
        let is_fenced = end != "the time is up before the fence";
        if !is_fenced {
            proxy.stall(Direction::ToClient);
        }
        let budget = Duration::from_millis(if is_fenced { 60_000 } else { 200 });
        let draining = tokio::spawn({
            let client = client.clone();
            async move { client.drain_within(budget).await.unwrap() }
        });
        if is_fenced {
            until("all that was in flight", || unread.end_reason().is_some()).await;
            proxy.refuse();
            proxy.cut();
        }
        let report: DrainReport = within("drain", draining).await.unwrap();
        assert_eq!((report.unread_subscriptions, report.unread_messages), (1, 3), "{end}");
        assert_eq!(report.timed_out, !is_fenced, "{end}");
    }
}

#[tokio::test]
async fn while_draining_nothing_new_is_subscribed_and_afterwards_nothing_published() {
    let server = server();
    let client = connect(&server).await;
    let mut unread = client.subscribe("u").await.unwrap();
    client.publish("u", "x".into()).await.unwrap();
    client.sync().await.unwrap();
    let draining = tokio::spawn({
        let client = client.clone();
        async move { client.drain().await }
    });
    until("draining", || client.connection_state() == State::Draining).await;
    assert!(client.subscribe("new").await.is_err());
    client.publish("still", "allowed".into()).await.unwrap();
    assert_eq!(next(&mut unread).await.payload, "x");
    end_of(&mut unread).await;
    within("drain", draining).await.unwrap().unwrap();
    assert!(client.publish("late", "x".into()).await.is_err());
    assert!(client.drain().await.is_err());
    assert!(client.close().await.is_err());
}

#[tokio::test]
async fn close_gets_everything_accepted_to_the_server() {
    let server = server();
    let reader = connect(&server).await;
    let mut all = reader.subscription("c").confirmed().await.unwrap();
    for turn in 0..20 {
        let client = connect(&server).await;
        for number in 0..200 {
            client.publish("c", numbered(turn * 200 + number)).await.unwrap();
        }
        within("close", client.close()).await.unwrap();
        assert_eq!(client.connection_state(), State::Closed);
        for number in 0..200 {
            assert_eq!(number_of(&next(&mut all).await), turn * 200 + number);
        }
    }
}

#[tokio::test]
async fn messages_published_before_the_last_handle_is_dropped_arrive() {
    let server = server();
    let reader = connect(&server).await;
    let mut all = reader.subscription("last").confirmed().await.unwrap();
    for number in 0..200 {
        let client = connect(&server).await;
        client.publish("last", numbered(number)).await.unwrap();
        drop(client);
    }
    let mut numbers = Vec::new();
    for _ in 0..200 {
        numbers.push(number_of(&next(&mut all).await));
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..200));
    let gone = |connz: &serde_json::Value| connz["num_connections"] == 1;
    crate::support::blocking("the end of all others", move || {
        server.monitor_until("/connz", gone).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_subscriber_keeps_its_connection_when_all_handles_are_dropped() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect(&server).await;
    let mut subscriber = client.subscription("k").confirmed().await.unwrap();
    drop(client);
    publisher.publish("k", "x".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "x");
}

/// Polls the future up to so many times, with a turn for others in between; then drops it.
async fn poll_at_most<F: Future>(times: u32, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test]
async fn futures_dropped_at_any_point_lose_and_double_nothing() {
    const MESSAGES: u32 = 20_000;
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let publisher = connect_to(quick().write_high_water(4_096), &proxy.url()).await;
    let reader = connect(&server).await;
    crate::support::serve_echo(&reader, "echo").await;
    let mut all = reader.subscription("n").confirmed().await.unwrap();
    let publishing = tokio::spawn({
        let publisher = publisher.clone();
        async move {
            let mut dropped = 0_u32;
            for number in 0..MESSAGES {
                let mut turn = number;
                // A future that was dropped sent nothing: the message is published again.
                while poll_at_most(turn % 3, publisher.publish("n", numbered(number)))
                    .await
                    .transpose()
                    .unwrap()
                    .is_none()
                {
                    dropped += 1;
                    turn += 1;
                }
                match number % 64 {
                    0 => {
                        let _ = poll_at_most(number / 64 % 4, publisher.sync()).await;
                    }
                    16 => {
                        let _ = poll_at_most(number / 64 % 4, publisher.flush()).await;
                    }
                    32 => {
                        let request = publisher.request("echo", "x".into());
                        drop(poll_at_most(number / 64 % 5, request).await);
                    }
                    48 => {
                        let subscribing = publisher.subscription("other").confirmed();
                        drop(poll_at_most(number / 64 % 4, subscribing).await);
                    }
                    _ => {}
                }
            }
            dropped
        }
    });
    let mut expected = 0;
    let mut turn = 0_u32;
    within("all messages", async {
        while expected < MESSAGES {
            turn += 1;
            match poll_at_most(turn % 3, all.next()).await {
                Some(message) => {
                    assert_eq!(number_of(&message.unwrap()), expected);
                    expected += 1;
                }
                None => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    assert!(within("the publisher", publishing).await.unwrap() > 1_000);
    within("sync", publisher.sync()).await.unwrap();
    assert_eq!(publisher.requests_in_flight(), 0);
    until("one subscription, for replies", || publisher.subscription_count() <= 1).await;
    assert_eq!(all.try_next(), Ok(None));
}

#[tokio::test]
async fn a_drain_or_close_goes_on_when_its_future_is_dropped() {
    let server = server();
    for drain in [true, false] {
        let client = connect(&server).await;
        client.publish("g", "x".into()).await.unwrap();
        if drain {
            poll_at_most(1, client.drain()).await;
        } else {
            poll_at_most(1, client.close()).await;
        }
        crate::support::state(&client, State::Closed).await;
    }
    server.monitor_until("/varz", |varz| varz["in_msgs"] == 2).unwrap();
}

#[tokio::test]
async fn several_may_wait_for_the_same_end() {
    let server = server();
    let client = connect(&server).await;
    let ends = (0..4).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.close().await })
    });
    let ends: Vec<_> = ends.collect();
    // Those that come after the end hear that it is over.
    let mut ended = 0;
    for end in ends {
        ended += usize::from(within("close", end).await.unwrap().is_ok());
    }
    assert!(ended >= 1);
    let request = client.send_request("r", Request::new());
    assert!(within("an error", request).await.is_err());
}

#[tokio::test]
async fn a_drain_that_gave_something_up_is_an_error_that_says_what() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(ConnectOptions::new().no_reconnect(), &proxy.url()).await;
    let mut events = client.events();
    proxy.stall(Direction::ToServer);
    client.publish("a", "x".into()).await.unwrap();
    client.flush().await.unwrap();
    let drain = {
        let client = client.clone();
        tokio::spawn(async move { client.drain().await })
    };
    event(&mut events, &Event::Draining).await;
    proxy.cut();
    let error = within("the drain", drain).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), DrainErrorKind::Incomplete);
    let DrainError::Incomplete(report) = &error else { panic!("{error:?}") };
    assert_eq!((report.uncertain, report.timed_out), (1, false), "{report:?}");
    assert_eq!(client.drain().await, Err(DrainError::Closed));
}

#[tokio::test]
async fn a_drain_that_loses_its_connection_still_waits_for_the_readers() {
    let fake = midge_test_server::FakeServer::start().unwrap();
    let url = fake.url();
    let server = std::thread::spawn(move || {
        let mut connection = fake.accept();
        connection.handshake();
        connection.expect_line("PING");
        connection.send("PONG\r\n");
        let line = connection.expect_line("SUB work");
        let sid = line.split_ascii_whitespace().last().unwrap().to_owned();
        for number in 0..3 {
            connection.send(format!("MSG work {sid} 1\r\n{number}\r\n"));
        }
        // Nothing after this drain's UNSUB is answered, and nobody is there any more.
        connection.expect_line("UNSUB");
        connection.close();
    });
    let client = connect_to(ConnectOptions::new(), &url).await;
    let mut work = client.subscribe("work").await.unwrap();
    let first = next(&mut work).await;
    assert_eq!(first.payload, "0");
    let draining = tokio::spawn({
        let client = client.clone();
        async move { client.drain_within(Duration::from_millis(600)).await }
    });
    within("the end of the server", tokio::task::spawn_blocking(move || server.join().unwrap()))
        .await
        .unwrap();
    // What was written before the client sees the end would be uncertain instead.
    until("disconnected", || client.connection_state() == State::Disconnected).await;
    // Readers may still publish, for the time of the drain.
    for expected in ["1", "2"] {
        assert_eq!(next(&mut work).await.payload, expected);
        client.publish("done", "".into()).await.unwrap();
    }
    end_of(&mut work).await;
    let report = within("the drain", draining).await.unwrap().unwrap();
    assert_eq!((report.unread_messages, report.unwritten), (0, 2), "{report:?}");
    assert!(report.timed_out);
}
