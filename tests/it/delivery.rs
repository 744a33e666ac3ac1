//! How messages reach an application that does not read them one by one, and how it hears the end.

use crate::support::{
    assert_contains, connect, connect_to, end_of, event, next, number_of, numbered, pick, quick,
    server, server_with, until, within,
};
use core::convert::Infallible;
use core::time::Duration;
use futures_util::FutureExt as _;
use futures_util::sink;
use midge_tokio::{
    ClientError, Event, Message, NextError, SlowConsumerPolicy, SubscriptionClosed,
    SubscriptionState,
};
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, mpsc, oneshot};

async fn publish(client: &midge_tokio::Client, subject: &'static str, count: u32) {
    for number in 0..count {
        client.publish(subject, numbered(number)).await.unwrap();
    }
}

#[tokio::test]
async fn a_callback_gets_each_message_in_order_and_one_at_a_time() {
    let server = server();
    let client = connect(&server).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let running = Arc::new(Semaphore::new(1));
    let handling = {
        let (seen, running) = (Arc::clone(&seen), Arc::clone(&running));
        client.subscription("c").limit(500).handle(move |message: Message| {
            let (seen, running) = (Arc::clone(&seen), Arc::clone(&running));
            async move {
                let _alone = running.try_acquire().unwrap();
                tokio::task::yield_now().await;
                seen.lock().unwrap().push(number_of(&message));
            }
        })
    };
    let handling = tokio::spawn(handling.unwrap());
    publish(&client, "c", 600).await;
    let handled = within("500 calls", handling).await.unwrap();
    assert_eq!((handled.messages, handled.panicked), (500, 0));
    assert_eq!(handled.reason, NextError::LimitReached);
    assert!(seen.lock().unwrap().iter().copied().eq(0..500));
}

#[tokio::test]
async fn a_callback_that_panics_is_told_and_called_again() {
    let server = server();
    let client = connect(&server).await;
    let mut events = client.events();
    let subscriber = client.subscription("c").limit(4).open().unwrap();
    let sid = subscriber.sid().get();
    let handling = subscriber.handle(|message| {
        // One panics in the call, one in its future.
        assert_ne!(number_of(&message), 1, "on purpose");
        async move { assert_ne!(number_of(&message), 2, "on purpose") }
    });
    publish(&client, "c", 4).await;
    let handled = within("4 calls", handling).await;
    assert_eq!((handled.messages, handled.panicked), (4, 2));
    for _ in 0..2 {
        event(&mut events, &Event::ClientError(ClientError::CallbackPanicked(sid))).await;
    }
}

#[tokio::test]
async fn dropping_the_future_of_a_callback_unsubscribes() {
    let server = server();
    let client = connect(&server).await;
    let (called, mut calls) = mpsc::unbounded_channel();
    let handling = client.subscription("c").handle(move |message| {
        called.send(number_of(&message)).unwrap();
        core::future::pending()
    });
    let handling = tokio::spawn(handling.unwrap());
    publish(&client, "c", 3).await;
    assert_eq!(within("the first call", calls.recv()).await, Some(0));
    handling.abort();
    assert_eq!(within("the end of the callback", calls.recv()).await, None);
    until("no subscription", || client.subscription_count() == 0).await;
}

#[tokio::test]
async fn a_channel_of_the_application_gets_messages_as_it_has_room() {
    let server = server();
    let client = connect(&server).await;
    let (sender, mut receiver) = mpsc::channel(1);
    let into_channel = sink::unfold(sender, |sender, message: Message| async move {
        sender.send(message).await.map_err(|_| "nobody receives")?;
        Ok::<_, &str>(sender)
    });
    let subscriber = client.subscription("c").limit(100).open().unwrap();
    let states = subscriber.states();
    let forwarding = tokio::spawn(subscriber.forward_to(into_channel));
    publish(&client, "c", 100).await;
    client.sync().await.unwrap();
    drop(states);
    for number in 0..100 {
        let message = within("a message", receiver.recv()).await.unwrap();
        assert_eq!(number_of(&message), number);
    }
    assert_eq!(within("the end", forwarding).await.unwrap(), Ok(NextError::LimitReached));
    assert!(receiver.recv().await.is_none(), "the channel is closed behind the last message");
}

#[tokio::test]
async fn a_full_channel_leaves_messages_in_the_subscription_where_its_policy_holds() {
    let server = server();
    let client = connect(&server).await;
    let mut events = client.events();
    let (sender, mut receiver) = mpsc::channel(1);
    let into_channel = sink::unfold(sender, |sender, message: Message| async move {
        sender.send(message).await.map_err(|_| "nobody receives")?;
        Ok::<_, &str>(sender)
    });
    let subscriber = client.subscription("c").capacity(10).open().unwrap();
    let sid = subscriber.sid().get();
    let forwarding = tokio::spawn(subscriber.forward_to(into_channel));
    publish(&client, "c", 1_000).await;
    client.sync().await.unwrap();
    event(&mut events, &Event::SlowConsumer(sid)).await;
    assert_eq!(number_of(&within("a message", receiver.recv()).await.unwrap()), 0);
    // A sink that fails ends the subscription.
    drop(receiver);
    assert_eq!(within("the end", forwarding).await.unwrap(), Err("nobody receives"));
    until("no subscription", || client.subscription_count() == 0).await;
}

#[tokio::test]
async fn a_sink_is_flushed_when_nothing_waits() {
    let server = server();
    let client = connect(&server).await;
    let flushed = Arc::new(Mutex::new(Vec::new()));
    let buffer = Buffer { waiting: Vec::new(), flushed: Arc::clone(&flushed) };
    let forwarding = client.subscription("c").open().unwrap().forward_to(buffer);
    let forwarding = tokio::spawn(forwarding);
    publish(&client, "c", 3).await;
    until("3 flushed messages", || flushed.lock().unwrap().len() == 3).await;
    assert!(!forwarding.is_finished());
    forwarding.abort();
}

/// Keeps what it gets until it is flushed.
struct Buffer {
    waiting: Vec<Message>,
    flushed: Arc<Mutex<Vec<Message>>>,
}

impl sink::Sink<Message> for Buffer {
    type Error = Infallible;

    fn poll_ready(
        self: core::pin::Pin<&mut Self>,
        _: &mut core::task::Context<'_>,
    ) -> core::task::Poll<Result<(), Infallible>> {
        core::task::Poll::Ready(Ok(()))
    }

    fn start_send(mut self: core::pin::Pin<&mut Self>, message: Message) -> Result<(), Infallible> {
        self.waiting.push(message);
        Ok(())
    }

    fn poll_flush(
        self: core::pin::Pin<&mut Self>,
        _: &mut core::task::Context<'_>,
    ) -> core::task::Poll<Result<(), Infallible>> {
        let this = self.get_mut();
        this.flushed.lock().unwrap().append(&mut this.waiting);
        core::task::Poll::Ready(Ok(()))
    }

    fn poll_close(
        self: core::pin::Pin<&mut Self>,
        cx: &mut core::task::Context<'_>,
    ) -> core::task::Poll<Result<(), Infallible>> {
        self.poll_flush(cx)
    }
}

#[tokio::test]
async fn a_barrier_waits_until_every_callback_has_handled_what_was_queued() {
    let server = server();
    let client = connect(&server).await;
    let (permits, done) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(Vec::new())));
    for name in ["one", "two"] {
        let (permits, done) = (Arc::clone(&permits), Arc::clone(&done));
        let handling = client.subscription("c").handle(move |message| {
            let (permits, done) = (Arc::clone(&permits), Arc::clone(&done));
            async move {
                // What comes after the call is never done.
                if number_of(&message) == 5 {
                    core::future::pending::<()>().await;
                }
                permits.acquire().await.unwrap().forget();
                done.lock().unwrap().push((name, number_of(&message)));
            }
        });
        tokio::spawn(handling.unwrap());
    }
    // A subscription that is read by hand is not waited for.
    let mut by_hand = client.subscribe("c").await.unwrap();
    publish(&client, "c", 5).await;
    client.sync().await.unwrap();
    let mut barrier = Box::pin(client.barrier());
    assert!(barrier.as_mut().now_or_never().is_none(), "nothing was handled");
    client.publish("c", numbered(5)).await.unwrap();
    client.sync().await.unwrap();
    permits.add_permits(9);
    until("9 calls", || done.lock().unwrap().len() == 9).await;
    assert!(barrier.as_mut().now_or_never().is_none(), "one message of ten is missing");
    permits.add_permits(1);
    within("the barrier", barrier).await;
    assert_eq!(done.lock().unwrap().len(), 10);
    assert_eq!(number_of(&next(&mut by_hand).await), 0);
}

#[tokio::test]
async fn a_barrier_does_not_wait_for_one_who_has_met_the_end() {
    let server = server();
    let client = connect(&server).await;
    let mut subscriber = client.subscribe("s").await.unwrap();
    subscriber.join_barriers();
    client.publish("s", "x".into()).await.unwrap();
    client.sync().await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "x");
    subscriber.unsubscribe().await.unwrap();
    let mut barrier = Box::pin(client.barrier());
    assert!(barrier.as_mut().now_or_never().is_none(), "the message is being handled");
    end_of(&mut subscriber).await;
    within("the barrier", barrier).await;
    within("another one", client.barrier()).await;
}

#[tokio::test]
async fn a_barrier_does_not_wait_for_idle_unspawned_or_dropped_callbacks() {
    let server = server();
    let client = connect(&server).await;
    within("a barrier of nothing", client.barrier()).await;
    let (called, mut calls) = mpsc::unbounded_channel();
    let stuck = client.subscription("c").handle(move |_| {
        called.send(()).unwrap();
        core::future::pending()
    });
    let stuck = tokio::spawn(stuck.unwrap());
    let unspawned = client.subscription("never").handle(|_| async {}).unwrap();
    let (told, mut tellings) = mpsc::unbounded_channel();
    let idle = client.subscription("i").handle(move |_| {
        told.send(()).unwrap();
        async {}
    });
    tokio::spawn(idle.unwrap());
    publish(&client, "i", 1).await;
    within("a call", tellings.recv()).await;
    within("a barrier of idle ones", client.barrier()).await;
    publish(&client, "c", 2).await;
    within("a call", calls.recv()).await;
    let barrier = client.barrier();
    let mut barrier = Box::pin(barrier);
    assert!(barrier.as_mut().now_or_never().is_none());
    stuck.abort();
    within("a barrier of dropped ones", barrier).await;
    drop(unspawned);
}

#[tokio::test]
async fn the_end_is_told_once_behind_the_last_message() {
    let server = server();
    let client = connect(&server).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let subscriber = client.subscription("e.*").queue_group("q").limit(3).open().unwrap();
    let sid = subscriber.sid();
    let closed = subscriber.closed();
    subscriber.on_closed({
        let order = Arc::clone(&order);
        move |closed: SubscriptionClosed| order.lock().unwrap().push(format!("{closed:?}"))
    });
    let handling = subscriber.handle({
        let order = Arc::clone(&order);
        move |message| {
            let order = Arc::clone(&order);
            async move {
                tokio::task::yield_now().await;
                order.lock().unwrap().push(message.subject.to_string());
            }
        }
    });
    for subject in ["e.1", "e.2", "e.3"] {
        client.publish(subject, "x".into()).await.unwrap();
    }
    client.sync().await.unwrap();
    assert!(order.lock().unwrap().is_empty(), "ended, and nothing is handled yet");
    within("the last message", handling).await;
    let order = order.lock().unwrap().clone();
    assert_eq!(order[..3], ["e.1", "e.2", "e.3"]);
    assert_eq!(order.len(), 4, "{order:?}");
    let closed = within("the end", closed).await;
    assert_eq!((closed.sid, &*closed.subject, closed.queue.as_deref()), (sid, "e.*", Some("q")));
    assert_eq!(closed.reason, NextError::LimitReached);
}

#[tokio::test]
async fn each_end_of_a_subscription_is_told_with_its_reason() {
    let server = server_with(
        "authorization { users: [{user: u, password: p, permissions: {subscribe: {deny: secret}}}] }",
    );
    let client = connect_to(quick().user_and_password("u".into(), "p".into()), &server.url()).await;
    let open = |subject: &'static str| client.subscription(subject).open().unwrap();

    let mut unsubscribed = open("a");
    let told = unsubscribed.closed();
    publish(&client, "a", 1).await;
    client.sync().await.unwrap();
    unsubscribed.unsubscribe().await.unwrap();
    assert_eq!(number_of(&next(&mut unsubscribed).await), 0);
    assert!(unsubscribed.next().await.is_none());
    assert_eq!(within("unsubscribe", told).await.reason, NextError::Finished);
    let late = within("asked afterwards", unsubscribed.closed()).await;
    assert_eq!(late.reason, NextError::Finished);

    let mut drained = open("b");
    let told = drained.closed();
    drained.drain().await.unwrap();
    assert!(within("drain", drained.next()).await.is_none());
    assert_eq!(within("drain", told).await.reason, NextError::Finished);

    let mut refused = open("secret");
    let told = refused.closed();
    assert!(within("refusal", refused.next()).await.is_none());
    let NextError::Refused(text) = within("refusal", told).await.reason else { panic!() };
    assert_contains(text, "Permissions Violation");

    let dropped = open("c");
    let told = dropped.closed();
    drop(dropped);
    assert_eq!(within("drop", told).await.reason, NextError::Finished);

    let mut failed = client
        .subscription("f")
        .capacity(1)
        .slow_consumer(SlowConsumerPolicy::Fail)
        .open()
        .unwrap();
    let told = failed.closed();
    publish(&client, "f", 2).await;
    while within("overflow", failed.next()).await.is_some() {}
    assert_eq!(within("overflow", told).await.reason, NextError::SlowConsumer);

    let mut closed = open("d");
    let told = closed.closed();
    client.close().await.unwrap();
    assert!(within("close", closed.next()).await.is_none());
    assert_eq!(within("close", told).await.reason, NextError::Closed);
}

#[tokio::test]
async fn a_panic_of_a_closed_handler_is_contained() {
    let server = server();
    let client = connect(&server).await;
    let mut events = client.events();
    let subscriber = client.subscribe("p").await.unwrap();
    let sid = subscriber.sid().get();
    subscriber.on_closed(|_| panic!("on purpose"));
    let (sender, receiver) = oneshot::channel();
    subscriber.on_closed(move |closed| sender.send(closed).unwrap());
    drop(subscriber);
    within("the other handler", receiver).await.unwrap();
    event(&mut events, &Event::ClientError(ClientError::CallbackPanicked(sid))).await;
}

#[tokio::test]
async fn the_states_of_a_subscription_are_a_stream() {
    let server = server();
    let client = connect(&server).await;
    let mut subscriber = client.subscription("s").capacity(2).open().unwrap();
    let mut states = subscriber.states();
    let mut seen = Vec::new();
    publish(&client, "s", 3).await;
    client.sync().await.unwrap();
    assert_eq!(subscriber.state(), SubscriptionState::Slow);
    for _ in 0..2 {
        next(&mut subscriber).await;
    }
    publish(&client, "s", 1).await;
    next(&mut subscriber).await;
    assert_eq!(subscriber.state(), SubscriptionState::Active);
    subscriber.drain().await.unwrap();
    assert!(within("the end", subscriber.next()).await.is_none());
    assert_eq!(subscriber.state(), SubscriptionState::Closed);
    drop(subscriber);
    within("the last state", async {
        while let Some(state) = states.next().await {
            seen.push(state);
        }
    })
    .await;
    let [active, slow, draining, closed] = [
        SubscriptionState::Active,
        SubscriptionState::Slow,
        SubscriptionState::Draining,
        SubscriptionState::Closed,
    ];
    assert_eq!(seen, [active, slow, active, draining, closed]);
}

#[tokio::test]
async fn draining_the_client_shows_in_the_state_of_its_subscriptions() {
    let server = server();
    let client = connect(&server).await;
    let subscriber = client.subscribe("s").await.unwrap();
    publish(&client, "s", 1).await;
    client.sync().await.unwrap();
    let mut states = subscriber.states();
    let draining = tokio::spawn({
        let client = client.clone();
        async move { client.drain_within(Duration::from_millis(200)).await }
    });
    let mut seen = Vec::new();
    while let Some(state) = within("a state", states.next()).await {
        seen.push(state);
    }
    let [active, draining_state, closed] =
        [SubscriptionState::Active, SubscriptionState::Draining, SubscriptionState::Closed];
    assert_eq!(seen, [active, draining_state, closed]);
    drop(subscriber);
    within("drain", draining).await.unwrap().unwrap();
}

#[tokio::test]
async fn counters_count_messages_and_bytes_and_the_most_can_be_reset() {
    let server = server();
    let client = connect(&server).await;
    let mut subscriber = client.subscribe("s").await.unwrap();
    // A message here is one byte of subject and four of payload.
    publish(&client, "s", 10).await;
    client.sync().await.unwrap();
    for _ in 0..6 {
        next(&mut subscriber).await;
    }
    let pending = subscriber.pending();
    assert_eq!((pending.messages, pending.bytes), (4, 20));
    assert_eq!((pending.delivered, pending.delivered_bytes), (10, 50));
    assert_eq!((pending.max_messages, pending.max_bytes), (10, 50));
    subscriber.reset_max_pending();
    let pending = subscriber.pending();
    assert_eq!((pending.max_messages, pending.max_bytes), (4, 20));
    assert_eq!((pending.delivered, pending.dropped), (10, 0));
    publish(&client, "s", 2).await;
    client.sync().await.unwrap();
    assert_eq!((subscriber.pending().max_messages, subscriber.pending().max_bytes), (6, 30));
}

#[tokio::test]
async fn a_callback_survives_a_reconnect() {
    let server = server();
    let client = connect_to(quick(), &server.url()).await;
    let mut events = client.events();
    let (called, mut calls) = mpsc::unbounded_channel();
    let handling = client.subscription("c").handle(move |message| {
        called.send(number_of(&message)).unwrap();
        async {}
    });
    tokio::spawn(handling.unwrap());
    client.force_reconnect().await.unwrap();
    pick("a reconnect", &mut events, |event| (*event == Event::Connected).then_some(())).await;
    publish(&client, "c", 1).await;
    assert_eq!(within("a call", calls.recv()).await, Some(0));
}
