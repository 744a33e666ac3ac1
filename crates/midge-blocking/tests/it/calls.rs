//! Each call does what it says, and waits no longer than it says.

use crate::support::{DEADLINE, connect, connect_to, next, serve_echo, server, until, within};
use core::sync::atomic::Ordering;
use core::time::Duration;
use midge_blocking::{ConnectOptions, Event, NextError, RequestErrorKind, TimedOut, select};
use midge_test_server::{NatsServer, TestCerts};

#[test]
fn a_message_published_is_the_next_of_a_subscription() {
    let server = server();
    let client = connect(&server);
    let mut subscriber = client.subscribe("greet.*").unwrap();
    client.publish("greet.joe", "hello".into()).unwrap();
    let message = next(&mut subscriber);
    assert_eq!((message.subject.as_str(), &message.payload[..]), ("greet.joe", &b"hello"[..]));
}

#[test]
fn a_publish_that_nothing_follows_reaches_the_server() {
    let server = server();
    let (sender, receiver) = (connect(&server), connect(&server));
    let mut subscriber = receiver.subscription("x").confirmed().unwrap();
    // Leaves nobody at the wheel.
    sender.rtt().unwrap();
    sender.publish("x", "1".into()).unwrap();
    assert_eq!(next(&mut subscriber).payload, "1");
}

#[test]
fn a_next_with_a_timeout_ends_without_a_message_and_loses_none() {
    let server = server();
    let client = connect(&server);
    let mut subscriber = client.subscribe("x").unwrap();
    let short = Duration::from_millis(20);
    assert_eq!(subscriber.next_timeout(short), Err(NextError::TimedOut(short)));
    assert_eq!(subscriber.next_within(short), Err(TimedOut(short)));
    client.publish("x", "1".into()).unwrap();
    client.publish("x", "2".into()).unwrap();
    assert_eq!(subscriber.next_within(DEADLINE).unwrap().unwrap().payload, "1");
    assert_eq!(next(&mut subscriber).payload, "2");
}

#[test]
fn a_message_that_has_arrived_is_there_without_waiting() {
    let server = server();
    let (sender, receiver) = (connect(&server), connect(&server));
    let mut subscriber = receiver.subscription("x").confirmed().unwrap();
    assert_eq!(subscriber.try_next(), Ok(None));
    sender.publish("x", "1".into()).unwrap();
    sender.sync().unwrap();
    let mut message = None;
    let end = std::time::Instant::now() + DEADLINE;
    while message.is_none() && std::time::Instant::now() < end {
        message = subscriber.try_next().unwrap();
    }
    assert_eq!(message.unwrap().payload, "1");
    subscriber.unsubscribe().unwrap();
    receiver.sync().unwrap();
    assert_eq!(subscriber.try_next(), Err(NextError::Finished));
}

#[test]
fn an_iteration_ends_with_the_subscription() {
    let server = server();
    let client = connect(&server);
    let mut subscriber = client.subscription("x").limit(3).open().unwrap();
    for number in 0..5 {
        client.publish("x", number.to_string().into()).unwrap();
    }
    let payloads: Vec<_> = subscriber.iter().map(|message| message.payload).collect();
    assert_eq!(payloads, ["0", "1", "2"]);
    assert!((&mut subscriber).into_iter().next().is_none());
}

#[test]
fn a_request_is_answered_or_fails_for_its_reason() {
    let server = server();
    let (client, other) = (connect(&server), connect(&server));
    let echo = serve_echo(&other, "echo");
    assert_eq!(client.request("echo", "a".into()).unwrap().payload, "a");
    let error = client.request("nobody", "".into()).unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::NoResponders);
    let _mute = other.subscription("mute").confirmed().unwrap();
    let request = midge_blocking::Request::new().timeout(Some(Duration::from_millis(20)));
    let error = client.send_request("mute", request).unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::TimedOut);
    other.close().unwrap();
    echo.join().unwrap();
}

#[test]
fn many_messages_keep_their_order() {
    const COUNT: u32 = 100_000;
    let server = server();
    let (sender, receiver) = (connect(&server), connect(&server));
    let mut subscriber = receiver.subscription("x").capacity(usize::MAX).confirmed().unwrap();
    let publisher = std::thread::spawn(move || {
        for number in 0..COUNT {
            let payload = bytes::Bytes::copy_from_slice(&number.to_be_bytes());
            sender.publish("x", payload).unwrap();
        }
        sender.sync().unwrap();
    });
    for number in 0..COUNT {
        assert_eq!(next(&mut subscriber).payload[..], number.to_be_bytes());
    }
    publisher.join().unwrap();
}

#[test]
fn one_call_waits_for_several_subscriptions() {
    let server = server();
    let client = connect(&server);
    let (mut first, mut second) = (client.subscribe("a").unwrap(), client.subscribe("b").unwrap());
    let short = Some(Duration::from_millis(20));
    assert_eq!(select(&mut [&mut first, &mut second], short), None);
    client.publish("b", "2".into()).unwrap();
    let (index, message) = select(&mut [&mut first, &mut second], Some(DEADLINE)).unwrap();
    assert_eq!((index, message.unwrap().payload), (1, "2".into()));
    first.unsubscribe().unwrap();
    let ended = select(&mut [&mut first, &mut second], Some(DEADLINE)).unwrap();
    assert_eq!(ended, (0, None));
}

#[test]
fn events_are_waited_for_like_messages() {
    let mut server = server();
    let client = connect(&server);
    let mut events = client.events();
    server.restart().unwrap();
    let seen = within("reconnected", move || {
        events.iter().take_while(|event| *event != Event::Connected).collect::<Vec<_>>()
    });
    assert!(seen.contains(&Event::Disconnected), "{seen:?}");
}

#[test]
fn tls_works_like_everything_else() {
    let certs = TestCerts::generate().unwrap();
    let server = NatsServer::builder().tls(certs.server_tls()).start().unwrap();
    let options = ConnectOptions::new().add_root_certificates(certs.ca_path());
    let client = connect_to(options, server.url());
    assert!(client.tls_info().is_some());
    let mut subscriber = client.subscribe("x").unwrap();
    let large = bytes::Bytes::from(vec![7; 300_000]);
    client.publish("x", large.clone()).unwrap();
    assert_eq!(next(&mut subscriber).payload, large);
    client.rtt().unwrap();
}

#[test]
fn a_name_is_looked_up_and_a_failure_says_which() {
    let server = server();
    let url = format!("nats://localhost:{}", server.port());
    let client = connect_to(ConnectOptions::new(), url);
    client.rtt().unwrap();
    let error =
        within("a failed look-up", || midge_blocking::connect("nats://name.invalid")).unwrap_err();
    assert!(error.to_string().contains("name.invalid"), "{error}");
}

#[test]
fn a_refused_port_is_an_error_that_names_it() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("nats://127.0.0.1:{port}");
    let error = within("a refusal", move || midge_blocking::connect(url)).unwrap_err();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

#[test]
fn keep_alives_go_out_whoever_waits() {
    let server = server();
    let options = ConnectOptions::new().ping_interval(Duration::from_millis(20));
    let client = connect_to(options, server.url());
    // PONGs are all that comes.
    let received = || client.statistics().in_bytes.load(Ordering::Relaxed);
    let mut subscriber = client.subscribe("x").unwrap();
    client.sync().unwrap();
    let before = received();
    // This thread drives while it waits.
    subscriber.next_timeout(Duration::from_millis(200)).unwrap_err();
    let while_waiting = received();
    assert!(while_waiting >= before + 18, "{before} and then {while_waiting}");
    // Nobody waits.
    until("more keep-alives", || received() >= while_waiting + 18);
}
