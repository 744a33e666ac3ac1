//! Connections through HTTP and SOCKS5 proxies, and proxies that refuse, stall and babble.

use crate::support::{connect_to, event, next, pattern, quick, server, within};
use core::net::SocketAddr;
use core::time::Duration;
use midge_test_server::{FakeServer, NatsServer, TestCerts, WebSocketOptions};
use midge_tokio::proto::proxy::SocksReply;
use midge_tokio::{AttemptFailure, Cause, ConnectOptions, Event, ProxyError, Step};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

fn by(proxy: &str) -> ConnectOptions {
    quick().proxy(proxy.parse().unwrap())
}

/// A proxy for HTTP that wants `Basic` credentials if they are given; returns its address.
async fn http_proxy(authorization: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut down, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(down.read_u8().await?);
                }
                let head = String::from_utf8(head).unwrap();
                let target = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
                let line =
                    authorization.map(|text| format!("Proxy-Authorization: Basic {text}\r\n"));
                if line.is_some_and(|line| !head.contains(&line)) {
                    let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
                    return down.write_all(refusal).await;
                }
                let mut up = TcpStream::connect(target).await?;
                down.write_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").await?;
                tokio::io::copy_bidirectional(&mut down, &mut up).await.map(drop)
            });
        }
    });
    address
}

/// A proxy for SOCKS5 that wants `login` if it is given; returns its address.
async fn socks_proxy(login: Option<(&'static str, &'static str)>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((down, _)) = listener.accept().await {
            tokio::spawn(serve_socks(down, login));
        }
    });
    address
}

async fn serve_socks(
    mut down: TcpStream,
    login: Option<(&'static str, &'static str)>,
) -> std::io::Result<()> {
    assert_eq!(down.read_u8().await?, 5);
    let mut methods = vec![0; usize::from(down.read_u8().await?)];
    down.read_exact(&mut methods).await?;
    match login {
        None => down.write_all(&[5, 0]).await?,
        Some(_) if !methods.contains(&2) => return down.write_all(&[5, 0xff]).await,
        Some(expected) => {
            down.write_all(&[5, 2]).await?;
            assert_eq!(down.read_u8().await?, 1);
            let user = counted(&mut down).await?;
            let password = counted(&mut down).await?;
            if (user.as_str(), password.as_str()) != expected {
                return down.write_all(&[1, 1]).await;
            }
            down.write_all(&[1, 0]).await?;
        }
    }
    let mut head = [0; 4];
    down.read_exact(&mut head).await?;
    assert_eq!(head[..3], [5, 1, 0]);
    let host = match head[3] {
        1 => core::net::Ipv4Addr::from(down.read_u32().await?).to_string(),
        3 => counted(&mut down).await?,
        other => panic!("address type {other}"),
    };
    let port = down.read_u16().await?;
    match TcpStream::connect((host, port)).await {
        Ok(mut up) => {
            down.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
            tokio::io::copy_bidirectional(&mut down, &mut up).await.map(drop)
        }
        Err(_) => down.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await,
    }
}

async fn counted(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut bytes).await?;
    Ok(String::from_utf8(bytes).unwrap())
}

async fn exchange_and_reconnect(options: ConnectOptions, url: &str) {
    let client = connect_to(options, url).await;
    let mut events = client.events();
    let mut subscriber = client.subscription("p").confirmed().await.unwrap();
    for size in [1, 100_000] {
        let payload = pattern(size);
        client.publish("p", payload.clone()).await.unwrap();
        assert_eq!(next(&mut subscriber).await.payload, payload);
        client.force_reconnect().await.unwrap();
        event(&mut events, &Event::Connected).await;
    }
    within("drain", client.drain()).await.unwrap();
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
async fn an_http_proxy_carries_a_connection_and_its_reconnects() {
    let server = server();
    let proxy = http_proxy(None).await;
    exchange_and_reconnect(by(&format!("http://{proxy}")), &server.url()).await;
}

#[tokio::test]
async fn an_http_proxy_gets_the_credentials_of_its_url() {
    let server = server();
    // joe:s3:cret
    let proxy = http_proxy(Some("am9lOnMzOmNyZXQ=")).await;
    let options = by(&format!("http://joe:s3%3Acret@{proxy}"));
    assert!(!format!("{options:?}").contains("s3:cret"));
    exchange_and_reconnect(options, &server.url()).await;
    let refused = failure(by(&format!("http://joe:s4cret@{proxy}")), &server.url()).await;
    assert_eq!(refused.cause, Cause::Proxy(ProxyError::CredentialsRefused));
    assert!(!refused.to_string().contains("s4cret"));
    let missing = failure(by(&format!("http://{proxy}")), &server.url()).await;
    assert_eq!(missing.cause, Cause::Proxy(ProxyError::CredentialsRequired));
}

#[tokio::test]
async fn a_socks_proxy_carries_a_connection_and_its_reconnects() {
    let server = server();
    let proxy = socks_proxy(None).await;
    exchange_and_reconnect(by(&format!("socks5://{proxy}")), &server.url()).await;
    // By name, which the proxy looks up.
    let url = format!("nats://localhost:{}", server.port());
    exchange_and_reconnect(by(&format!("socks5://{proxy}")), &url).await;
}

#[tokio::test]
async fn a_socks_proxy_gets_the_credentials_of_its_url() {
    let server = server();
    let proxy = socks_proxy(Some(("joe", "s3cret"))).await;
    exchange_and_reconnect(by(&format!("socks5://joe:s3cret@{proxy}")), &server.url()).await;
    let refused = failure(by(&format!("socks5://joe:wrong@{proxy}")), &server.url()).await;
    assert_eq!(refused.cause, Cause::Proxy(ProxyError::CredentialsRefused));
    let missing = failure(by(&format!("socks5://{proxy}")), &server.url()).await;
    assert_eq!(missing.cause, Cause::Proxy(ProxyError::CredentialsRequired));
}

#[tokio::test]
async fn tls_and_websockets_go_through_proxies() {
    let certs = TestCerts::generate().unwrap();
    let server = NatsServer::builder()
        .tls(certs.server_tls())
        .websocket(WebSocketOptions::tls(certs.server_tls()))
        .start()
        .unwrap();
    let proxies = [
        format!("http://{}", http_proxy(None).await),
        format!("socks5://{}", socks_proxy(None).await),
    ];
    for proxy in &proxies {
        for url in [server.tls_url(), server.websocket_url().unwrap()] {
            let options = by(proxy).add_root_certificates(certs.ca_path());
            exchange_and_reconnect(options, &url).await;
        }
    }
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
    // A proxy of the tests that cannot reach the server.
    let proxy = socks_proxy(None).await;
    let failure = failure(by(&format!("socks5://{proxy}")), "nats://127.0.0.1:1").await;
    assert_eq!(failure.cause, Cause::Proxy(ProxyError::Socks(SocksReply(5))));
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
