//! The unfinished chunk of a flood, published at the very moments at which it could be forgotten.

use crate::support::{DEADLINE, connect, next, number_of, numbered, server};
use core::task::{Context, Poll};
use midge_tokio::{Client, ConnectOptions, Dialed, Socket, Stream};
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex};

/// Publishes when the driver finds nothing to read and nothing waits to be written: between its look
/// at the queue and its rest.
struct Interjecting {
    socket: Socket,
    words: Arc<Mutex<Option<(Client, u32)>>>,
}

impl Stream for Interjecting {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = Stream::poll_read(&mut self.socket, cx, buf);
        let mut words = self.words.lock().unwrap();
        if read.is_pending()
            && let Some((client, number)) = &*words
            && client.buffered_bytes() == 0
        {
            client.try_publish("x", numbered(*number)).unwrap();
            *words = None;
        }
        read
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_write_vectored(cx, bufs)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Stream::poll_close(&mut self.socket, cx)
    }
}

#[tokio::test]
async fn a_message_that_comes_just_before_the_driver_rests_goes_out_all_the_same() {
    let server = server();
    let receiver = connect(&server).await;
    let mut all = receiver.subscribe("x").await.unwrap();
    receiver.sync().await.unwrap();
    let words = Arc::new(Mutex::new(None));
    let (address, shared) = (server.address(), Arc::clone(&words));
    let options = ConnectOptions::new().dialer(move |_| {
        let words = Arc::clone(&shared);
        async move {
            let socket = Socket::Tcp(tokio::net::TcpStream::connect(address).await?);
            Ok(Dialed::new(Interjecting { socket, words }))
        }
    });
    let sender = crate::support::connect_to(options, &server.url()).await;
    sender.sync().await.unwrap();
    for number in 0..5 {
        // A flood in one message, and one more while the driver is about to rest.
        sender.publish("x", vec![b'x'; 600_000].into()).await.unwrap();
        *words.lock().unwrap() = Some((sender.clone(), number));
        assert_eq!(next(&mut all).await.payload.len(), 600_000);
        let small = all.next_timeout(DEADLINE / 5).await.unwrap();
        assert_eq!(number_of(&small), number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_behind_a_flood_goes_out_whenever_it_is_published() {
    let server = server();
    let receiver = connect(&server).await;
    let mut all = receiver.subscribe("small").await.unwrap();
    receiver.sync().await.unwrap();
    let sender = connect(&server).await;
    let flood = bytes::Bytes::from(vec![b'x'; 300_000]);
    for number in 0..500 {
        sender.publish("large", flood.clone()).await.unwrap();
        // Somewhere between the write of the flood and the rest of the driver.
        for _ in 0..(number * 7) % 200 {
            core::hint::spin_loop();
        }
        sender.publish("small", numbered(number)).await.unwrap();
        let small = all.next_timeout(DEADLINE / 5).await.unwrap();
        assert_eq!(number_of(&small), number);
    }
}
