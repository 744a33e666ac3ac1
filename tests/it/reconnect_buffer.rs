//! What is kept while there is no connection, for how long, and what is sent again.

use crate::support::{
    connect, connect_to, event, next, number_of, numbered, pick, quick, server, state, within,
};
use core::sync::atomic::Ordering;
use core::time::Duration;
use midge_test_server::{Direction, FaultProxy, NatsServer};
use midge_tokio::{
    BufferDrops, BufferPolicy, Client, ConnectErrorKind, ConnectOptions, Event, Events, Fate,
    HeldFate, OnDisconnect, PublishError, PublishErrorKind, Refusal, Republish, Request,
    RequestError, State, Subscriber, Verdict, WhenFull,
};
use std::sync::{Arc, Mutex};

/// A client behind a proxy, its events, and a subscription to everything beside it.
struct Setup {
    client: Client,
    events: Events,
    proxy: FaultProxy,
    all: Subscriber,
    _reader: Client,
    _server: NatsServer,
}

impl Setup {
    async fn new(options: ConnectOptions) -> Self {
        let server = server();
        let reader = connect(&server).await;
        let all = reader.subscription("buffer.>").confirmed().await.unwrap();
        let proxy = FaultProxy::start(server.address()).unwrap();
        let client = connect_to(options, &proxy.url()).await;
        let events = client.events();
        Self { client, events, proxy, all, _reader: reader, _server: server }
    }

    /// Cuts the connection and lets no other get further than its dial.
    async fn lose(&mut self) {
        self.proxy.stall(Direction::ToClient);
        self.proxy.cut();
        pick("the fate", &mut self.events, fate_of).await;
    }

    async fn come_back(&mut self) {
        self.proxy.resume(Direction::ToClient);
        event(&mut self.events, &Event::Connected).await;
    }

    /// Publishes and flushes what the server never gets, and loses the connection.
    async fn lose_written(&mut self, numbers: core::ops::Range<u32>) -> Fate {
        self.client.sync().await.unwrap();
        self.proxy.stall(Direction::ToServer);
        for number in numbers {
            self.client.publish("buffer.a", numbered(number)).await.unwrap();
        }
        self.client.flush().await.unwrap();
        self.proxy.stall(Direction::ToClient);
        self.proxy.cut();
        self.proxy.resume(Direction::ToServer);
        pick("the fate", &mut self.events, fate_of).await
    }

    async fn publish(&self, subject: &str, number: u32) -> Result<(), PublishError> {
        self.client.publish(subject.to_owned(), numbered(number)).await
    }

    /// What arrives before a message that is sent last.
    async fn received(&mut self) -> Vec<u32> {
        const LAST: u32 = u32::MAX;
        state(&self.client, State::Connected).await;
        self.publish("buffer.last", LAST).await.unwrap();
        let mut numbers = Vec::new();
        loop {
            match number_of(&next(&mut self.all).await) {
                LAST => return numbers,
                number => numbers.push(number),
            }
        }
    }
}

fn fate_of(event: &Event) -> Option<Fate> {
    match event {
        Event::Fate(fate) => Some(*fate),
        _ => None,
    }
}

fn drops_of(event: &Event) -> Option<BufferDrops> {
    match event {
        Event::BufferDropped(drops) => Some(*drops),
        _ => None,
    }
}

#[tokio::test]
async fn the_oldest_or_the_newest_make_room_and_are_counted_and_told() {
    for (when_full, expected) in [(WhenFull::DropOldest, 90..100), (WhenFull::DropNewest, 0..10)] {
        let policy = BufferPolicy::new().messages(10).when_full(when_full);
        let mut setup = Setup::new(quick().reconnect_buffer_policy(policy)).await;
        setup.lose().await;
        for number in 0..100 {
            setup.publish("buffer.a", number).await.unwrap();
        }
        let first = pick("the first drop", &mut setup.events, drops_of).await;
        setup.proxy.resume(Direction::ToClient);
        // One event told that it began; one tells the rest, unless the first told all.
        let mut total = first.total();
        if total < 90 {
            total += pick("the other drops", &mut setup.events, drops_of).await.total();
        }
        assert_eq!(total, 90, "{when_full:?}");
        let counted = setup.client.statistics().dropped_publishes.load(Ordering::Relaxed);
        assert_eq!(counted, 90, "{when_full:?}");
        assert_eq!(setup.received().await, expected.collect::<Vec<u32>>(), "{when_full:?}");
    }
}

#[tokio::test]
async fn a_full_buffer_of_messages_is_an_error_that_names_the_limit() {
    let policy = BufferPolicy::new().messages(2);
    let mut setup = Setup::new(quick().reconnect_buffer_policy(policy)).await;
    setup.lose().await;
    setup.publish("buffer.a", 0).await.unwrap();
    setup.publish("buffer.a", 1).await.unwrap();
    let error = setup.publish("buffer.a", 2).await.unwrap_err();
    assert_eq!(error, PublishError::Refused(Refusal::TooManyBuffered { limit: 2 }));
    assert_eq!(error.kind(), PublishErrorKind::BufferFull);
    setup.come_back().await;
    assert_eq!(setup.received().await, [0, 1]);
}

#[tokio::test]
async fn a_publisher_that_may_wait_goes_on_with_the_next_connection() {
    let policy = BufferPolicy::new().messages(1).when_full(WhenFull::Wait(Duration::from_secs(60)));
    let mut setup = Setup::new(quick().reconnect_buffer_policy(policy)).await;
    setup.lose().await;
    setup.publish("buffer.a", 0).await.unwrap();
    let refused = setup.client.try_publish("buffer.a", numbered(9)).unwrap_err();
    assert_eq!(refused, PublishError::Refused(Refusal::Full));
    let waiting: Vec<_> = (1..4)
        .map(|number| {
            let client = setup.client.clone();
            tokio::spawn(async move { client.publish("buffer.a", numbered(number)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(waiting.iter().all(|publisher| !publisher.is_finished()));
    setup.come_back().await;
    for publisher in waiting {
        within("a publisher", publisher).await.unwrap().unwrap();
    }
    let mut received = setup.received().await;
    received.sort_unstable();
    assert_eq!(received, [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_publisher_that_waits_hears_when_its_time_is_up_and_has_sent_nothing() {
    let after = Duration::from_millis(30);
    let policy = BufferPolicy::new().messages(1).when_full(WhenFull::Wait(after));
    let mut setup = Setup::new(quick().reconnect_buffer_policy(policy)).await;
    setup.lose().await;
    setup.publish("buffer.a", 0).await.unwrap();
    let error = within("the error", setup.publish("buffer.a", 1)).await.unwrap_err();
    assert_eq!(error, PublishError::Refused(Refusal::WaitedInVain { after }));
    assert_eq!(error.kind(), PublishErrorKind::BufferFull);
    let request = setup.client.request("buffer.a", numbered(2));
    let error = within("the error", request).await.unwrap_err();
    assert_eq!(error, RequestError::Publish(Refusal::WaitedInVain { after }.into()));
    setup.come_back().await;
    assert_eq!(setup.received().await, [0]);
}

#[tokio::test]
async fn a_message_that_waited_too_long_is_not_sent_and_makes_room() {
    let policy = BufferPolicy::new()
        .messages(1)
        .max_age(Duration::from_millis(50))
        .when_full(WhenFull::Wait(Duration::from_secs(60)));
    let mut setup = Setup::new(quick().reconnect_buffer_policy(policy)).await;
    setup.lose().await;
    setup.publish("buffer.a", 0).await.unwrap();
    within("room", setup.publish("buffer.a", 1)).await.unwrap();
    let drops = pick("the drop", &mut setup.events, drops_of).await;
    assert_eq!((drops.expired, drops.total()), (1, 1));
    // Once more, with nobody publishing.
    setup.come_back().await;
    let received = setup.received().await;
    assert!(received.is_empty() || received == [1], "{received:?}");
}

#[tokio::test]
async fn subjects_may_have_policies_of_their_own() {
    let latest = BufferPolicy::new().messages(1).when_full(WhenFull::DropOldest);
    let options = quick()
        .reconnect_buffer(0)
        .reconnect_buffer_policy_for("buffer.telemetry.*", latest)
        .reconnect_buffer_policy_for("buffer.orders.>", BufferPolicy::new().messages(3));
    let mut setup = Setup::new(options).await;
    setup.lose().await;
    for number in 0..5 {
        setup.publish("buffer.telemetry.a", number).await.unwrap();
    }
    setup.publish("buffer.orders.eu.1", 10).await.unwrap();
    let error = setup.publish("buffer.other", 11).await.unwrap_err();
    assert_eq!(error, PublishError::Refused(Refusal::BufferFull { limit: 0 }));
    setup.come_back().await;
    assert_eq!(setup.received().await, [4, 10]);
}

#[tokio::test]
async fn a_filter_that_is_not_valid_is_told_before_anything_is_dialed() {
    let options = ConnectOptions::new().reconnect_buffer_policy_for("a..b", BufferPolicy::new());
    let error = within("connect", options.connect("127.0.0.1:1")).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Options);
    crate::support::assert_contains(error, "a..b");
}

#[tokio::test]
async fn what_was_written_and_lost_is_sent_again_if_that_is_asked_for() {
    let options = quick().uncertain_publishes(Republish::Send);
    let mut setup = Setup::new(options).await;
    setup.publish("buffer.a", 0).await.unwrap();
    let fate = setup.lose_written(1..4).await;
    assert_eq!((fate.uncertain, fate.repeated, fate.kept), (3, 3, 0));
    setup.publish("buffer.a", 4).await.unwrap();
    setup.come_back().await;
    assert_eq!(setup.received().await, [0, 1, 2, 3, 4], "what was fenced is not sent twice");
}

#[tokio::test]
async fn by_default_what_was_written_and_lost_is_counted_and_not_sent_again() {
    let mut setup = Setup::new(quick()).await;
    let fate = setup.lose_written(1..4).await;
    assert_eq!((fate.uncertain, fate.repeated, fate.kept), (3, 0, 0));
    setup.come_back().await;
    assert!(setup.received().await.is_empty());
}

#[tokio::test]
async fn the_application_may_decide_on_each_message_that_waits() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ask = |parity: u32| {
        let asked = Arc::clone(&asked);
        Republish::ask(move |held| {
            let number = u32::from_be_bytes(held.message.payload[..].try_into().unwrap());
            asked.lock().unwrap().push((number, held.fate));
            if number % 2 == parity { Verdict::Send } else { Verdict::Drop }
        })
    };
    let options = quick().uncertain_publishes(ask(0)).unwritten_publishes(ask(1));
    let mut setup = Setup::new(options).await;
    setup.lose_written(0..4).await;
    for number in 4..8 {
        setup.publish("buffer.a", number).await.unwrap();
    }
    setup.proxy.resume(Direction::ToClient);
    let drops = pick("the drops", &mut setup.events, drops_of).await;
    assert_eq!((drops.declined, drops.total()), (4, 4));
    assert_eq!(setup.received().await, [0, 2, 5, 7]);
    let fate = |number| if number < 4 { HeldFate::Uncertain } else { HeldFate::Unwritten };
    let expected: Vec<(u32, HeldFate)> = (0..8).map(|number| (number, fate(number))).collect();
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[tokio::test]
async fn what_was_never_written_may_be_dropped_instead_of_being_sent_late() {
    let mut setup = Setup::new(quick().unwritten_publishes(Republish::Drop)).await;
    setup.lose().await;
    for number in 0..3 {
        setup.publish("buffer.a", number).await.unwrap();
    }
    setup.proxy.resume(Direction::ToClient);
    let drops = pick("the drops", &mut setup.events, drops_of).await;
    assert_eq!(drops.declined, 3);
    assert!(setup.received().await.is_empty());
}

#[tokio::test]
async fn much_that_is_kept_to_be_sent_again_goes_out_once_where_nothing_is_lost() {
    let mut setup = Setup::new(quick().uncertain_publishes(Republish::Send)).await;
    let payload = crate::support::pattern(100_000);
    for _ in 0..300 {
        setup.client.publish("buffer.a", payload.clone()).await.unwrap();
    }
    setup.client.publish("buffer.end", "end".into()).await.unwrap();
    for _ in 0..300 {
        assert_eq!(next(&mut setup.all).await.payload.len(), payload.len());
    }
    assert_eq!(next(&mut setup.all).await.payload, "end");
}

/// A request whose message never reaches the server; the connection is lost then.
async fn lost_request(
    setup: &mut Setup,
    on_disconnect: OnDisconnect,
    timeout: Duration,
) -> tokio::task::JoinHandle<Result<midge_tokio::Message, RequestError>> {
    // The subscription for replies is made before.
    setup.client.request("nobody", "".into()).await.unwrap_err();
    setup.client.sync().await.unwrap();
    setup.proxy.stall(Direction::ToServer);
    let client = setup.client.clone();
    let request =
        Request::new().payload("?".into()).timeout(Some(timeout)).on_disconnect(on_disconnect);
    let requesting =
        tokio::spawn(async move { client.send_request("buffer.service", request).await });
    while setup.client.statistics().out_messages.load(Ordering::Relaxed) < 2 {
        tokio::task::yield_now().await;
    }
    setup.client.flush().await.unwrap();
    setup.proxy.stall(Direction::ToClient);
    setup.proxy.cut();
    setup.proxy.resume(Direction::ToServer);
    pick("the fate", &mut setup.events, fate_of).await;
    requesting
}

#[tokio::test]
async fn an_idempotent_request_is_sent_again_on_the_next_connection() {
    let mut setup = Setup::new(quick()).await;
    crate::support::serve_echo(&setup._reader, "buffer.service").await;
    let time = Duration::from_secs(60);
    let requesting = lost_request(&mut setup, OnDisconnect::Resend, time).await;
    setup.come_back().await;
    let reply = within("the reply", requesting).await.unwrap().unwrap();
    assert_eq!(reply.payload, "?");
}

#[tokio::test]
async fn a_request_that_is_not_sent_again_waits_in_vain_or_fails_at_once() {
    let mut setup = Setup::new(quick()).await;
    crate::support::serve_echo(&setup._reader, "buffer.service").await;
    let time = Duration::from_millis(300);
    let requesting = lost_request(&mut setup, OnDisconnect::Wait, time).await;
    setup.come_back().await;
    let error = within("the error", requesting).await.unwrap().unwrap_err();
    assert_eq!(error, RequestError::TimedOut(time));

    let time = Duration::from_secs(60);
    let requesting = lost_request(&mut setup, OnDisconnect::Fail, time).await;
    let error = within("the error", requesting).await.unwrap().unwrap_err();
    assert_eq!(error, RequestError::Disconnected);
}

#[tokio::test]
async fn a_request_to_be_sent_again_keeps_the_time_it_has_left() {
    let mut setup = Setup::new(quick()).await;
    let time = Duration::from_millis(200);
    let requesting = lost_request(&mut setup, OnDisconnect::Resend, time).await;
    // There is no other connection, and its time goes on.
    let error = within("the error", requesting).await.unwrap().unwrap_err();
    assert_eq!(error, RequestError::TimedOut(time));
}

#[tokio::test]
async fn a_request_whose_message_still_waits_is_not_sent_twice() {
    let mut setup = Setup::new(quick()).await;
    setup.client.request("nobody", "".into()).await.unwrap_err();
    setup.lose().await;
    let request = Request::new().payload(numbered(1)).on_disconnect(OnDisconnect::Resend);
    let client = setup.client.clone();
    let requesting =
        tokio::spawn(async move { client.send_request("buffer.service", request).await });
    while setup.client.buffered_bytes() == 0 {
        tokio::task::yield_now().await;
    }
    setup.come_back().await;
    assert_eq!(setup.received().await, [1]);
    requesting.abort();
}
