//! The connection goes on whoever carries it, and passes from one thread to another.

use crate::support::{DEADLINE, connect, next, serve_echo, server, until, within};
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::thread;

#[test]
fn many_threads_send_requests_over_one_connection() {
    let server = server();
    let (client, other) = (connect(&server), connect(&server));
    let _echo = serve_echo(&other, "echo");
    let answered = Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..8_u32)
        .map(|thread| {
            let (client, answered) = (client.clone(), Arc::clone(&answered));
            thread::spawn(move || {
                for number in 0..200_u32 {
                    let payload = format!("{thread} {number}");
                    let answer = client.request("echo", payload.clone().into()).unwrap();
                    assert_eq!(answer.payload, payload);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    within("all requests", move || {
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert_eq!(answered.load(Ordering::Relaxed), 1600);
}

#[test]
fn a_thread_that_waits_alone_is_not_in_the_way_of_another_ones_calls() {
    let server = server();
    let client = connect(&server);
    let mut quiet = client.subscribe("quiet").unwrap();
    let waiting = thread::spawn(move || quiet.next());
    for _ in 0..50 {
        client.rtt().unwrap();
        client.publish("x", "".into()).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    client.publish("quiet", "1".into()).unwrap();
    let message = within("the message", move || waiting.join().unwrap());
    assert_eq!(message.unwrap().payload, "1");
}

#[test]
fn calls_with_pauses_between_them_find_the_connection_alive() {
    let server = server();
    let client = connect(&server);
    // Shorter and longer than the wheel stays free.
    for pause in [0, 1, 3, 5, 6, 8, 12, 20] {
        client.rtt().unwrap();
        thread::sleep(Duration::from_millis(pause));
    }
}

#[test]
fn reading_goes_on_while_a_thread_works_through_what_has_come() {
    const BATCH: u64 = 2_000;
    let server = server();
    let client = connect(&server);
    let mut subscriber = client.subscription("work").confirmed().unwrap();
    let sender = connect(&server);
    let (go_on, wait) = std::sync::mpsc::channel();
    let sending = thread::spawn(move || {
        for _ in 0..2 {
            (0..BATCH).for_each(|_| sender.publish("work", "".into()).unwrap());
            sender.sync().unwrap();
            wait.recv().unwrap();
        }
    });
    let mut handled = 0;
    while handled < 2 * BATCH && subscriber.pending().delivered < 2 * BATCH {
        next(&mut subscriber);
        handled += 1;
        // The time that it takes to handle a message; in the midst of the first ones others come,
        // and there are seconds for them to be read.
        thread::sleep(Duration::from_millis(3));
        if handled == 1 || handled == 2 {
            go_on.send(()).unwrap();
        }
    }
    assert!(handled < BATCH, "read after {handled} messages: {:?}", subscriber.pending());
    sending.join().unwrap();
}

#[test]
fn a_subscription_is_restored_while_its_reader_carries_the_connection() {
    let mut server = server();
    let client = connect(&server);
    let mut subscriber = client.subscribe("x").unwrap();
    let waiting = thread::spawn(move || (subscriber.next(), subscriber));
    thread::sleep(Duration::from_millis(20));
    server.restart().unwrap();
    let other = connect(&server);
    until("the subscription", || {
        other.publish("x", "1".into()).unwrap();
        waiting.is_finished()
    });
    assert_eq!(waiting.join().unwrap().0.unwrap().payload, "1");
}

#[test]
fn a_publisher_that_waits_for_room_carries_on_when_there_is_some() {
    let server = server();
    let options = crate::support::quick().write_high_water(64 << 10);
    let client = crate::support::connect_to(options, server.url());
    let mut subscriber = client.subscription("x").capacity(usize::MAX).open().unwrap();
    let payload = bytes::Bytes::from(vec![1; 10_000]);
    let publisher = client;
    let published = within("all publishes", move || {
        (0..1000).filter(|_| publisher.publish("x", payload.clone()).is_ok()).count()
    });
    assert_eq!(published, 1000);
    for _ in 0..1000 {
        next(&mut subscriber);
    }
}

#[test]
fn handles_of_two_connections_wait_for_each_other() {
    let server = server();
    let (left, right) = (connect(&server), connect(&server));
    let mut to_left = left.subscription("left").confirmed().unwrap();
    let mut to_right = right.subscription("right").confirmed().unwrap();
    let thread = thread::spawn(move || {
        for message in to_right.iter().take(500) {
            right.publish("left", message.payload).unwrap();
        }
    });
    for number in 0..500_u32 {
        let payload = bytes::Bytes::copy_from_slice(&number.to_be_bytes());
        left.publish("right", payload.clone()).unwrap();
        assert_eq!(to_left.next_timeout(DEADLINE).unwrap().payload, payload);
    }
    thread.join().unwrap();
}

#[test]
fn a_future_that_a_thread_waits_for_may_block_on_the_same_connection() {
    let server = server();
    let (client, other) = (connect(&server), connect(&server));
    let _echo = serve_echo(&other, "echo");
    let outer = client.clone();
    let answers = within("calls inside of a future", move || {
        let outside = outer.clone();
        outer.wait(async move {
            // Before it has waited, and after.
            let first = client.request("echo", "1".into()).unwrap().payload;
            let second = (*outside).request("echo", "2".into()).await.unwrap().payload;
            let third = client.wait(async { client.request("echo", "3".into()) }).unwrap().payload;
            [first, second, third]
        })
    });
    assert_eq!(answers, ["1", "2", "3"]);
    other.rtt().unwrap();
}

#[test]
fn a_future_that_lets_others_have_their_turn_lets_the_connection_have_one() {
    let server = server();
    let client = connect(&server);
    let subscriber = client.subscription("news").confirmed().unwrap();
    let sender = connect(&server);
    within("the news", move || {
        // From here on this thread drives.
        client.rtt().unwrap();
        sender.publish("news", "x".into()).unwrap();
        client.wait(core::future::poll_fn(|cx| {
            if subscriber.pending().messages > 0 {
                return core::task::Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            core::task::Poll::Pending
        }));
    });
}

#[test]
fn a_future_that_panics_while_it_is_waited_for_leaves_the_connection_usable() {
    let server = server();
    let client = connect(&server);
    let inside = client.clone();
    let ended = thread::spawn(move || {
        inside.wait(async {
            inside.rtt().unwrap();
            panic!("on purpose");
        })
    });
    assert!(ended.join().is_err());
    within("a round trip", move || client.rtt()).unwrap();
}
