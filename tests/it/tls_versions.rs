//! Which versions of TLS are spoken.

use crate::support::within;
use midge_test_server::{FakeServer, NatsServer, TestCerts};
use midge_tokio::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use midge_tokio::rustls::{self, ServerConfig, ServerConnection, StreamOwned, crypto};
use midge_tokio::{ConnectErrorKind, ConnectOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;

/// A server that speaks TLS 1.2 and nothing else; returns its URL.
fn old_server(certs: &TestCerts) -> (String, std::thread::JoinHandle<()>) {
    let identity = certs.server();
    let key = PrivateKeyDer::try_from(identity.key_der().to_vec()).unwrap();
    let chain = vec![CertificateDer::from(identity.certificate_der().to_vec())];
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tls://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"INFO {\"tls_required\":true,\"headers\":true}\r\n").unwrap();
        let session = ServerConnection::new(Arc::new(config)).unwrap();
        let mut reader = BufReader::new(StreamOwned::new(session, stream));
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
            if line == "PING\r\n" {
                reader.get_mut().write_all(b"PONG\r\n").unwrap();
            }
            line.clear();
        }
    });
    (url, thread)
}

#[tokio::test]
async fn tls_1_2_is_spoken_with_a_server_that_has_nothing_newer() {
    let certs = TestCerts::generate().unwrap();
    let (url, server) = old_server(&certs);
    let options = ConnectOptions::new().add_root_certificates(certs.ca_path());
    let client = within("connect", options.connect(url)).await.unwrap();
    assert_eq!(client.tls_info().unwrap().protocol, "TLSv1_2");
    client.close().await.unwrap();
    drop(client);
    within("the end of the server", tokio::task::spawn_blocking(|| server.join()))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn tls_1_3_is_spoken_where_the_server_asks_for_it() {
    let certs = TestCerts::generate().unwrap();
    for lines in ["", "min_version: \"1.3\""] {
        let server = NatsServer::builder().tls(certs.server_tls().config(lines)).start().unwrap();
        let options = ConnectOptions::new().add_root_certificates(certs.ca_path());
        let client = within("connect", options.connect(server.url())).await.unwrap();
        assert_eq!(client.tls_info().unwrap().protocol, "TLSv1_3");
    }
}

#[tokio::test]
async fn a_server_that_has_nothing_newer_than_tls_1_1_is_refused() {
    let fake = FakeServer::start().unwrap();
    let url = fake.url();
    let server = tokio::task::spawn_blocking(move || {
        let mut connection = fake.accept();
        connection.send("INFO {\"tls_required\":true}\r\n");
        let head = connection.read_exact(5);
        let hello = connection.read_exact(usize::from(u16::from_be_bytes([head[3], head[4]])));
        // The extension `supported_versions`: five bytes, a list of four, TLS 1.3 and TLS 1.2.
        let offered = [0, 43, 0, 5, 4, 3, 4, 3, 3];
        assert!(hello.windows(offered.len()).any(|window| window == offered), "{hello:?}");
        // A ServerHello of TLS 1.1: random bytes, no session, a cipher suite, no compression.
        let mut answer = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
        answer.extend([9; 32]);
        answer.extend([0, 0xC0, 0x14, 0]);
        connection.send(answer);
        // A fatal alert for the version, and nothing of the protocol.
        assert_eq!(connection.read_exact(7), [21, 3, 3, 0, 2, 2, 70]);
        connection.expect_end();
    });
    let error = within("connect", ConnectOptions::new().connect(url)).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Tls, "{error}");
    within("the server", server).await.unwrap();
}
