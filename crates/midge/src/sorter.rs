//! The messages of one read, by subscription, so that each gets its run at one go.

use midge_proto::{MessageFrame, Slot};

/// Frames in the order they came in, chained by slot.
#[derive(Debug, Default)]
pub(crate) struct Sorter {
    frames: Vec<MessageFrame>,
    /// For each frame, the next one of its chain.
    links: Vec<u32>,
    chains: Vec<Chain>,
    touched: Vec<Slot>,
}

/// The frames of one slot.
#[derive(Debug, Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
    count: u32,
    /// Sizes of the messages together.
    bytes: u64,
}

impl Chain {
    const EMPTY: Self = Self { first: NONE, last: NONE, count: 0, bytes: 0 };
}

const NONE: u32 = u32::MAX;

impl Sorter {
    #[inline]
    pub(crate) fn stage(&mut self, slot: Slot, frame: MessageFrame) {
        let at = self.frames.len() as u32;
        let index = slot.index();
        if index >= self.chains.len() {
            self.chains.resize(index + 1, Chain::EMPTY);
        }
        let chain = &mut self.chains[index];
        if chain.count == 0 {
            chain.first = at;
            self.touched.push(slot);
        } else {
            self.links[chain.last as usize] = at;
        }
        chain.last = at;
        chain.count += 1;
        chain.bytes += frame.length() as u64;
        self.frames.push(frame);
        self.links.push(NONE);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// How many slots have messages.
    pub(crate) fn slots(&self) -> usize {
        self.touched.len()
    }

    /// The slot that was the `nth` to get a message, and its messages.
    pub(crate) fn run(&mut self, nth: usize) -> Option<(Slot, Staged<'_>)> {
        let slot = *self.touched.get(nth)?;
        let chain = *self.chains.get(slot.index())?;
        let only = self.touched.len() == 1;
        Some((slot, Staged { frames: &mut self.frames, links: &self.links, chain, only }))
    }

    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.links.clear();
        for slot in self.touched.drain(..) {
            self.chains[slot.index()] = Chain::EMPTY;
        }
    }

    /// Lets go of memory: for an idle connection.
    pub(crate) fn shrink(&mut self) {
        if self.is_empty() {
            self.frames = Vec::new();
            self.links = Vec::new();
            self.touched = Vec::new();
        }
    }
}

/// The messages of one slot, in order.
#[derive(Debug)]
pub(crate) struct Staged<'a> {
    frames: &'a mut Vec<MessageFrame>,
    links: &'a [u32],
    chain: Chain,
    /// Whether all frames are of this slot.
    only: bool,
}

impl Staged<'_> {
    pub(crate) fn len(&self) -> usize {
        self.chain.count as usize
    }

    /// Subjects, headers and payloads together.
    pub(crate) fn bytes(&self) -> u64 {
        self.chain.bytes
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = MessageFrame> {
        let mut at = self.chain.first;
        core::iter::from_fn(move || {
            let frame = *self.frames.get(at as usize)?;
            at = self.links.get(at as usize).copied().unwrap_or(NONE);
            Some(frame)
        })
    }

    /// All of them in a vector; `spare` is one to be filled, and without frames.
    pub(crate) fn into_vec(self, mut spare: Vec<MessageFrame>) -> Vec<MessageFrame> {
        if self.only {
            // The commonest case by far, and nothing is copied.
            core::mem::swap(self.frames, &mut spare);
        } else {
            spare.reserve(self.len());
            spare.extend(self.iter());
        }
        spare
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Arc;
    use midge_proto::{Interest, OnWire, Sid, Subject, Subscriptions};

    fn slots<const COUNT: usize>() -> [Slot; COUNT] {
        let mut subscriptions = Subscriptions::default();
        let mut sid = Sid::FIRST;
        core::array::from_fn(|_| {
            let interest = Arc::new(Interest::new(Subject::from("a"), None));
            let slot = subscriptions.insert(sid, interest, OnWire::Yes);
            sid = sid.next();
            slot
        })
    }

    fn frame(number: u32) -> MessageFrame {
        MessageFrame { subject_start: number, subject_len: 1, total_len: 9, ..Default::default() }
    }

    fn starts(frames: impl IntoIterator<Item = MessageFrame>) -> Vec<u32> {
        frames.into_iter().map(|frame| frame.subject_start).collect()
    }

    #[test]
    fn each_slot_gets_its_messages_in_order_and_their_sum() {
        let [first, second] = slots();
        let mut sorter = Sorter::default();
        for round in 0..2 {
            for (number, slot) in [second, first, second, second, first].into_iter().enumerate() {
                sorter.stage(slot, frame(number as u32));
            }
            assert_eq!((sorter.len(), sorter.slots()), (5, 2), "round {round}");
            let (slot, staged) = sorter.run(0).unwrap();
            assert_eq!((slot, staged.len(), staged.bytes()), (second, 3, 30));
            assert_eq!(starts(staged.iter()), [0, 2, 3]);
            assert_eq!(starts(staged.into_vec(Vec::new())), [0, 2, 3]);
            let (slot, staged) = sorter.run(1).unwrap();
            assert_eq!((slot, staged.len(), staged.bytes()), (first, 2, 20));
            assert_eq!(starts(staged.into_vec(Vec::new())), [1, 4]);
            assert!(sorter.run(2).is_none());
            sorter.clear();
        }
    }

    #[test]
    fn the_only_slot_gets_the_vector_itself_and_leaves_its_spare() {
        let [slot] = slots();
        let mut sorter = Sorter::default();
        sorter.stage(slot, frame(0));
        sorter.stage(slot, frame(1));
        let at = sorter.frames.as_ptr();
        let (_, staged) = sorter.run(0).unwrap();
        let taken = staged.into_vec(Vec::with_capacity(77));
        assert_eq!(taken.as_ptr(), at);
        assert_eq!(starts(taken), [0, 1]);
        sorter.clear();
        assert_eq!(sorter.frames.capacity(), 77);
        sorter.stage(slot, frame(2));
        assert_eq!(starts(sorter.run(0).unwrap().1.iter()), [2]);
    }
}
