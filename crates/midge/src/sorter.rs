//! The messages of one read, by subscription, so that each gets its run at one go.

use midge_proto::{MessageFrame, Slot};

/// Frames in the order they came in, in stretches of one slot, chained by slot.
#[derive(Debug, Default)]
pub(crate) struct Sorter {
    frames: Vec<MessageFrame>,
    stretches: Vec<Stretch>,
    chains: Vec<Chain>,
    touched: Vec<Slot>,
}

/// Frames of one slot, one behind the other: mostly all of a read.
#[derive(Debug)]
struct Stretch {
    slot: Slot,
    start: u32,
    end: u32,
    /// The next stretch of the slot.
    next: u32,
    /// Sizes of the messages together.
    bytes: u64,
}

/// The stretches of one slot.
#[derive(Debug, Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
}

impl Chain {
    const EMPTY: Self = Self { first: NONE, last: NONE };
}

const NONE: u32 = u32::MAX;

impl Sorter {
    #[inline]
    pub(crate) fn stage(&mut self, slot: Slot, frame: MessageFrame) {
        let length = frame.length() as u64;
        match self.stretches.last_mut() {
            Some(stretch) if stretch.slot == slot => {
                stretch.end += 1;
                stretch.bytes += length;
            }
            _ => self.begin_stretch(slot, length),
        }
        self.frames.push(frame);
    }

    /// The next frame is of another slot than the one before, and `length` bytes long.
    fn begin_stretch(&mut self, slot: Slot, length: u64) {
        let (at, start) = (self.stretches.len() as u32, self.frames.len() as u32);
        self.stretches.push(Stretch { slot, start, end: start + 1, next: NONE, bytes: length });
        let index = slot.index();
        if index >= self.chains.len() {
            self.chains.resize(index + 1, Chain::EMPTY);
        }
        let chain = &mut self.chains[index];
        match self.stretches.get_mut(chain.last as usize) {
            Some(last) => last.next = at,
            None => {
                chain.first = at;
                self.touched.push(slot);
            }
        }
        chain.last = at;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.stretches.last().map_or(0, |last| last.end as usize)
    }

    /// How many slots have messages.
    pub(crate) fn slots(&self) -> usize {
        self.touched.len()
    }

    /// The slot that was the `nth` to get a message, and its messages.
    pub(crate) fn run(&mut self, nth: usize) -> Option<(Slot, Staged<'_>)> {
        let slot = *self.touched.get(nth)?;
        let first = self.chains.get(slot.index())?.first;
        Some((slot, Staged { frames: &mut self.frames, stretches: &self.stretches, first }))
    }

    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.stretches.clear();
        for slot in self.touched.drain(..) {
            self.chains[slot.index()] = Chain::EMPTY;
        }
    }

    /// Lets go of memory: for an idle connection.
    pub(crate) fn shrink(&mut self) {
        if self.is_empty() {
            self.frames = Vec::new();
            self.stretches = Vec::new();
            self.touched = Vec::new();
        }
    }
}

/// The messages of one slot, in order.
#[derive(Debug)]
pub(crate) struct Staged<'a> {
    frames: &'a mut Vec<MessageFrame>,
    stretches: &'a [Stretch],
    first: u32,
}

impl Staged<'_> {
    fn stretches(&self) -> impl Iterator<Item = &Stretch> {
        let at = |index: u32| self.stretches.get(index as usize);
        core::iter::successors(at(self.first), move |stretch| at(stretch.next))
    }

    /// How many they are, and the bytes of subjects, headers and payloads together.
    pub(crate) fn size(&self) -> (usize, u64) {
        self.stretches().fold((0, 0), |(count, bytes), stretch| {
            (count + (stretch.end - stretch.start) as usize, bytes + stretch.bytes)
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = MessageFrame> {
        self.stretches().flat_map(|stretch| self.frames_of(stretch)).copied()
    }

    fn frames_of(&self, stretch: &Stretch) -> &[MessageFrame] {
        self.frames.get(stretch.start as usize..stretch.end as usize).unwrap_or_default()
    }

    /// All of them in a vector; `spare` is one to be filled, and without frames.
    pub(crate) fn into_vec(self, mut spare: Vec<MessageFrame>) -> Vec<MessageFrame> {
        if let [_] = self.stretches {
            // The commonest case by far, and nothing is copied.
            core::mem::swap(self.frames, &mut spare);
            if self.frames.capacity() == 0 {
                // The next read brings about as much; growing to it step by step is costly.
                self.frames.reserve(spare.len());
            }
        } else {
            spare.reserve(self.size().0);
            for stretch in self.stretches() {
                spare.extend_from_slice(self.frames_of(stretch));
            }
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
            assert_eq!((slot, staged.size()), (second, (3, 30)));
            assert_eq!(starts(staged.iter()), [0, 2, 3]);
            assert_eq!(starts(staged.into_vec(Vec::new())), [0, 2, 3]);
            let (slot, staged) = sorter.run(1).unwrap();
            assert_eq!((slot, staged.size()), (first, (2, 20)));
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
        let (_, staged) = sorter.run(0).unwrap();
        assert_eq!(starts(staged.iter()), [2]);
        // Without a spare there is room for as much again.
        let taken = staged.into_vec(Vec::new());
        sorter.clear();
        assert!(sorter.frames.capacity() >= taken.len());
    }
}
