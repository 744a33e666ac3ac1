//! The reading end of a mailbox.

use super::marks::Passed;
use super::{End, Episode, Gap, Mailbox, Run, Tell, size_of};
use crate::sync::{Arc, Ordering};
use core::task::Waker;
use midge_proto::{Message, Subject};

/// The reading end of a mailbox; there is one.
#[derive(Debug)]
pub(crate) struct Reader {
    mailbox: Arc<Mailbox>,
    run: Option<Run>,
    taken: u64,
    taken_bytes: u64,
    /// That of the message before.
    subject: Subject,
}

/// What a reader found when its run was read.
#[derive(Debug)]
pub(crate) enum Refill {
    /// Another run, with at least one message.
    Run,
    /// Messages are missing here.
    Gap(Gap),
    /// Nothing waits; the waker given, if one was, will be woken.
    Empty,
    End(End),
}

/// Whether taking a run made room that the driver waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Unasked,
    Made,
}

impl Reader {
    pub(crate) fn new(mailbox: Arc<Mailbox>) -> Self {
        Self { mailbox, run: None, taken: 0, taken_bytes: 0, subject: Subject::from_static("") }
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Whether the run at hand has another message.
    #[inline(always)]
    pub(crate) fn has_message(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.at < run.frames.len())
    }

    /// Puts the next message of the run at hand, if there is one, into an empty one.
    #[inline(always)]
    pub(crate) fn take(&mut self, message: &mut Message) {
        let Some(run) = &mut self.run else { return };
        let Some(frame) = run.frames.get(run.at) else { return };
        run.at += 1;
        self.taken += 1;
        self.taken_bytes += size_of(frame);
        self.mailbox.taken.store(self.taken, Ordering::Relaxed);
        self.mailbox.taken_bytes.store(self.taken_bytes, Ordering::Relaxed);
        message.fill(&run.chunk, frame, &mut self.subject);
    }

    /// Whether the message just taken was the last of its run and the driver waits for room.
    #[inline(always)]
    pub(crate) fn should_tell(&self) -> bool {
        let over = self.run.as_ref().is_none_or(|run| run.at == run.frames.len());
        over && self.mailbox.pausing.load(Ordering::Relaxed)
    }

    /// Whether there is room that the driver waits for; says so once.
    pub(crate) fn made_room(&self) -> Room {
        let (room, watchers) = self.mailbox.make_room(&mut self.mailbox.inbox.lock());
        watchers.into_iter().for_each(Waker::wake);
        room
    }

    /// Gets the next run, or leaves `waker` to be woken when there is one.
    pub(crate) fn refill(&mut self, waker: Option<&Waker>) -> (Refill, Room) {
        let done = self.run.take();
        // Before the lock, so that they are dropped after it is released.
        let mut passed = Passed::default();
        let mut watchers = Vec::new();
        let mut inbox = self.mailbox.inbox.lock();
        if let Some(done) = done
            && done.frames.capacity() <= SPARE_FRAMES_MAX
        {
            inbox.spare = Some(done.frames);
        }
        let read = self.taken_bytes + inbox.evicted_bytes;
        let pending_bytes = inbox.delivered_bytes.saturating_sub(read);
        inbox.charge(pending_bytes);
        let mut room = Room::Unasked;
        if inbox.episode == Episode::Pausing {
            // The last messages may have been read before the driver asked for room.
            (room, watchers) = self.mailbox.make_room(&mut inbox);
        }
        if !inbox.marks.is_empty() {
            let front = inbox.front;
            passed = inbox.marks.pass(front);
        }
        let refill = if let Some(gap) = passed.gap {
            Refill::Gap(gap)
        } else if let Some(run) = inbox.pop_run() {
            self.run = Some(run);
            Refill::Run
        } else {
            if inbox.tell_when_read == Tell::Yes {
                inbox.tell_when_read = Tell::No;
                room = Room::Made;
            }
            match (&inbox.end, waker) {
                (Some(end), _) => Refill::End(end.clone()),
                (None, Some(waker)) => {
                    match &mut inbox.waker {
                        Some(registered) => registered.clone_from(waker),
                        vacant => *vacant = Some(waker.clone()),
                    }
                    Refill::Empty
                }
                (None, None) => Refill::Empty,
            }
        };
        drop(inbox);
        drop(passed);
        watchers.into_iter().for_each(Waker::wake);
        (refill, room)
    }
}

/// Longest emptied run that is kept to be filled again, in messages: as many small ones as one read
/// brings, in 56 KiB.
const SPARE_FRAMES_MAX: usize = 2048;
