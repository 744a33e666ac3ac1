//! Connections on executors that have one thread: that of the program.

use crate::support::{number_of, numbered, quick, server};
use core::time::Duration;
use futures_util::future::{Either, join, select};
use midge::{Client, ConnectOptions, Driver, Event, FirstConnection, Runtime, run};

/// The halves of a client of a runtime.
fn halves<R: Runtime>(runtime: &R, url: &str) -> (Client, Driver, FirstConnection) {
    let options = ConnectOptions::<R>::new();
    let options = options.reconnect_delay_callback(|_| Duration::from_millis(5));
    options.build(url, runtime.now()).unwrap()
}

/// Everything that has to go on at the same time on one thread: messages, a reader, a reconnect, and
/// the end.
async fn talk(client: Client) {
    let mut events = client.events();
    let mut subscriber = client.subscription("x").confirmed().await.unwrap();
    for round in 0..2 {
        for number in 0..1_000 {
            client.publish("x", numbered(number)).await.unwrap();
        }
        for number in 0..1_000 {
            assert_eq!(number_of(&subscriber.next().await.unwrap()), number, "in round {round}");
        }
        client.force_reconnect().await.unwrap();
        while events.next().await.unwrap() != Event::Disconnected {}
        while events.next().await.unwrap() != Event::Connected {}
    }
    client.drain().await.unwrap();
}

async fn within(future: impl Future<Output = ()>) {
    let limit = core::pin::pin!(smol::Timer::after(crate::support::DEADLINE));
    match select(core::pin::pin!(future), limit).await {
        Either::Left(_) => {}
        Either::Right(_) => panic!("it took longer than {:?}", crate::support::DEADLINE),
    }
}

#[test]
fn a_local_executor_of_smol_carries_a_connection() {
    let server = server();
    let executor = smol::LocalExecutor::new();
    let (client, driver, first) = halves(&midge_smol::Smol, &server.url());
    smol::block_on(executor.run(within(async {
        executor.spawn(run(driver, midge_smol::Smol)).detach();
        first.wait().await.unwrap();
        talk(client).await;
    })));
}

#[test]
fn the_task_that_blocks_on_async_std_carries_a_connection() {
    let server = server();
    let (client, driver, first) = halves(&midge_async_std::AsyncStd, &server.url());
    let talking = async {
        first.wait().await.unwrap();
        talk(client).await;
    };
    async_std::task::block_on(within(async {
        join(run(driver, midge_async_std::AsyncStd), talking).await;
    }));
}

#[test]
fn a_current_thread_runtime_and_a_local_set_of_tokio_carry_connections() {
    let server = server();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(within(async {
        talk(quick().connect(server.url()).await.unwrap()).await;
        let local = tokio::task::LocalSet::new();
        let (client, driver, first) = halves(&midge_tokio::Tokio, &server.url());
        local
            .run_until(async {
                let carrying = tokio::task::spawn_local(run(driver, midge_tokio::Tokio));
                first.wait().await.unwrap();
                talk(client).await;
                carrying.await.unwrap();
            })
            .await;
    }));
}
