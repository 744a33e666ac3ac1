//! What all themes need: servers, clients, and waits that end.

use bytes::Bytes;
use core::fmt::Debug;
use core::future::Future;
use core::time::Duration;
use midge_test_server::NatsServer;
use midge_tokio::{
    Client, ConnectOptions, Event, Events, Message, PublishError, State, Subscriber,
};

/// Bound of every wait: nothing that works takes nearly as long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// Waits for `future`, which must be done before the deadline.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} took longer than {DEADLINE:?}"),
    }
}

/// Publishes messages of that many bytes until one is refused, and tells why.
pub(crate) async fn refusal(client: &Client, subject: &'static str, bytes: usize) -> PublishError {
    let payload = pattern(bytes);
    within("a refusal", async {
        loop {
            match client.try_publish(subject, payload.clone()) {
                Ok(()) => tokio::task::yield_now().await,
                Err(error) => return error,
            }
        }
    })
    .await
}

pub(crate) fn server() -> NatsServer {
    NatsServer::start().unwrap()
}

pub(crate) fn server_with(config: &str) -> NatsServer {
    NatsServer::builder().config(config).start().unwrap()
}

pub(crate) async fn connect(server: &NatsServer) -> Client {
    connect_to(ConnectOptions::new(), &server.url()).await
}

pub(crate) async fn connect_to(options: ConnectOptions, url: &str) -> Client {
    within("connect", options.connect(url)).await.unwrap()
}

/// Options that reconnect without waiting long.
pub(crate) fn quick() -> ConnectOptions {
    ConnectOptions::new().reconnect_delay_callback(|_| Duration::from_millis(5))
}

pub(crate) async fn next(subscriber: &mut Subscriber) -> Message {
    match within("a message", subscriber.next()).await {
        Some(message) => message,
        None => panic!("{subscriber:?} ended: {:?}", subscriber.end_reason()),
    }
}

/// Checks that the subscription has ended and nothing is left in it.
pub(crate) async fn end_of(subscriber: &mut Subscriber) {
    let message = within("the end of a subscription", subscriber.next()).await;
    assert!(message.is_none(), "{message:?}");
}

/// Reads events up to the first that `pick` maps to something.
pub(crate) async fn pick<T>(
    what: &str,
    events: &mut Events,
    pick: impl Fn(&Event) -> Option<T>,
) -> T {
    let mut seen = Vec::new();
    let search = async {
        while let Some(event) = events.next().await {
            let picked = pick(&event);
            seen.push(event);
            if let Some(picked) = picked {
                return Some(picked);
            }
        }
        None
    };
    match tokio::time::timeout(DEADLINE, search).await {
        Ok(Some(picked)) => picked,
        Ok(None) => panic!("the events ended before {what}: {seen:?}"),
        Err(_) => panic!("no {what} within {DEADLINE:?}: {seen:?}"),
    }
}

/// Reads events up to this one.
pub(crate) async fn event(events: &mut Events, wanted: &Event) {
    pick(&wanted.to_string(), events, |event| (event == wanted).then_some(())).await;
}

pub(crate) async fn rest_of(events: &mut Events) -> Vec<Event> {
    let mut rest = Vec::new();
    within("the last event", async {
        while let Some(event) = events.next().await {
            rest.push(event);
        }
    })
    .await;
    rest
}

/// Waits until the condition holds; for what has no event to wait for.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    within(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

pub(crate) async fn state(client: &Client, wanted: State) {
    until(&format!("state {wanted}"), || client.connection_state() == wanted).await;
}

/// Runs what blocks on a thread of its own, so that the client goes on meanwhile.
pub(crate) async fn blocking<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    within(what, tokio::task::spawn_blocking(work)).await.unwrap()
}

pub(crate) fn numbered(number: u32) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

#[track_caller]
pub(crate) fn number_of(message: &Message) -> u32 {
    u32::from_be_bytes(message.payload[..].try_into().unwrap())
}

/// Bytes in which no part equals another one of the same size by chance.
pub(crate) fn pattern(size: usize) -> Bytes {
    (0..size).map(|at| (at.wrapping_mul(31) ^ (at >> 8)) as u8).collect()
}

/// Answers what comes with its own payload and headers, until the subscription ends.
pub(crate) async fn serve_echo(client: &Client, subject: &'static str) {
    let mut requests = client.subscription(subject).confirmed().await.unwrap();
    let client = client.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let Some(reply) = request.reply else { continue };
            let headers = request.headers.unwrap_or_default();
            client.publish_with_headers(reply, headers, request.payload).await.unwrap();
        }
    });
}

#[track_caller]
pub(crate) fn assert_contains(text: impl ToString, part: &str) {
    let text = text.to_string();
    assert!(text.contains(part), "{part:?} is not in {text:?}");
}

#[track_caller]
pub(crate) fn assert_hides(shown: &dyn Debug, secret: &str) {
    let shown = format!("{shown:?} {shown:#?}");
    assert!(!shown.contains(secret), "a secret shows in {shown}");
}
