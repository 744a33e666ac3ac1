//! TLS in all its ways in, and what must not get through.

use bytes::Bytes;
use core::future::Future;
use core::time::Duration;
use midge_test_server::{FakeServer, FaultProxy, NatsServer, TestCerts, TlsOptions};
use midge_tokio::rustls::pki_types::CertificateDer;
use midge_tokio::rustls::{ClientConfig, RootCertStore, crypto};
use midge_tokio::{Cause, Client, ConnectErrorKind, ConnectOptions, Event, Step};
use std::sync::Arc;

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(20), future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} took longer than 20 s"),
    }
}

fn server(options: TlsOptions) -> NatsServer {
    NatsServer::builder().tls(options).start().unwrap()
}

fn trusting(certs: &TestCerts) -> ConnectOptions {
    ConnectOptions::new().add_root_certificates(certs.ca_path())
}

async fn exchange(client: &Client) {
    let mut subscriber = client.subscribe("tls.>").await.unwrap();
    for size in [0, 1, 5_000, 16_384, 40_000, 300_000] {
        let payload: Bytes = (0..size).map(|at| (at % 251) as u8).collect();
        client.publish("tls.x", payload.clone()).await.unwrap();
        let message = within("a message over TLS", subscriber.next()).await.unwrap();
        assert_eq!(message.payload, payload, "{size} bytes");
    }
}

#[tokio::test]
async fn a_connection_is_upgraded_after_info_and_says_what_it_uses() {
    let certs = TestCerts::generate().unwrap();
    let server = server(certs.server_tls());
    let client = within("connect", trusting(&certs).connect(server.url())).await.unwrap();
    exchange(&client).await;
    let info = client.tls_info().unwrap();
    assert!(info.protocol.starts_with("TLSv1_"), "{info:?}");
    assert_eq!(info.peer_certificates[0], certs.server().certificate_der());
    client.close().await.unwrap();
}

#[tokio::test]
async fn tls_comes_first_where_the_server_wants_it_so() {
    let certs = TestCerts::generate().unwrap();
    let server = server(certs.server_tls().handshake_first());
    let options = trusting(&certs).tls_first();
    let client = within("connect", options.connect(server.url())).await.unwrap();
    exchange(&client).await;
}

#[tokio::test]
async fn tls_first_to_a_server_that_is_not_is_a_tls_error() {
    let certs = TestCerts::generate().unwrap();
    let server = server(certs.server_tls());
    let options = trusting(&certs).tls_first();
    let error = within("connect", options.connect(server.url())).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Tls, "{error}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_from_files_and_from_memory() {
    let certs = TestCerts::generate().unwrap();
    let server = server(certs.server_tls().ca(certs.ca_path()).verify());
    let identity = certs.client();
    let from_files = trusting(&certs).add_client_certificate(
        identity.certificate_path().to_owned(),
        identity.key_path().to_owned(),
    );
    let from_pem = trusting(&certs)
        .add_client_certificate_from_memory(identity.certificate_pem(), identity.key_pem());
    let from_der = trusting(&certs)
        .add_client_certificate_from_memory(identity.certificate_der(), identity.key_der());
    for options in [from_files, from_pem, from_der] {
        let client = within("connect", options.connect(server.url())).await.unwrap();
        exchange(&client).await;
    }
}

#[tokio::test]
async fn a_missing_client_certificate_is_a_tls_error() {
    let certs = TestCerts::generate().unwrap();
    let server = server(certs.server_tls().ca(certs.ca_path()).verify());
    let error = within("connect", trusting(&certs).connect(server.url())).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Tls, "{error}");
}

#[tokio::test]
async fn roots_come_from_memory_as_pem_and_as_der() {
    let certs = TestCerts::generate().unwrap();
    let server = server(certs.server_tls());
    for roots in [certs.ca_pem().as_bytes(), certs.ca_der()] {
        let options = ConnectOptions::new().add_root_certificates_from_memory(roots);
        let client = within("connect", options.connect(server.url())).await.unwrap();
        assert!(client.tls_info().is_some());
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_and_so_are_the_systems_roots() {
    let (certs, others) = (TestCerts::generate().unwrap(), TestCerts::generate().unwrap());
    let server = server(certs.server_tls());
    for options in [trusting(&others), ConnectOptions::new().require_tls(true)] {
        let error = within("connect", options.connect(server.url())).await.unwrap_err();
        assert_eq!(error.kind(), ConnectErrorKind::Tls, "{error}");
        assert_eq!(error.attempt().unwrap().step, Step::Tls);
    }
}

#[tokio::test]
async fn a_wrong_name_is_refused_and_the_name_can_be_set() {
    let certs = TestCerts::builder().server_names(["nats.example.org"]).generate().unwrap();
    let server = server(certs.server_tls());
    let error = within("connect", trusting(&certs).connect(server.url())).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Tls, "{error}");
    let options = trusting(&certs).tls_server_name("nats.example.org");
    let client = within("connect", options.connect(server.url())).await.unwrap();
    exchange(&client).await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let certs = TestCerts::builder().expired().generate().unwrap();
    let server = server(certs.server_tls());
    let error = within("connect", trusting(&certs).connect(server.url())).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Tls, "{error}");
    assert!(error.to_string().to_lowercase().contains("expired"), "{error}");
}

#[tokio::test]
async fn verification_can_be_switched_off_by_a_loud_name() {
    let certs = TestCerts::builder().expired().generate().unwrap();
    let server = server(certs.server_tls());
    let options = ConnectOptions::new().dangerously_accept_any_certificate();
    let client = within("connect", options.connect(server.url())).await.unwrap();
    exchange(&client).await;
}

#[tokio::test]
async fn a_whole_configuration_is_taken_with_either_provider() {
    let certs = TestCerts::generate().unwrap();
    let server = server(certs.server_tls());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certs.ca_der().to_vec())).unwrap();
    for provider in [crypto::ring::default_provider(), crypto::aws_lc_rs::default_provider()] {
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        let options = ConnectOptions::new().tls_client_config(config).require_tls(true);
        let client = within("connect", options.connect(server.url())).await.unwrap();
        exchange(&client).await;
    }
}

#[tokio::test]
async fn both_providers_compiled_in_need_no_default_of_the_process() {
    assert!(crypto::CryptoProvider::get_default().is_none());
    let certs = TestCerts::generate().unwrap();
    let server = server(certs.server_tls());
    let by_default = trusting(&certs);
    let by_option =
        trusting(&certs).crypto_provider(Arc::new(crypto::aws_lc_rs::default_provider()));
    for options in [by_default, by_option] {
        let client = within("connect", options.connect(server.url())).await.unwrap();
        exchange(&client).await;
    }
    assert!(crypto::CryptoProvider::get_default().is_none());
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_where_tls_is_demanded() {
    let certs = TestCerts::generate().unwrap();
    let server = NatsServer::start().unwrap();
    let by_scheme = ConnectOptions::new().connect(server.tls_url());
    let error = within("connect", by_scheme).await.unwrap_err();
    assert_eq!(error.attempt().unwrap().cause, Cause::TlsNotOffered, "{error}");
    let error = within("connect", trusting(&certs).connect(server.url())).await.unwrap_err();
    assert_eq!(error.attempt().unwrap().cause, Cause::TlsNotOffered, "{error}");
}

#[tokio::test]
async fn nothing_is_sent_in_clear_when_an_attacker_strips_tls_from_info() {
    let fake = FakeServer::start().unwrap();
    let options = ConnectOptions::new()
        .user_and_password("user".to_owned(), "secret".to_owned())
        .require_tls(true);
    let connecting = tokio::spawn(options.connect(fake.url()));
    let silent = tokio::task::spawn_blocking(move || {
        let mut connection = fake.accept();
        connection.send("INFO {\"tls_required\":false,\"max_payload\":1024}\r\n");
        connection.expect_end()
    });
    let error = within("connect", connecting).await.unwrap().unwrap_err();
    assert_eq!(error.attempt().unwrap().cause, Cause::TlsNotOffered);
    within("the end of the connection", silent).await.unwrap();
}

#[tokio::test]
async fn bytes_behind_info_fail_the_attempt_and_an_error_among_them_is_told_as_unauthenticated() {
    for (injected, text) in [
        ("MSG a 1 2\r\nhi\r\n", None),
        ("-ERR 'maximum connections exceeded'\r\n", Some("maximum connections exceeded")),
    ] {
        let fake = FakeServer::start().unwrap();
        let url = fake.url();
        let server = tokio::task::spawn_blocking(move || {
            let mut connection = fake.accept();
            connection.send(format!("INFO {{\"tls_required\":true}}\r\n{injected}"));
            connection.expect_end()
        });
        let error = within("connect", ConnectOptions::new().connect(url)).await.unwrap_err();
        let cause = error.attempt().unwrap().cause.clone();
        let Cause::PlaintextBehindInfo { unauthenticated_error } = cause else {
            panic!("{error}");
        };
        assert_eq!(unauthenticated_error.is_some(), text.is_some());
        if let (Some(told), Some(text)) = (unauthenticated_error, text) {
            assert!(told.contains(text), "{told}");
        }
        within("the end of the connection", server).await.unwrap();
    }
}

#[tokio::test]
async fn a_missing_or_useless_file_is_named_before_anything_is_sent() {
    let server = NatsServer::start().unwrap();
    let missing = ConnectOptions::new().add_root_certificates("/no/such/ca.pem".into());
    let error = missing.connect(server.url()).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Options);
    assert!(error.to_string().contains("/no/such/ca.pem"), "{error}");
    let empty = ConnectOptions::new().add_root_certificates_from_memory("no certificate");
    let error = empty.connect(server.url()).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Options, "{error}");
}

#[tokio::test]
async fn messages_are_received_or_counted_when_a_tls_connection_is_cut() {
    let certs = TestCerts::generate().unwrap();
    let server = server(certs.server_tls());
    let proxy = FaultProxy::start(server.address()).unwrap();
    let observer = within("connect", trusting(&certs).connect(server.url())).await.unwrap();
    let mut received = observer.subscription("n").confirmed().await.unwrap();
    let client = within("connect", trusting(&certs).connect(proxy.url())).await.unwrap();
    let mut events = client.events();
    const TOTAL: u32 = 4_000;
    for number in 0..TOTAL {
        if number % 500 == 250 {
            proxy.cut();
        }
        client.publish("n", number.to_string().into()).await.unwrap();
    }
    // Where the last connection was cut late, it says that not everything is certain.
    let _ = within("close", client.close()).await;
    let mut given_up = 0;
    while let Some(event) = within("events", events.next()).await {
        if let Event::Fate(fate) = event {
            given_up += fate.uncertain + fate.dropped;
        }
    }
    observer.sync().await.unwrap();
    let mut last = None;
    let mut count = 0u64;
    while let Ok(Some(message)) = received.try_next() {
        let number: u32 = core::str::from_utf8(&message.payload).unwrap().parse().unwrap();
        assert!(last.is_none_or(|last| last < number), "{number} after {last:?}");
        last = Some(number);
        count += 1;
    }
    assert!(count + given_up >= u64::from(TOTAL), "{count} received, {given_up} counted");
}
