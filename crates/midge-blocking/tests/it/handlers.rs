//! Threads that call the application, and channels.

use crate::support::{DEADLINE, connect, server, until, within};
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use midge_blocking::crossbeam_channel;
use std::sync::Arc;

#[test]
fn a_handler_is_called_until_it_is_dropped() {
    let server = server();
    let client = connect(&server);
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let handler = client
        .subscribe_with("x", move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    for _ in 0..10 {
        client.publish("x", "".into()).unwrap();
    }
    until("ten calls", || calls.load(Ordering::SeqCst) == 10);
    let before = client.subscription_count();
    drop(handler);
    until("the end of the subscription", || client.subscription_count() == before - 1);
    client.publish("x", "".into()).unwrap();
    client.sync().unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 10);
}

#[test]
fn a_handler_that_panics_is_called_again_and_tells_of_it() {
    let server = server();
    let client = connect(&server);
    let (sender, receiver) = std::sync::mpsc::channel();
    let handler = client
        .subscribe_with("x", move |message| {
            assert!(message.payload != "bad", "{} is bad", message.subject);
            sender.send(message.payload).unwrap();
        })
        .unwrap();
    for payload in ["good", "bad", "better"] {
        client.publish("x", payload.into()).unwrap();
    }
    let payloads = [receiver.recv_timeout(DEADLINE), receiver.recv_timeout(DEADLINE)];
    assert_eq!(payloads.map(Result::unwrap), ["good", "better"]);
    assert_eq!(handler.panics(), 1);
    assert_eq!(handler.last_panic().unwrap(), "x is bad");
    assert!(!handler.is_finished());
    within("stop", move || handler.stop());
}

#[test]
fn a_handler_may_call_everything_and_drop_itself() {
    let server = server();
    let client = connect(&server);
    let slot = Arc::new(std::sync::Mutex::new(None::<midge_blocking::Handler>));
    let (own, inside) = (Arc::clone(&slot), client.clone());
    let (sender, receiver) = std::sync::mpsc::channel();
    let handler = client
        .subscribe_with("x", move |_| {
            inside.rtt().unwrap();
            if let Some(handler) = own.lock().unwrap().take() {
                handler.stop();
            }
            sender.send(()).unwrap();
        })
        .unwrap();
    *slot.lock().unwrap() = Some(handler);
    client.publish("x", "".into()).unwrap();
    receiver.recv_timeout(DEADLINE).unwrap();
    // The thread is over, and with it the sender.
    assert!(receiver.recv_timeout(DEADLINE).is_err());
}

#[test]
fn a_handler_of_events_may_wait_for_the_connection() {
    let mut server = server();
    let client = connect(&server);
    let (sender, receiver) = std::sync::mpsc::channel();
    let inside = client.clone();
    let _handler = client
        .events()
        .handle_with(move |event| {
            if event == midge_blocking::Event::Connected {
                sender.send(inside.rtt()).unwrap();
            }
        })
        .unwrap();
    server.restart().unwrap();
    receiver.recv_timeout(DEADLINE).unwrap().unwrap();
}

#[test]
fn a_channel_is_selected_over_beside_other_sources() {
    let server = server();
    let client = connect(&server);
    let messages = client.subscribe("x").unwrap().into_channel(16).unwrap();
    let (sender, orders) = crossbeam_channel::unbounded();
    let mut seen = Vec::new();
    client.publish("x", "message".into()).unwrap();
    for _ in 0..2 {
        crossbeam_channel::select! {
            recv(messages) -> message => {
                seen.push(String::from_utf8(message.unwrap().payload.to_vec()).unwrap());
                sender.send("order").unwrap();
            }
            recv(orders) -> order => seen.push(order.unwrap().to_owned()),
            default(DEADLINE) => panic!("nothing came; seen: {seen:?}"),
        }
    }
    assert_eq!(seen, ["message", "order"]);
    client.close().unwrap();
    assert!(messages.recv_timeout(DEADLINE).is_err());
}

#[test]
fn a_full_channel_leaves_the_rest_in_the_subscription() {
    let server = server();
    let client = connect(&server);
    let messages = client.subscribe("x").unwrap().into_channel(2).unwrap();
    for number in 0..100_u8 {
        client.publish("x", vec![number].into()).unwrap();
    }
    client.sync().unwrap();
    std::thread::sleep(Duration::from_millis(10));
    assert!(messages.len() <= 2);
    let seen: Vec<u8> =
        (0..100).map(|_| messages.recv_timeout(DEADLINE).unwrap().payload[0]).collect();
    assert_eq!(seen, (0..100).collect::<Vec<u8>>());
    let before = client.subscription_count();
    drop(messages);
    until("the end of the subscription", || client.subscription_count() == before - 1);
}

#[test]
fn a_barrier_waits_for_the_threads_of_handlers() {
    let server = server();
    let client = connect(&server);
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let _handler = client
        .subscribe_with("x", move |_| {
            gate.recv_timeout(DEADLINE).unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    for _ in 0..3 {
        client.publish("x", "".into()).unwrap();
    }
    client.sync().unwrap();
    let passed = Arc::new(AtomicU32::new(0));
    let (flag, seen) = (Arc::clone(&passed), Arc::clone(&calls));
    let waiting = std::thread::spawn(move || {
        client.barrier();
        flag.store(1, Ordering::SeqCst);
        seen.load(Ordering::SeqCst)
    });
    go.send(()).unwrap();
    go.send(()).unwrap();
    until("two calls", || calls.load(Ordering::SeqCst) == 2);
    assert_eq!(passed.load(Ordering::SeqCst), 0);
    go.send(()).unwrap();
    assert_eq!(within("the barrier", move || waiting.join()).unwrap(), 3);
}
