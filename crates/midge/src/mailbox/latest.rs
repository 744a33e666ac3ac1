//! A queue that keeps the newest message of each subject.

use super::run::copy;
use super::{Inbox, Limits, Run, size_of};
use bytes::Bytes;
use midge_proto::MessageFrame;
use std::collections::{HashMap, VecDeque};

/// One message a subject, in the order in which the subjects came in.
#[derive(Debug, Default)]
pub(super) struct Latest {
    waiting: VecDeque<Waiting>,
    /// Where the message of a subject waits, counted from the first place there ever was.
    places: HashMap<Box<[u8]>, u64>,
    /// The place of the first that waits.
    front: u64,
    bytes: u64,
}

/// A message on its own: of a chunk most messages are replaced, so that keeping chunks would keep
/// many times what waits.
#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    frame: MessageFrame,
}

impl Latest {
    /// Takes a message in; returns the size of the one that it replaced.
    fn put(&mut self, chunk: &Bytes, frame: &MessageFrame) -> Option<u64> {
        self.bytes += size_of(frame);
        let subject = chunk.get(frame.subject()).unwrap_or_default();
        let place = self.places.get(subject).map(|place| (place - self.front) as usize);
        if let Some(waiting) = place.and_then(|index| self.waiting.get_mut(index)) {
            let replaced = size_of(&waiting.frame);
            self.bytes -= replaced;
            waiting.set(chunk, frame);
            return Some(replaced);
        }
        self.places.insert(subject.into(), self.front + self.waiting.len() as u64);
        let mut waiting = Waiting { bytes: Vec::new(), frame: *frame };
        waiting.set(chunk, frame);
        self.waiting.push_back(waiting);
        None
    }

    /// Takes the message that waits longest.
    fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.pop_front()?;
        self.front += 1;
        self.bytes -= size_of(&waiting.frame);
        self.places.remove(waiting.bytes.get(waiting.frame.subject()).unwrap_or_default());
        Some(waiting)
    }

    /// The message that waits longest, as a run to be filled into `frames`.
    pub(super) fn pop_run(&mut self, mut frames: Vec<MessageFrame>) -> Option<Run> {
        let waiting = self.pop()?;
        frames.clear();
        frames.push(waiting.frame);
        Some(Run { chunk: Bytes::from(waiting.bytes), frames, at: 0 })
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Waiting {
    /// Copies what a frame describes, from its subject to the end of its payload.
    fn set(&mut self, chunk: &Bytes, frame: &MessageFrame) {
        self.bytes.clear();
        self.frame = copy(&mut self.bytes, chunk, frame);
    }
}

impl Inbox {
    /// Adds messages, each in the place of the one with the same subject that still waits; returns
    /// how many were dropped because too many subjects wait.
    pub(super) fn put_latest(
        &mut self,
        limits: Limits,
        chunk: &Bytes,
        frames: impl Iterator<Item = MessageFrame>,
    ) -> u64 {
        let mut latest = self.seldom().latest.take().unwrap_or_default();
        let mut dropped = 0;
        for frame in frames {
            self.delivered += 1;
            self.delivered_bytes += size_of(&frame);
            match latest.put(chunk, &frame) {
                Some(size) => {
                    let seldom = self.seldom();
                    seldom.replaced += 1;
                    seldom.evicted += 1;
                    seldom.evicted_bytes += size;
                }
                None => self.tail += 1,
            }
            while latest.waiting.len() > limits.messages || latest.bytes > limits.bytes as u64 {
                let Some(gone) = latest.pop() else { break };
                self.count_evicted(size_of(&gone.frame));
                dropped += 1;
            }
        }
        self.seldom().latest = Some(latest);
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(subject_start: u32, payload_start: u32) -> MessageFrame {
        MessageFrame {
            subject_start,
            subject_len: 1,
            body_start: payload_start,
            total_len: 1,
            ..MessageFrame::default()
        }
    }

    fn text(waiting: &Waiting) -> (&[u8], &[u8]) {
        (&waiting.bytes[waiting.frame.subject()], &waiting.bytes[waiting.frame.payload()])
    }

    #[test]
    fn a_newer_message_takes_the_place_of_the_older_one_of_its_subject() {
        let chunk = Bytes::from_static(b"a 1 b 2 a 3 b 4");
        let mut latest = Latest::default();
        assert_eq!(latest.put(&chunk, &frame(0, 2)), None);
        assert_eq!(latest.put(&chunk, &frame(4, 6)), None);
        assert_eq!(latest.put(&chunk, &frame(8, 10)), Some(2));
        assert_eq!(latest.bytes, 4);
        assert_eq!(text(&latest.pop().unwrap()), (&b"a"[..], &b"3"[..]));
        // The place is free again: the subject goes to the end of the line.
        assert_eq!(latest.put(&chunk, &frame(0, 2)), None);
        assert_eq!(latest.put(&chunk, &frame(12, 14)), Some(2));
        assert_eq!(text(&latest.pop().unwrap()), (&b"b"[..], &b"4"[..]));
        assert_eq!(text(&latest.pop().unwrap()), (&b"a"[..], &b"1"[..]));
        assert!(latest.pop().is_none());
        assert_eq!((latest.bytes, latest.places.len()), (0, 0));
    }
}
