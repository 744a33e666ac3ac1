//! The bare core on a plain `TcpStream`, without `midge`, a runtime or a thread.
//!
//! `cargo run -p midge-proto --example plain [nats://localhost:4222]`
//!
//! Subscribes, publishes three messages, reads them back; a fence proves that there are no more.

use bytes::BytesMut;
use core::{error::Error, time::Duration};
use midge_proto::{
    Action, Auth, Config, Connection, DecodeLimits, Decoder, Delivery, FenceId, Frame, Instant,
    Interest, Message, Outbox, OutboxLimits, Publish, ServerAddr, Sid, Subject, Target,
};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "nats://localhost:4222".to_owned());
    for message in exchange(&url)? {
        println!("{}: {:?}", message.subject, message.payload);
    }
    Ok(())
}

/// Publishes three messages, and returns what a subscription to them received.
pub(crate) fn exchange(url: &str) -> Result<Vec<Message>, Box<dyn Error>> {
    let begun = std::time::Instant::now();
    let now = || Instant::ZERO + begun.elapsed();
    // A program takes the seed from its system.
    let config = Config::new(vec![url.parse::<ServerAddr>()?]);
    let mut connection = Connection::new(config, [7; 32], now());
    let mut outbox = Outbox::new(OutboxLimits::default());
    let mut decoder = Decoder::new(DecodeLimits::default());
    let mut stream: Option<TcpStream> = None;
    let mut inbound = BytesMut::new();
    let mut received = Vec::new();
    // Kept until the connection is ready: a SUB for the replay, the messages behind it.
    let interest = Arc::new(Interest::new(Subject::from_static("plain.*"), None));
    let on_wire = outbox.subscribe(interest.subject.as_bytes(), None, Sid::FIRST)?;
    connection.subscriptions().insert(Sid::FIRST, interest, on_wire);
    for payload in ["one", "two", "three"].map(Into::into) {
        let (reply, headers) = (None, None);
        outbox.publish(Publish { subject: b"plain.x", reply, headers, payload: &payload })?;
    }

    loop {
        while let Some(action) = connection.poll_action() {
            match action {
                Action::Resolve { host, port } => {
                    let found = (host, port).to_socket_addrs().map(Iterator::collect);
                    connection.handle_resolved(now(), found.map_err(|error| error.to_string()));
                }
                Action::Dial { dial, target: Target::Address(address), .. } => {
                    match TcpStream::connect(address) {
                        Ok(open) => {
                            stream = Some(open);
                            connection.handle_dialed(now(), dial, None);
                        }
                        Err(error) => connection.handle_dial_failed(now(), dial, error.to_string()),
                    }
                }
                Action::Authenticate { .. } => {
                    connection.handle_authenticated(now(), Ok(Auth::new()));
                }
                Action::Online(limits) => {
                    connection.replay();
                    outbox.set_online(limits);
                    outbox.fence(FenceId(1))?;
                }
                Action::FencePassed { .. } => return Ok(received),
                Action::Close(reason) => return Err(reason.to_string().into()),
                Action::Hangup => stream = None,
                // TLS, WebSocket, proxies, reconnecting and the choice of a server.
                other => return Err(format!("not in this example: {other:?}").into()),
            }
        }
        let wait = connection.poll_timeout().map(|at| at.saturating_since(now()));
        let Some(open) = &mut stream else {
            std::thread::sleep(wait.unwrap_or_default());
            connection.handle_timeout(now());
            continue;
        };
        // Its own bytes first, then what is queued.
        let mut own = Vec::new();
        connection.take_control(&mut own);
        open.write_all(&own)?;
        while let Some(chunk) = connection.takes_chunks().then(|| outbox.take()).flatten() {
            connection.handle_chunk_begun(now(), &chunk);
            chunk.slices(0).try_for_each(|piece| open.write_all(piece))?;
            connection.handle_chunk_written(chunk);
        }
        // What has come in, until the next deadline.
        open.set_read_timeout(wait.map(|wait| wait.max(Duration::from_millis(1))))?;
        let mut buf = [0; 4096];
        match open.read(&mut buf) {
            Ok(0) => connection.handle_disconnected(now(), None),
            Ok(count) => {
                connection.handle_read(now());
                inbound.extend_from_slice(&buf[..count]);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                connection.handle_timeout(now());
            }
            Err(error) => connection.handle_disconnected(now(), Some(error.to_string())),
        }
        while let Some(frame) = decoder.next(&inbound)? {
            connection.handle_frame(now(), &frame, &inbound);
            // The bytes of a frame are cut off once it is done with: a message keeps its own.
            let chunk = inbound.split_to(decoder.consumed()).freeze();
            decoder.consume();
            if let Frame::Message { sid, frame } = frame
                && let Delivery::Deliver(_) = connection.subscriptions().deliver(sid)
            {
                received.push(Message::from_frame(&chunk, &frame));
            }
        }
        connection.handle_read_done(now());
    }
}
