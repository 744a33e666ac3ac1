//! The reading end of a mailbox.

use super::{End, Episode, Mailbox, Run, Tell, size_of};
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
        let mut inbox = self.mailbox.inbox.lock();
        if inbox.episode != Episode::Pausing {
            return Room::Unasked;
        }
        let pending = inbox.delivered.saturating_sub(self.taken + inbox.evicted);
        let bytes = inbox.delivered_bytes.saturating_sub(self.taken_bytes + inbox.evicted_bytes);
        if pending > inbox.limits.messages as u64 / 2 || bytes > inbox.limits.bytes as u64 / 2 {
            return Room::Unasked;
        }
        inbox.episode = Episode::Keeping;
        self.mailbox.pausing.store(false, Ordering::Relaxed);
        Room::Made
    }

    /// Gets the next run, or leaves `waker` to be woken when there is one.
    pub(crate) fn refill(&mut self, waker: Option<&Waker>) -> (Refill, Room) {
        let done = self.run.take();
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
        if let Some(run) = inbox.runs.pop_front() {
            self.run = Some(run);
            return (Refill::Run, room);
        }
        if inbox.tell_when_read == Tell::Yes {
            inbox.tell_when_read = Tell::No;
            room = Room::Made;
        }
        if let Some(end) = &inbox.end {
            return (Refill::End(end.clone()), room);
        }
        if let Some(waker) = waker {
            match &mut inbox.waker {
                Some(registered) => registered.clone_from(waker),
                vacant => *vacant = Some(waker.clone()),
            }
        }
        (Refill::Empty, room)
    }
}

/// Longest emptied run that is kept to be filled again: 28 KiB.
const SPARE_FRAMES_MAX: usize = 1024;
