//! Connections that cannot be made: the error names the address, the step and the cause, and comes
//! within the one deadline of the attempt.
//!
//! These behaviours bring the transport that their fault needs.

use crate::adapters::Adapter;
use crate::stage::{Stage, conformance, event, finished, until, within};
use core::mem::discriminant;
use core::net::SocketAddr;
use core::time::Duration;
use midge::{
    AttemptFailure, Cause, ConnectErrorKind, ConnectOptions, Event, ProxyError, State, Step,
    WebSocketError,
};
use midge_test_server::{
    FakeConnection, FakeServer, NatsServer, TestCerts, TlsOptions, WebSocketOptions, free_port,
};
use serde_json::json;
use socket2::{Domain, Socket, Type};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

conformance! {
    a_refused_port_is_told,
    a_host_that_cannot_be_reached_is_told,
    a_host_that_does_not_answer_is_given_up_in_time,
    a_name_that_cannot_be_looked_up_is_told,
    a_server_that_says_nothing_is_given_up_in_time_at_every_step,
    tls_to_a_port_in_clear_is_told,
    a_port_with_tls_that_is_spoken_to_in_clear_is_told,
    a_certificate_of_another_authority_is_refused,
    a_certificate_for_another_name_is_refused,
    an_expired_certificate_is_refused,
    a_missing_client_certificate_is_told,
    a_refused_websocket_is_told_by_its_status,
    a_proxy_that_refuses_is_told_by_its_answer,
    with_retry_each_failure_of_the_first_connection_is_an_event_and_attempts_go_on,
}

/// Deadline of attempts whose failure is known at once: it must not be waited for.
const AMPLE: Duration = Duration::from_secs(10);

/// Deadline of attempts that would wait for ever.
const SHORT: Duration = Duration::from_millis(300);

/// The same for attempts that get through a part of the handshake first.
const ROOMY: Duration = Duration::from_secs(1);

/// What a loaded machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(5);

/// How often [`failure`] has the same thing fail: once as an error, and twice in the background.
const ATTEMPTS: usize = 3;

/// The failure of an attempt at `url`, which got as far as `address`: as an error, and with
/// retry-on-first-connect as an event, after which attempts go on.
async fn failure<A: Adapter>(
    options: ConnectOptions<A::Runtime>,
    limit: Duration,
    url: &str,
    address: Option<SocketAddr>,
) -> (ConnectErrorKind, AttemptFailure) {
    let options = options.connection_timeout(limit);
    let begun = Instant::now();
    let error = within("a failure", options.clone().connect(url)).await.unwrap_err();
    let took = begun.elapsed();
    let attempt = error.attempt().unwrap_or_else(|| panic!("{error:?}")).clone();
    assert_eq!(attempt.address, address, "{error}");
    match attempt.cause {
        Cause::TimedOut => assert!((limit..limit + SLACK).contains(&took), "{took:?}: {error}"),
        _ => assert!(took < limit, "{took:?}: {error}"),
    }
    // Whoever reads only the text learns as much.
    let named = [url.to_owned(), attempt.step.to_string(), attempt.cause.to_string()];
    for part in named.into_iter().chain(address.map(|address| address.to_string())) {
        assert!(!part.is_empty() && error.to_string().contains(&part), "no {part:?}: {error}");
    }
    for event in failures_in_the_background::<A>(options, url).await {
        assert_eq!((&event.server, event.address), (&attempt.server, attempt.address), "{event}");
        assert_eq!(event.step, attempt.step, "{event}");
        assert_eq!(discriminant(&event.cause), discriminant(&attempt.cause), "{event}");
    }
    (error.kind(), attempt)
}

/// What the events say of two attempts at a first connection that was not waited for.
async fn failures_in_the_background<A: Adapter>(
    options: ConnectOptions<A::Runtime>,
    url: &str,
) -> Vec<AttemptFailure> {
    // No third one, so that a server knows how many there will be.
    let delay = |attempt| match attempt {
        ..ATTEMPTS => Duration::from_millis(5),
        _ => Duration::from_secs(3600),
    };
    let options = options.retry_on_initial_connect().reconnect_delay_callback(delay);
    let client = within("a handle", options.connect(url)).await.unwrap();
    let mut events = client.events();
    let mut failures = Vec::new();
    while failures.len() < ATTEMPTS - 1 {
        match within("a failure as an event", events.next()).await {
            Some(Event::AttemptFailed(failure)) => failures.push(failure),
            Some(_) => {}
            None => panic!("the client ended: {:?}", client.close_reason()),
        }
    }
    assert_eq!(client.connection_state(), State::Pending);
    failures
}

/// The failure at a fake server that does what `script` says, where `url` is made of its address.
async fn failure_at<A: Adapter>(
    options: ConnectOptions<A::Runtime>,
    fake: FakeServer,
    url: &str,
    script: impl Fn(FakeConnection) + Send + 'static,
) -> (ConnectErrorKind, AttemptFailure) {
    let address = fake.address();
    let server = thread::spawn(move || (0..ATTEMPTS).for_each(|_| script(fake.accept())));
    let failure = failure::<A>(options, AMPLE, url, Some(address)).await;
    finished(server).await;
    failure
}

/// A refusal of TLS by nats-server or by us, over `tls://` and over `wss://`.
async fn tls_failures<A: Adapter>(
    stage: &Stage<A>,
    trusted: &TestCerts,
    tls: TlsOptions,
    expected: &str,
) {
    let websocket = WebSocketOptions::tls(tls.clone());
    let server = NatsServer::builder().tls(tls).websocket(websocket).start().unwrap();
    for (scheme, address) in
        [("tls", server.address()), ("wss", server.websocket_address().unwrap())]
    {
        let options = stage.options().add_root_certificates(trusted.ca_path());
        let url = format!("{scheme}://{address}");
        let (kind, attempt) = failure::<A>(options, AMPLE, &url, Some(address)).await;
        assert_eq!(kind, ConnectErrorKind::Tls, "{attempt}");
        assert!(attempt.cause.to_string().contains(expected), "{attempt}");
    }
}

async fn a_refused_port_is_told<A: Adapter>(stage: Stage<A>) {
    for scheme in ["nats", "tls", "ws", "wss"] {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
        let url = format!("{scheme}://{address}");
        let (kind, attempt) = failure::<A>(stage.options(), AMPLE, &url, Some(address)).await;
        assert_eq!((kind, attempt.step), (ConnectErrorKind::Io, Step::Dial));
        assert!(attempt.cause.to_string().contains("refused"), "{attempt}");
    }
}

async fn a_host_that_cannot_be_reached_is_told<A: Adapter>(stage: Stage<A>) {
    // An address that no host has (RFC 5737). Networks refuse it, or drop what is sent there.
    let address = SocketAddr::from(([192, 0, 2, 1], 4222));
    let url = format!("nats://{address}");
    let (_, attempt) = failure::<A>(stage.options(), ROOMY, &url, Some(address)).await;
    assert_eq!(attempt.step, Step::Dial);
    assert!(matches!(attempt.cause, Cause::Io(_) | Cause::TimedOut), "{attempt}");
}

async fn a_host_that_does_not_answer_is_given_up_in_time<A: Adapter>(stage: Stage<A>) {
    // Nobody accepts, and there is no room to wait: a full queue answers no dial.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let waiting: Vec<TcpStream> =
        core::iter::from_fn(|| TcpStream::connect_timeout(&address, SHORT).ok()).collect();
    let url = format!("nats://{address}");
    let (kind, attempt) = failure::<A>(stage.options(), SHORT, &url, Some(address)).await;
    assert_eq!((kind, attempt.step), (ConnectErrorKind::TimedOut, Step::Dial));
    drop(waiting);
}

async fn a_name_that_cannot_be_looked_up_is_told<A: Adapter>(stage: Stage<A>) {
    // Too long for a label: no resolver has to be asked.
    let url = format!("nats://{}.invalid:4222", "x".repeat(64));
    let (kind, attempt) = failure::<A>(stage.options(), AMPLE, &url, None).await;
    assert_eq!((kind, attempt.step), (ConnectErrorKind::Dns, Step::Resolve));
    let by_dialer = stage.options().skip_host_lookup();
    let (_, attempt) = failure::<A>(by_dialer, AMPLE, &url, None).await;
    assert_eq!(attempt.step, Step::Dial);
}

async fn a_server_that_says_nothing_is_given_up_in_time_at_every_step<A: Adapter>(stage: Stage<A>) {
    let fake = FakeServer::start().unwrap();
    let address = fake.address();
    let steps = [
        ("nats", stage.options(), Step::Info),
        ("nats", stage.options().tls_first(), Step::Tls),
        ("ws", stage.options(), Step::WebSocket),
        ("wss", stage.options(), Step::Tls),
    ];
    for (scheme, options, step) in steps {
        let url = format!("{scheme}://{address}");
        let (kind, attempt) = failure::<A>(options, SHORT, &url, Some(address)).await;
        assert_eq!((kind, attempt.step), (ConnectErrorKind::TimedOut, step), "{attempt}");
    }
    let options = stage.options().proxy(format!("socks5://{address}").parse().unwrap());
    let (_, attempt) = failure::<A>(options, SHORT, "nats://nats.example", Some(address)).await;
    assert_eq!((attempt.step, attempt.cause), (Step::Proxy, Cause::TimedOut));

    // INFO, and no answer to CONNECT.
    let fake = FakeServer::start().unwrap();
    let address = fake.address();
    let server = thread::spawn(move || {
        for _ in 0..ATTEMPTS {
            let mut connection = fake.accept();
            connection.send_info(&json!({}));
            connection.expect_line("CONNECT ");
            connection.expect_line("PING");
            connection.expect_end();
        }
    });
    let url = format!("nats://{address}");
    let (_, attempt) = failure::<A>(stage.options(), ROOMY, &url, Some(address)).await;
    assert_eq!((attempt.step, attempt.cause), (Step::Connect, Cause::TimedOut));
    finished(server).await;
}

async fn tls_to_a_port_in_clear_is_told<A: Adapter>(stage: Stage<A>) {
    let server = NatsServer::builder().websocket(WebSocketOptions::plain()).start().unwrap();
    let (address, websocket) = (server.address(), server.websocket_address().unwrap());
    let refusals = [
        ("tls", address, stage.options(), Step::Info),
        ("nats", address, stage.options().require_tls(true), Step::Info),
        ("nats", address, stage.options().tls_first(), Step::Tls),
        ("wss", websocket, stage.options(), Step::Tls),
    ];
    for (scheme, address, options, step) in refusals {
        let url = format!("{scheme}://{address}");
        let (kind, attempt) = failure::<A>(options, AMPLE, &url, Some(address)).await;
        assert_eq!((kind, attempt.step), (ConnectErrorKind::Tls, step), "{attempt}");
        let told = match step {
            Step::Info => attempt.cause == Cause::TlsNotOffered,
            _ => attempt.cause.to_string().contains("in clear"),
        };
        assert!(told, "{attempt}");
    }
}

async fn a_port_with_tls_that_is_spoken_to_in_clear_is_told<A: Adapter>(stage: Stage<A>) {
    let certs = TestCerts::generate().unwrap();
    let server = NatsServer::builder()
        .tls(certs.server_tls().handshake_first())
        .websocket(WebSocketOptions::tls(certs.server_tls()))
        .start()
        .unwrap();
    // Each waits for the other to begin.
    let address = server.address();
    let url = format!("nats://{address}");
    let (_, attempt) = failure::<A>(stage.options(), SHORT, &url, Some(address)).await;
    assert_eq!((attempt.step, attempt.cause), (Step::Info, Cause::TimedOut));

    let address = server.websocket_address().unwrap();
    let url = format!("ws://{address}");
    let (_, attempt) = failure::<A>(stage.options(), AMPLE, &url, Some(address)).await;
    assert_eq!(attempt.step, Step::WebSocket);
    assert!(attempt.cause.to_string().contains("wss://"), "{attempt}");
}

async fn a_certificate_of_another_authority_is_refused<A: Adapter>(stage: Stage<A>) {
    let (certs, others) = (TestCerts::generate().unwrap(), TestCerts::generate().unwrap());
    tls_failures(&stage, &others, certs.server_tls(), "add_root_certificates").await;
}

async fn a_certificate_for_another_name_is_refused<A: Adapter>(stage: Stage<A>) {
    let certs = TestCerts::builder().server_names(["nats.example.org"]).generate().unwrap();
    tls_failures(&stage, &certs, certs.server_tls(), "name \"127.0.0.1\"").await;
}

async fn an_expired_certificate_is_refused<A: Adapter>(stage: Stage<A>) {
    let certs = TestCerts::builder().expired().generate().unwrap();
    tls_failures(&stage, &certs, certs.server_tls(), "expired").await;
}

async fn a_missing_client_certificate_is_told<A: Adapter>(stage: Stage<A>) {
    let certs = TestCerts::generate().unwrap();
    tls_failures(&stage, &certs, certs.server_tls().verify(), "add_client_certificate").await;
}

async fn a_refused_websocket_is_told_by_its_status<A: Adapter>(stage: Stage<A>) {
    let fake = FakeServer::start().unwrap();
    let url = format!("ws://{}", fake.address());
    let (kind, attempt) = failure_at::<A>(stage.options(), fake, &url, |mut connection| {
        connection.read_until("\r\n\r\n");
        connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        connection.expect_end();
    })
    .await;
    assert_eq!((kind, attempt.step), (ConnectErrorKind::WebSocket, Step::WebSocket));
    assert_eq!(attempt.cause, Cause::WebSocket(WebSocketError::Status { code: 403 }));
}

async fn a_proxy_that_refuses_is_told_by_its_answer<A: Adapter>(stage: Stage<A>) {
    let by = |scheme, fake: &FakeServer| {
        stage.options().proxy(format!("{scheme}://{}", fake.address()).parse().unwrap())
    };
    // The address is the proxy's; the URL tells what it was asked for.
    let url = "nats://nats.example";
    let fake = FakeServer::start().unwrap();
    let (kind, attempt) = failure_at::<A>(by("http", &fake), fake, url, |mut connection| {
        connection.read_until("\r\n\r\n");
        connection.send("HTTP/1.1 403 Forbidden\r\n\r\n");
        connection.expect_end();
    })
    .await;
    let forbidden = ProxyError::Status { code: 403, reason: "Forbidden".to_owned() };
    assert_eq!(kind, ConnectErrorKind::Proxy);
    assert_eq!((attempt.step, attempt.cause), (Step::Proxy, Cause::Proxy(forbidden)));

    let fake = FakeServer::start().unwrap();
    let (kind, attempt) = failure_at::<A>(by("socks5", &fake), fake, url, |mut connection| {
        connection.read_exact(3);
        connection.send(b"\x05\0");
        connection.read_until(4222_u16.to_be_bytes());
        // Not allowed by its rules.
        connection.send(b"\x05\x02\0\x01\0\0\0\0\0\0");
        connection.expect_end();
    })
    .await;
    assert_eq!((kind, attempt.step), (ConnectErrorKind::Proxy, Step::Proxy));
    let Cause::Proxy(ProxyError::Socks(reply)) = attempt.cause else { panic!("{attempt}") };
    assert_eq!(reply.0, 2);
}

async fn with_retry_each_failure_of_the_first_connection_is_an_event_and_attempts_go_on<
    A: Adapter,
>(
    stage: Stage<A>,
) {
    let fake = FakeServer::start().unwrap();
    let address = fake.address();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let options =
        stage.options().retry_on_initial_connect().connection_timeout(ROOMY).event_callback(
            move |event| {
                if let Event::AttemptFailed(failure) = event {
                    heard.lock().unwrap().push(failure);
                }
                core::future::ready(())
            },
        );
    let client = stage.connect_to(options, &format!("nats://{address}")).await;
    let mut events = client.events();
    client.publish("kept", "x".into()).await.unwrap();
    let server = thread::spawn(move || {
        fake.accept().expect_end();
        fake.accept().close();
        fake.accept().send("HTTP/1.1 400 Bad Request\r\n\r\n");
        let mut connection = fake.accept();
        connection.send_info(&json!({}));
        connection.expect_line("CONNECT ");
        connection.expect_line("PING");
        connection.send("-ERR 'maximum connections exceeded'\r\n");
        connection.close();
        let mut connection = fake.accept();
        connection.handshake();
        // The buffer goes out once the server has taken all before it.
        connection.expect_line("PING");
        connection.send("PONG\r\n");
        connection.expect_line("PUB kept 1");
        connection
    });
    event(&mut events, &Event::Connected).await;
    let connection = finished(server).await;
    until("the last failure", || told.lock().unwrap().len() >= 4).await;
    let told = told.lock().unwrap();
    let steps: Vec<Step> = told.iter().map(|failure| failure.step).collect();
    assert_eq!(steps, [Step::Info, Step::Info, Step::Info, Step::Connect], "{told:?}");
    assert_eq!(told[0].cause, Cause::TimedOut);
    assert!(matches!(told[1].cause, Cause::Closed | Cause::Io(_)), "{}", told[1]);
    assert!(matches!(told[2].cause, Cause::Protocol(_) | Cause::Unexpected(_)), "{}", told[2]);
    assert!(matches!(told[3].cause, Cause::Server(_)), "{}", told[3]);
    assert!(told.iter().all(|failure| failure.address == Some(address)), "{told:?}");
    drop(connection);
}
