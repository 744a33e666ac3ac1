//! Blocking and asynchronous handles of one connection, side by side.

use crate::support::{DEADLINE, connect, next, serve_echo, server, within};
use core::time::Duration;
use midge_blocking::{Client, ConnectOptions};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap()
}

#[test]
fn both_handles_of_one_connection_work_at_the_same_time() {
    let server = server();
    let client = connect(&server);
    let _echo = serve_echo(&client, "echo");
    let asynchronous = client.as_async().clone();
    let tasks = std::thread::spawn(move || {
        runtime().block_on(async {
            for number in 0..200_u32 {
                let payload = format!("a {number}");
                let answer = soon(asynchronous.request("echo", payload.clone().into())).await;
                assert_eq!(answer.unwrap().payload, payload);
            }
        });
    });
    for number in 0..200_u32 {
        let payload = format!("b {number}");
        assert_eq!(client.request("echo", payload.clone().into()).unwrap().payload, payload);
    }
    within("the tasks", move || tasks.join().unwrap());
}

#[test]
fn a_call_blocks_inside_a_task_without_harm() {
    let server = server();
    let (client, other) = (connect(&server), connect(&server));
    let _echo = serve_echo(&other, "echo");
    runtime().block_on(async {
        assert_eq!(client.request("echo", "1".into()).unwrap().payload, "1");
        let mut subscriber = client.subscribe("x").unwrap();
        client.publish("x", "2".into()).unwrap();
        assert_eq!(next(&mut subscriber).payload, "2");
        assert!(subscriber.next_timeout(Duration::from_millis(5)).is_err());
        let asynchronous = client.as_async();
        assert_eq!(soon(asynchronous.request("echo", "3".into())).await.unwrap().payload, "3");
    });
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    many.block_on(async { tokio::spawn(async move { client.rtt().unwrap() }).await.unwrap() });
}

#[test]
fn options_connect_asynchronously_without_a_runtime_of_their_own() {
    let server = server();
    let asynchronous = runtime().block_on(soon(ConnectOptions::new().connect(server.url())));
    let asynchronous = asynchronous.unwrap();
    let client = Client::from(asynchronous.clone());
    let mut subscriber = client.subscribe("x").unwrap();
    runtime().block_on(soon(asynchronous.publish("x", "1".into()))).unwrap();
    assert_eq!(next(&mut subscriber).payload, "1");
    let mut again = client.subscribe("x").unwrap().into_async();
    client.publish("x", "2".into()).unwrap();
    assert_eq!(runtime().block_on(soon(again.next())).unwrap().payload, "2");
}

#[test]
fn a_client_of_another_runtime_is_blocked_on() {
    let server = server();
    let tokio =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = Client::from(tokio.block_on(soon(midge_tokio::connect(server.url()))).unwrap());
    let mut subscriber = client.subscribe("x").unwrap();
    client.publish("x", "1".into()).unwrap();
    assert_eq!(next(&mut subscriber).payload, "1");
    client.rtt().unwrap();
    let closing = client;
    within("close", move || closing.close()).unwrap();
}

#[test]
fn a_future_without_a_twin_is_waited_for() {
    let server = server();
    let client = connect(&server);
    let round_trip = client.wait(client.as_async().rtt()).unwrap();
    assert!(round_trip > Duration::ZERO);
}

#[test]
fn a_task_is_served_at_once_though_a_call_that_blocked_has_just_ended() {
    let server = server();
    let (client, other) = (connect(&server), connect(&server));
    let mut subscriber = client.subscription("x").confirmed().unwrap().into_async();
    let tokio = runtime();
    let mut times: Vec<Duration> = (0..20)
        .map(|_| {
            // Leaves the connection to whoever calls next, were it not for the task.
            client.rtt().unwrap();
            let begun = std::time::Instant::now();
            other.publish("x", "1".into()).unwrap();
            assert!(tokio.block_on(soon(subscriber.next())).is_some());
            begun.elapsed()
        })
        .collect();
    times.sort();
    // Not only by luck in less than the five milliseconds after which the I/O thread looks by itself.
    assert!(times[5] < Duration::from_millis(4), "{times:?}");
}
