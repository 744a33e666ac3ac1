//! Unix-domain sockets, in front of a relay: nats-server listens on none.

use crate::support::{connect_to, event, next, pattern, quick, server, within};
use core::net::SocketAddr;
use midge_tokio::{Cause, ConnectOptions, Event, Step};
use std::path::{Path, PathBuf};
use tokio::net::{TcpStream, UnixListener};
use tokio::task::JoinHandle;

/// A socket in a folder of its own, whose connections lead to `upstream`.
struct Relay {
    folder: PathBuf,
    task: JoinHandle<()>,
}

impl Relay {
    fn start(name: &str, upstream: SocketAddr) -> Self {
        let folder = std::env::temp_dir().join(format!("midge-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(Self::path_in(&folder)).unwrap();
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((mut down, _)) = listener.accept().await {
                let mut up = TcpStream::connect(upstream).await.unwrap();
                open.spawn(async move { tokio::io::copy_bidirectional(&mut down, &mut up).await });
            }
        });
        Self { folder, task }
    }

    fn path_in(folder: &Path) -> PathBuf {
        folder.join("nats server.sock")
    }

    fn url(&self) -> String {
        format!("unix://{}", Self::path_in(&self.folder).display()).replace(' ', "%20")
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn messages_pass_over_a_unix_socket() {
    let server = server();
    let relay = Relay::start("pass", server.address());
    let client = connect_to(ConnectOptions::new(), &relay.url()).await;
    let mut subscriber = client.subscribe("u").await.unwrap();
    let payload = pattern(500_000);
    client.publish("u", payload.clone()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, payload);
    within("close", client.close()).await.unwrap();
}

#[tokio::test]
async fn a_lost_unix_socket_is_dialed_again() {
    let server = server();
    let relay = Relay::start("again", server.address());
    let client = connect_to(quick(), &relay.url()).await;
    let mut events = client.events();
    let mut subscriber = client.subscription("u").confirmed().await.unwrap();
    client.force_reconnect().await.unwrap();
    event(&mut events, &Event::Connected).await;
    client.publish("u", "again".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "again");
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_named() {
    let error =
        within("connect", midge_tokio::connect("unix:///nowhere/nats.sock")).await.unwrap_err();
    let failure = error.attempt().unwrap().clone();
    assert_eq!(failure.step, Step::Dial);
    assert!(matches!(failure.cause, Cause::Io(_)), "{failure}");
    assert!(error.to_string().contains("unix:///nowhere/nats.sock"), "{error}");
}
