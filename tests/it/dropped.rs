//! What is left behind by a runtime that ends in the middle of things.

use crate::support::{connect, next, server, within};
use midge_test_server::FakeServer;
use midge_tokio::{ConnectOptions, Event};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[tokio::test]
async fn a_runtime_that_ends_still_writes_what_the_socket_takes_at_once() {
    let server = server();
    let reader = connect(&server).await;
    let mut all = reader.subscription("last").confirmed().await.unwrap();
    let url = server.url();
    std::thread::spawn(move || {
        let runtime = runtime();
        let client = runtime.block_on(midge_tokio::connect(url)).unwrap();
        for number in 0..100 {
            // The task of the connection never runs again.
            client.try_publish("last", format!("{number}").into()).unwrap();
        }
        drop(runtime);
        assert!(client.try_publish("last", "late".into()).is_err());
    })
    .join()
    .unwrap();
    for number in 0..100 {
        assert_eq!(next(&mut all).await.payload, format!("{number}"));
    }
}

#[tokio::test]
async fn what_a_dropped_driver_could_not_write_is_counted() {
    let fake = FakeServer::start().unwrap();
    let url = fake.url();
    let served = std::thread::spawn(move || {
        let mut connection = fake.accept();
        connection.handshake();
        connection.send_info(&serde_json::json!({"connect_info": true}));
        // Reads nothing more, until it is all over.
        connection
    });
    let told = tokio::task::spawn_blocking(move || {
        let runtime = runtime();
        let options = ConnectOptions::new().write_high_water(64 << 20);
        let client = runtime.block_on(options.connect(url)).unwrap();
        let mut events = client.events();
        let payload = bytes::Bytes::from(vec![b'x'; 100_000]);
        for _ in 0..300 {
            client.try_publish("x", payload.clone()).unwrap();
        }
        drop(runtime);
        let mut told = Vec::new();
        while let Some(event) = futures_util::FutureExt::now_or_never(events.next()).unwrap() {
            told.push(event);
        }
        told
    });
    let told = within("the drop", told).await.unwrap();
    let abandoned = told.iter().find_map(|event| match event {
        Event::Abandoned(count) => Some(*count),
        _ => None,
    });
    let uncertain: u64 = told
        .iter()
        .map(|event| match event {
            Event::Fate(fate) => fate.uncertain + fate.dropped,
            _ => 0,
        })
        .sum();
    let abandoned = abandoned.unwrap_or_else(|| panic!("{told:?}"));
    assert!(abandoned > 0 && abandoned < 300, "{told:?}");
    assert_eq!(abandoned + uncertain, 300, "{told:?}");
    drop(served.join().unwrap());
}
