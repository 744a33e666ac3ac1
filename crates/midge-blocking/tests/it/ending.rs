//! Whoever waits hears of the end, and calls after it say so.

use crate::support::{connect, connect_to, quick, server, until, within};
use core::time::Duration;
use midge_blocking::{Event, FlushError, NextError, RequestErrorKind, State};
use std::thread;

#[test]
fn a_close_ends_every_wait() {
    let server = server();
    let client = connect(&server);
    let _mute = client.subscribe("mute").unwrap();
    let mut waits: Vec<thread::JoinHandle<()>> = Vec::new();
    for _ in 0..4 {
        let mut subscriber = client.subscribe("x").unwrap();
        waits.push(thread::spawn(move || assert!(subscriber.next().is_none())));
        let client = client.clone();
        waits.push(thread::spawn(move || {
            let error = client.request("mute", "".into()).unwrap_err();
            assert_eq!(error.kind(), RequestErrorKind::Other, "{error}");
        }));
    }
    until("the requests", || client.requests_in_flight() == 4);
    let closing = client.clone();
    within("close", move || closing.close()).unwrap();
    within("the waits", move || waits.into_iter().for_each(|wait| wait.join().unwrap()));
    assert_eq!(client.connection_state(), State::Closed);
    assert_eq!(client.flush(), Err(FlushError::Closed));
    assert!(client.close().is_err());
}

#[test]
fn calls_that_race_with_a_close_return() {
    let server = server();
    for _ in 0..20 {
        let client = connect(&server);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let client = client.clone();
                thread::spawn(move || {
                    while client.publish("x", "".into()).is_ok() && client.sync().is_ok() {}
                })
            })
            .collect();
        within("close", move || client.close()).unwrap();
        within("the calls", move || threads.into_iter().for_each(|t| t.join().unwrap()));
    }
}

#[test]
fn a_drain_delivers_what_was_in_flight() {
    let server = server();
    let client = connect(&server);
    let mut subscriber = client.subscribe("x").unwrap();
    for number in 0..100 {
        client.publish("x", number.to_string().into()).unwrap();
    }
    let reader = thread::spawn(move || {
        let count = subscriber.iter().count();
        (count, subscriber.end_reason())
    });
    within("drain", move || client.drain()).unwrap();
    let (count, reason) = reader.join().unwrap();
    assert_eq!((count, reason), (100, Some(NextError::Finished)));
}

#[test]
fn what_was_accepted_is_written_when_the_last_handle_goes() {
    let server = server();
    let receiver = connect(&server);
    let mut subscriber = receiver.subscription("x").confirmed().unwrap();
    let sender = connect(&server);
    for _ in 0..1000 {
        sender.publish("x", "".into()).unwrap();
    }
    drop(sender);
    for _ in 0..1000 {
        crate::support::next(&mut subscriber);
    }
}

#[test]
fn a_callback_that_waits_for_its_own_connection_ends_it_instead_of_hanging() {
    let server = server();
    let (give, take) = std::sync::mpsc::channel::<midge_blocking::Client>();
    let take = std::sync::Mutex::new(take);
    let options = quick().event_callback(move |event| {
        let client = match event {
            Event::Draining => take.lock().unwrap().recv().ok(),
            _ => None,
        };
        async move {
            if let Some(client) = client {
                // The panic of this call ends the connection.
                let _ = client.rtt();
            }
        }
    });
    let client = connect_to(options, server.url());
    give.send(client.clone()).unwrap();
    let draining = client.clone();
    let _ = within("the end", move || draining.drain_within(Duration::from_secs(5)));
    until("closed", || client.connection_state() == State::Closed);
}
