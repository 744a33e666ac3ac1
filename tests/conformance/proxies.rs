//! Connections through HTTP and SOCKS5 proxies.
//!
//! These behaviours bring the transport that they need.

use crate::adapters::Adapter;
use crate::relays::{http_proxy, socks_proxy};
use crate::stage::{Stage, conformance, exchange_and_reconnect};
use midge::proto::proxy::SocksReply;
use midge::{AttemptFailure, Cause, ConnectErrorKind, ConnectOptions, ProxyError, Step};
use midge_test_server::{NatsServer, TestCerts, WebSocketOptions};

conformance! {
    an_http_proxy_carries_a_connection_and_its_reconnects,
    an_http_proxy_gets_the_credentials_of_its_url,
    a_socks_proxy_carries_a_connection_and_its_reconnects,
    a_socks_proxy_gets_the_credentials_of_its_url,
    a_socks_proxy_that_cannot_reach_the_server_says_so,
    tls_and_websockets_go_through_proxies,
}

fn by<A: Adapter>(stage: &Stage<A>, proxy: &str) -> ConnectOptions<A::Runtime> {
    stage.options().proxy(proxy.parse().unwrap())
}

async fn passes<A: Adapter>(stage: &Stage<A>, options: ConnectOptions<A::Runtime>, url: &str) {
    exchange_and_reconnect(&stage.connect_to(options, url).await).await;
}

async fn failure<A: Adapter>(stage: &Stage<A>, proxy: &str, url: &str) -> AttemptFailure {
    let error = stage.try_connect(by(stage, proxy), url).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Proxy, "{error}");
    let failure = error.attempt().unwrap_or_else(|| panic!("{error}")).clone();
    assert_eq!(failure.step, Step::Proxy, "{failure}");
    failure
}

async fn an_http_proxy_carries_a_connection_and_its_reconnects<A: Adapter>(stage: Stage<A>) {
    let (server, proxy) = (stage.server(), http_proxy(None));
    passes(&stage, by(&stage, &format!("http://{}", proxy.address)), &server.url()).await;
}

async fn an_http_proxy_gets_the_credentials_of_its_url<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    // joe:s3:cret
    let proxy = http_proxy(Some("am9lOnMzOmNyZXQ="));
    let address = proxy.address;
    let options = by(&stage, &format!("http://joe:s3%3Acret@{address}"));
    assert!(!format!("{options:?}").contains("s3:cret"));
    passes(&stage, options, &server.url()).await;
    let refused = failure(&stage, &format!("http://joe:s4cret@{address}"), &server.url()).await;
    assert_eq!(refused.cause, Cause::Proxy(ProxyError::CredentialsRefused));
    assert!(!refused.to_string().contains("s4cret"));
    let missing = failure(&stage, &format!("http://{address}"), &server.url()).await;
    assert_eq!(missing.cause, Cause::Proxy(ProxyError::CredentialsRequired));
}

async fn a_socks_proxy_carries_a_connection_and_its_reconnects<A: Adapter>(stage: Stage<A>) {
    let (server, proxy) = (stage.server(), socks_proxy(None));
    let proxy = format!("socks5://{}", proxy.address);
    passes(&stage, by(&stage, &proxy), &server.url()).await;
    // By name, which the proxy looks up.
    let url = format!("nats://localhost:{}", server.port());
    passes(&stage, by(&stage, &proxy), &url).await;
}

async fn a_socks_proxy_gets_the_credentials_of_its_url<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let proxy = socks_proxy(Some(("joe", "s3cret")));
    let address = proxy.address;
    let options = by(&stage, &format!("socks5://joe:s3cret@{address}"));
    passes(&stage, options, &server.url()).await;
    let refused = failure(&stage, &format!("socks5://joe:wrong@{address}"), &server.url()).await;
    assert_eq!(refused.cause, Cause::Proxy(ProxyError::CredentialsRefused));
    let missing = failure(&stage, &format!("socks5://{address}"), &server.url()).await;
    assert_eq!(missing.cause, Cause::Proxy(ProxyError::CredentialsRequired));
}

async fn a_socks_proxy_that_cannot_reach_the_server_says_so<A: Adapter>(stage: Stage<A>) {
    let proxy = socks_proxy(None);
    let proxy = format!("socks5://{}", proxy.address);
    let failure = failure(&stage, &proxy, "nats://127.0.0.1:1").await;
    assert_eq!(failure.cause, Cause::Proxy(ProxyError::Socks(SocksReply(5))));
}

async fn tls_and_websockets_go_through_proxies<A: Adapter>(stage: Stage<A>) {
    let certs = TestCerts::generate().unwrap();
    let server = NatsServer::builder()
        .tls(certs.server_tls())
        .websocket(WebSocketOptions::tls(certs.server_tls()))
        .start()
        .unwrap();
    let (http, socks) = (http_proxy(None), socks_proxy(None));
    for proxy in [format!("http://{}", http.address), format!("socks5://{}", socks.address)] {
        for url in [server.tls_url(), server.websocket_url().unwrap()] {
            let options = by(&stage, &proxy).add_root_certificates(certs.ca_path());
            passes(&stage, options, &url).await;
        }
    }
}
