//! Messages of one read, for one subscription, and what they keep in memory while they wait.

use super::Inbox;
use bytes::Bytes;
use midge_proto::MessageFrame;

/// Messages of one read, for one subscription.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(super) chunk: Bytes,
    pub(super) frames: Vec<MessageFrame>,
    /// Frames before this were taken.
    pub(super) at: usize,
}

/// Runs that may wait with the read buffers that they came in: as many as a reader who keeps up
/// leaves there.
///
/// A message of ten bytes holds a whole buffer, which is 64 KiB mostly, and what came beside it for
/// others counts nowhere. So of further runs the small ones are copied.
const SHARED_RUNS_MAX: usize = 8;

/// Bytes below which a run is small: a quarter of a usual read buffer. What is not copied is so at
/// most four times as large in memory as it counts.
const SMALL_RUN_BYTES: usize = 16 << 10;

impl Inbox {
    /// Adds a run of `bytes` bytes behind all that waits.
    #[inline]
    pub(super) fn push_run(&mut self, chunk: &Bytes, frames: Vec<MessageFrame>, bytes: u64) {
        self.tail += frames.len() as u64;
        let is_small = bytes < SMALL_RUN_BYTES.max(chunk.len() / 4) as u64;
        let run = if is_small && self.runs.len() >= SHARED_RUNS_MAX {
            self.copied(chunk, frames)
        } else {
            Run { chunk: chunk.clone(), frames, at: 0 }
        };
        self.runs.push_back(run);
    }

    /// The run on its own: without the chunk, and without the room that the list of its frames may
    /// have had for others.
    #[cold]
    fn copied(&mut self, chunk: &Bytes, mut frames: Vec<MessageFrame>) -> Run {
        let len = |frame: &MessageFrame| frame.payload().end - frame.subject().start;
        let mut bytes = Vec::with_capacity(frames.iter().map(len).sum());
        let copies = frames.iter().map(|frame| copy(&mut bytes, chunk, frame)).collect();
        frames.clear();
        self.spare = frames;
        Run { chunk: bytes.into(), frames: copies, at: 0 }
    }
}

/// Appends what a frame describes, from its subject to the end of its payload; returns where it is.
pub(super) fn copy(bytes: &mut Vec<u8>, chunk: &Bytes, frame: &MessageFrame) -> MessageFrame {
    let (from, to) = (frame.subject_start, bytes.len() as u32);
    let moved = |start: u32| start.saturating_sub(from) + to;
    bytes.extend_from_slice(chunk.get(from as usize..frame.payload().end).unwrap_or_default());
    MessageFrame {
        subject_start: to,
        reply_start: moved(frame.reply_start),
        body_start: moved(frame.body_start),
        ..*frame
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LimitOptions, Limits, Mailbox, Reader, Refill, SlowConsumerPolicy};
    use super::*;
    use crate::sorter::Sorter;
    use crate::sync::Arc;
    use midge_proto::{Decoder, Frame, Interest, OnWire, Sid, Slot, Subscriptions};

    /// A read with two messages for one subscription among many for others, and their frames.
    fn read(number: usize) -> (Bytes, [MessageFrame; 2]) {
        let mut bytes = vec![b'x'; 30 << 10];
        let mut found = [MessageFrame::default(); 2];
        let plain = format!("MSG a.b 1 7\r\n{number:>7}\r\n");
        let full = format!("HMSG a.c 1 re.ply 18 25\r\nNATS/1.0\r\nA: b\r\n\r\n{number:>7}\r\n");
        for (text, found) in [plain, full].into_iter().zip(&mut found) {
            let frame = Decoder::new(midge_proto::DecodeLimits::default()).next(text.as_bytes());
            let Ok(Some(Frame::Message { mut frame, .. })) = frame else { panic!("{frame:?}") };
            let at = bytes.len() as u32;
            frame.subject_start += at;
            frame.body_start += at;
            frame.reply_start += if frame.reply_len > 0 { at } else { 0 };
            *found = frame;
            bytes.extend(text.into_bytes());
            bytes.resize(bytes.len() + (15 << 10), b'x');
        }
        (bytes.into(), found)
    }

    fn slot() -> Slot {
        let interest = Arc::new(Interest::new("a.*".into(), None));
        Subscriptions::default().insert(Sid::FIRST, interest, OnWire::Yes)
    }

    /// Delivers what one read has for the mailbox, by the short way if that is open.
    fn deliver(mailbox: &Mailbox, chunk: &Bytes, frames: [MessageFrame; 2]) {
        let mut sorter = Sorter::default();
        // As it may be after a read of many.
        frames.iter().cycle().take(2_000).for_each(|frame| sorter.stage(slot(), *frame));
        sorter.clear();
        frames.iter().for_each(|frame| sorter.stage(slot(), *frame));
        let (_, staged) = sorter.run(0).unwrap();
        mailbox.deliver_all(chunk, staged);
    }

    #[test]
    fn what_waits_for_a_slow_reader_keeps_a_few_read_buffers_and_no_more() {
        for policy in [SlowConsumerPolicy::DropNewest, SlowConsumerPolicy::DropOldest] {
            let limits = Limits { messages: 500, bytes: usize::MAX, policy };
            let mailbox = Arc::new(Mailbox::new(limits, None));
            let mut reads: Vec<Bytes> = Vec::new();
            for number in 0..300 {
                let (chunk, frames) = read(number);
                deliver(&mailbox, &chunk, frames);
                reads.push(chunk);
            }
            let kept = reads.into_iter().filter(|chunk| !chunk.is_unique()).count();
            assert!(kept <= SHARED_RUNS_MAX, "{policy:?}: {kept}");
            let room: usize =
                mailbox.inbox.lock().runs.iter().map(|run| run.frames.capacity()).sum();
            assert!(room <= SHARED_RUNS_MAX * 2_048 + 2_000, "{policy:?}: {room}");

            let mut reader = Reader::new(Arc::clone(&mailbox));
            let mut number = if policy == SlowConsumerPolicy::DropOldest { 50 } else { 0 };
            let last = number + 250;
            while let (Refill::Run, _) = reader.refill(None) {
                for (subject, reply, header) in
                    [("a.b", None, None), ("a.c", Some("re.ply"), Some("b"))]
                {
                    let message = reader.advance().unwrap().message();
                    assert_eq!(message.subject, subject);
                    assert_eq!(message.reply.as_ref().map(|reply| reply.as_str()), reply);
                    let found = message.headers.as_ref().and_then(|headers| headers.get("A"));
                    assert_eq!(found.map(|value| value.as_str()), header);
                    assert_eq!(message.payload, format!("{number:>7}"));
                }
                assert!(!reader.has_message());
                number += 1;
            }
            assert_eq!(number, last);
        }
    }

    #[test]
    fn a_run_that_is_most_of_its_read_is_not_copied() {
        let mailbox = Arc::new(Mailbox::new(LimitOptions::default().limits(), None));
        let text = format!("MSG a 1 {}\r\n{}\r\n", SMALL_RUN_BYTES, "x".repeat(SMALL_RUN_BYTES));
        for _ in 0..3 * SHARED_RUNS_MAX {
            let chunk = Bytes::from(text.clone());
            let frame = Decoder::new(midge_proto::DecodeLimits::default()).next(&chunk);
            let Ok(Some(Frame::Message { frame, .. })) = frame else { panic!("{frame:?}") };
            mailbox.deliver(&chunk, core::iter::once(frame));
            assert!(!chunk.is_unique());
        }
    }
}
