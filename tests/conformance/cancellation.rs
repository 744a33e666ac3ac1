//! Every future may be dropped between any two polls, and nothing is lost or doubled.

use crate::adapters::Adapter;
use crate::stage::{Stage, conformance, number_of, numbered, serve_echo, until, within};
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use midge::State;

conformance! {
    futures_dropped_at_random_points_lose_and_double_nothing,
    a_connect_that_is_dropped_leaves_no_connection,
    a_drain_goes_on_when_its_future_is_dropped,
}

/// Numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls the future up to so many times, with a turn for others in between; then drops it.
async fn poll_at_most<F: Future>(times: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        yield_now().await;
    }
    None
}

/// As [`poll_at_most`], whatever comes of it.
async fn drop_after<F: Future>(times: u64, future: F) {
    let _ = poll_at_most(times, future).await;
}

async fn futures_dropped_at_random_points_lose_and_double_nothing<A: Adapter>(stage: Stage<A>) {
    const MESSAGES: u32 = 4_000;
    let server = stage.server();
    let options = stage.options().write_high_water(4_096);
    let publisher = stage.connect_to(options, &stage.url(&server)).await;
    let reader = stage.connect(&server).await;
    serve_echo(&reader, "echo").await;
    let mut all = reader.subscription("n").capacity(usize::MAX).confirmed().await.unwrap();
    let publish = async {
        let mut dice = Dice(7);
        for number in 0..MESSAGES {
            // A future that was dropped sent nothing: the message is published again.
            loop {
                let publish = publisher.publish("n", numbered(number));
                match poll_at_most(dice.roll(3), publish).await {
                    Some(result) => break result.unwrap(),
                    None => yield_now().await,
                }
            }
            let times = dice.roll(6);
            match dice.roll(40) {
                0 => drop_after(times, publisher.sync()).await,
                1 => drop_after(times, publisher.flush()).await,
                2 => drop_after(times, publisher.request("echo", "x".into())).await,
                3 => drop_after(times, publisher.subscription("o").confirmed()).await,
                4 => drop_after(times, publisher.subscribe("o")).await,
                5 => {
                    let limited = publisher.sync_timeout(Duration::from_millis(1));
                    drop_after(times, limited).await;
                }
                6 => drop_after(times, publisher.publish_confirmed("o", "".into())).await,
                _ => {}
            }
        }
        publisher.sync().await.unwrap();
    };
    let read = async {
        let mut dice = Dice(11);
        let mut expected = 0;
        while expected < MESSAGES {
            let times = dice.roll(4);
            let message = match dice.roll(3) {
                0 => {
                    let next = all.next_timeout(Duration::from_secs(10));
                    poll_at_most(times, next).await.map(Result::unwrap)
                }
                1 => all.try_next().unwrap(),
                _ => poll_at_most(times, all.next()).await.map(Option::unwrap),
            };
            match message {
                Some(message) => {
                    assert_eq!(number_of(&message), expected);
                    expected += 1;
                }
                None => yield_now().await,
            }
        }
    };
    within("all messages", futures_util::future::join(publish, read)).await;
    assert_eq!(all.try_next(), Ok(None));
    assert_eq!(publisher.requests_in_flight(), 0);
    until("one subscription, for replies", || publisher.subscription_count() <= 1).await;
    within("sync", publisher.sync()).await.unwrap();
}

async fn a_connect_that_is_dropped_leaves_no_connection<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    for times in 0..10 {
        let connecting = stage.options().connect(stage.url(&server));
        drop_after(times, connecting).await;
    }
    let alive = stage.connect(&server).await;
    let alone = || server.monitor("/connz").unwrap()["num_connections"] == 1;
    until("one connection", alone).await;
    alive.sync().await.unwrap();
}

async fn a_drain_goes_on_when_its_future_is_dropped<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    for times in 1..4 {
        let client = stage.connect(&server).await;
        client.publish("g", "x".into()).await.unwrap();
        drop_after(times, client.drain()).await;
        until("closed", || client.connection_state() == State::Closed).await;
    }
    server.monitor_until("/varz", |varz| varz["in_msgs"] == 3).unwrap();
}
