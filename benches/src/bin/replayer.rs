#![forbid(unsafe_code)]
//! The other end of receive and request workloads, raw and on one thread.
//!
//! - `replayer serve`: a server. Prints `listening <address>`; a go order makes it send prebuilt
//!   messages to the subscriptions it knows. The marker is echoed.
//! - `replayer publish <address>`: a client of a real server. Prints `ready`; a go order makes it
//!   publish prebuilt messages.
//! - `replayer respond <address>`: a client of a real server. Prints `ready`; answers requests.

use std::net::TcpListener;

use midge_benches::go::{Go, Order};
use midge_benches::wire::{Frame, Wire};
use midge_benches::{Result, subjects};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve"] => serve(),
        ["publish", address] => publish(address),
        ["respond", address] => respond(address),
        _ => Err("usage: replayer serve | publish <address> | respond <address>".into()),
    }
}

fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept()?;
        if let Err(error) = replay(Wire::accept(stream)?) {
            eprintln!("replayer: {error}");
        }
    }
}

fn replay(mut wire: Wire) -> Result<()> {
    let mut registered: Vec<String> = Vec::new();
    let mut marker = String::new();
    let mut frames = Frames::default();
    while let Some(frame) = wire.input.next(&mut wire.output)? {
        match frame {
            Frame::Sub { subject, sid } if subject.starts_with(subjects::RECEIVE.as_bytes()) => {
                let subject = core::str::from_utf8(subject)?;
                registered.push(format!("{subject} {}", core::str::from_utf8(sid)?));
            }
            Frame::Sub { subject, sid } if subject == subjects::DONE.as_bytes() => {
                marker = format!("MSG {} {} 0\r\n\r\n", subjects::DONE, core::str::from_utf8(sid)?);
            }
            Frame::Message { subject, .. } if subject == subjects::DONE.as_bytes() => {
                wire.output.push(marker.as_bytes());
            }
            Frame::Message { subject, payload, .. } if subject == subjects::GO.as_bytes() => {
                let go = Go::parse(payload)?;
                let heads: Vec<&str> =
                    order(go, registered.len()).map(|index| registered[index].as_str()).collect();
                frames.build(["MSG", "HMSG"], &heads, go);
                frames.send(go.count, &mut wire)?;
            }
            Frame::Ping
            | Frame::Pong
            | Frame::Sub { .. }
            | Frame::Message { .. }
            | Frame::Other => {}
        }
    }
    Ok(())
}

fn publish(address: &str) -> Result<()> {
    let mut wire = Wire::dial(address, &[subjects::GO])?;
    println!("ready");
    let mut frames = Frames::default();
    while let Some(frame) = wire.input.next(&mut wire.output)? {
        if let Frame::Message { subject, payload, .. } = frame
            && subject == subjects::GO.as_bytes()
        {
            let go = Go::parse(payload)?;
            frames.build(["PUB", "HPUB"], &[subjects::RECEIVE], go);
            frames.send(go.count, &mut wire)?;
        }
    }
    Ok(())
}

fn respond(address: &str) -> Result<()> {
    let wanted = [subjects::ECHO, subjects::MUTE, subjects::MUTED];
    let mut wire = Wire::dial(address, &wanted)?;
    println!("ready");
    let mut muted: usize = 0;
    let mut answer = |wire: &mut Wire| -> Result<bool> {
        let Some(frame) = wire.input.next(&mut wire.output)? else {
            return Ok(false);
        };
        let Frame::Message { subject, reply, payload } = frame else {
            return Ok(true);
        };
        if subject == subjects::MUTE.as_bytes() {
            muted += 1;
            return Ok(true);
        }
        let count = muted.to_string();
        let body = if subject == subjects::MUTED.as_bytes() { count.as_bytes() } else { payload };
        wire.output.push(b"PUB ");
        wire.output.push(reply);
        wire.output.push(format!(" {}\r\n", body.len()).as_bytes());
        wire.output.push(body);
        wire.output.push(b"\r\n");
        Ok(true)
    };
    while answer(&mut wire)? {}
    Ok(())
}

/// Indices of the hot ones among `registered` subscriptions, in the order that `go` asks for.
fn order(go: Go, registered: usize) -> impl Iterator<Item = usize> {
    let mut nths: Vec<usize> = (0..go.hot).collect();
    if go.order == Order::Shuffled {
        // Fisher and Yates, with Knuth's MMIX generator from a fixed seed: every run is the same.
        let mut random: u64 = 1;
        for index in (1..nths.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005);
            random = random.wrapping_add(1_442_695_040_888_963_407);
            nths.swap(index, (random >> 33) as usize % (index + 1));
        }
    }
    nths.into_iter().map(move |nth| go.index(nth, registered))
}

/// Prebuilt frames: a block that is sent again and again, whole and at last in part.
#[derive(Default)]
struct Frames {
    block: Vec<u8>,
    /// Where in the block each frame ends.
    ends: Vec<usize>,
}

impl Frames {
    /// The least size of a block in bytes: many writes long, and still in the cache.
    const BLOCK_BYTES: usize = 256 * 1024;

    /// Builds a block of frames, one for each of `heads` in turn, as often as it takes.
    fn build(&mut self, [plain, with_headers]: [&str; 2], heads: &[&str], go: Go) {
        let payload = vec![b'x'; go.size];
        let headers = header_block(go.headers);
        self.block.clear();
        self.ends.clear();
        while self.block.len() < Self::BLOCK_BYTES {
            for head in heads {
                let total = headers.len() + go.size;
                let line = if go.headers == 0 {
                    format!("{plain} {head} {total}\r\n")
                } else {
                    format!("{with_headers} {head} {} {total}\r\n", headers.len())
                };
                for part in [line.as_bytes(), &headers, &payload, b"\r\n"] {
                    self.block.extend_from_slice(part);
                }
                self.ends.push(self.block.len());
            }
        }
    }

    fn send(&self, count: usize, wire: &mut Wire) -> Result<()> {
        for _ in 0..count / self.ends.len() {
            wire.output.send(&self.block)?;
        }
        let rest = count % self.ends.len();
        let end = rest.checked_sub(1).map_or(0, |last| self.ends[last]);
        Ok(wire.output.send(&self.block[..end])?)
    }
}

fn header_block(headers: usize) -> Vec<u8> {
    if headers == 0 {
        return Vec::new();
    }
    let mut block = String::from("NATS/1.0\r\n");
    for index in 0..headers {
        block += &format!("Bench-Header-{index}: value number {index}\r\n");
    }
    block += "\r\n";
    block.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::{Frames, order};
    use midge_benches::go::{Go, Order};

    const GO: Go = Go { count: 8, size: 3, headers: 0, hot: 4, order: Order::InTurn };

    #[test]
    fn a_block_holds_one_frame_for_each_head_in_turn() {
        let mut frames = Frames::default();
        frames.build(["MSG", "HMSG"], &["a 1", "b 2"], GO);
        assert!(frames.block.starts_with(b"MSG a 1 3\r\nxxx\r\nMSG b 2 3\r\nxxx\r\nMSG a 1 3"));
        assert!(frames.block.len() >= Frames::BLOCK_BYTES);
        assert_eq!(frames.ends.last(), Some(&frames.block.len()));
    }

    #[test]
    fn header_lengths_are_those_of_the_block() {
        let mut frames = Frames::default();
        frames.build(["PUB", "HPUB"], &["a"], Go { headers: 1, ..GO });
        let expected = "HPUB a 44 47\r\nNATS/1.0\r\nBench-Header-0: value number 0\r\n\r\nxxx\r\n";
        assert!(frames.block.starts_with(expected.as_bytes()));
    }

    #[test]
    fn a_shuffled_order_has_every_index_once() {
        let go = Go { hot: 100, count: 100, order: Order::Shuffled, ..GO };
        let mut shuffled: Vec<usize> = order(go, 100).collect();
        assert_ne!(shuffled, (0..100).collect::<Vec<_>>());
        shuffled.sort_unstable();
        assert_eq!(shuffled, (0..100).collect::<Vec<_>>());
    }
}
