//! Proxies that refuse, stall and babble; those that carry connections are in the conformance suite.

use crate::support::{quick, within};
use core::time::Duration;
use midge_test_server::FakeServer;
use midge_tokio::proto::proxy::SocksReply;
use midge_tokio::{AttemptFailure, Cause, ConnectOptions, ProxyError, Step};

fn by(proxy: &str) -> ConnectOptions {
    quick().proxy(proxy.parse().unwrap())
}

async fn failure(options: ConnectOptions, url: &str) -> AttemptFailure {
    let error = within("connect", options.connect(url)).await.unwrap_err();
    error.attempt().unwrap_or_else(|| panic!("{error}")).clone()
}

/// The failure where the proxy says `answers`, one after each thing that the client says.
async fn refused_by(scheme: &str, answers: &'static [&'static [u8]]) -> AttemptFailure {
    let fake = FakeServer::start().unwrap();
    let address = fake.address();
    let thread = std::thread::spawn(move || {
        let mut connection = fake.accept();
        for answer in answers {
            connection.read_exact(3);
            connection.send(answer);
        }
        // What the client has said beyond that is of no interest.
        drop(connection);
    });
    let failure = failure(by(&format!("{scheme}://{address}")), "nats://nats.example").await;
    assert_eq!(failure.step, Step::Proxy, "{failure}");
    assert_eq!(failure.address, Some(address), "{failure}");
    assert!(failure.to_string().contains("nats.example"), "{failure}");
    thread.join().unwrap();
    failure
}

#[tokio::test]
async fn refusals_of_http_proxies_are_typed() {
    let table: [(&'static [&'static [u8]], ProxyError); 3] = [
        (
            &[b"HTTP/1.1 502 Bad Gateway\r\n\r\n"],
            ProxyError::Status { code: 502, reason: "Bad Gateway".to_owned() },
        ),
        (&[b"HTTP/1.1 407 x\r\n\r\n"], ProxyError::CredentialsRequired),
        (
            &[b"INFO {}\r\n"],
            ProxyError::NotAProxy(midge_tokio::proto::Snippet::new(b"INFO {}\r\n")),
        ),
    ];
    for (answers, expected) in table {
        assert_eq!(refused_by("http", answers).await.cause, Cause::Proxy(expected));
    }
}

#[tokio::test]
async fn refusals_of_socks_proxies_are_typed_by_code() {
    let table: [(&'static [&'static [u8]], ProxyError); 4] = [
        (&[b"\x05\0", b"\x05\x02\0\x01"], ProxyError::Socks(SocksReply(2))),
        (&[b"\x05\0", b"\x05\x04\0\x01"], ProxyError::Socks(SocksReply(4))),
        (&[b"\x05\xff"], ProxyError::CredentialsRequired),
        (&[b"HTTP"], ProxyError::NotAProxy(midge_tokio::proto::Snippet::new(b"HTTP"))),
    ];
    for (answers, expected) in table {
        assert_eq!(refused_by("socks5", answers).await.cause, Cause::Proxy(expected));
    }
}

#[tokio::test]
async fn a_proxy_that_hangs_up_or_stalls_is_told_with_the_step() {
    for scheme in ["http", "socks5"] {
        let failure = refused_by(scheme, &[]).await;
        assert!(matches!(failure.cause, Cause::Closed | Cause::Io(_)), "{failure}");
        let fake = FakeServer::start().unwrap();
        let options = by(&format!("{scheme}://{}", fake.address()))
            .connection_timeout(Duration::from_millis(100));
        let failure = self::failure(options, "nats://nats.example").await;
        assert_eq!((failure.step, failure.cause), (Step::Proxy, Cause::TimedOut));
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_by_its_address() {
    let failure = failure(by("socks5://127.0.0.1:1"), "nats://nats.example").await;
    assert_eq!((failure.step, failure.address), (Step::Dial, "127.0.0.1:1".parse().ok()));
}
