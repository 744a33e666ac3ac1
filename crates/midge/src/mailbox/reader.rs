//! The reading end of a mailbox.

use super::inbox::EndMet;
use super::marks::Passed;
use super::{End, Episode, Gap, Mailbox, Run, Tell, size_of};
use crate::sync::{Arc, Ordering};
use bytes::Bytes;
use core::task::Waker;
use midge_proto::{LatestSubject, Message, MessageFrame};

/// The reading end of a mailbox; there is one.
#[derive(Debug)]
pub(crate) struct Reader {
    mailbox: Arc<Mailbox>,
    /// Made when there is something to read.
    reading: Option<Box<Reading>>,
}

/// How far a mailbox is read.
#[derive(Debug)]
struct Reading {
    run: Run,
    taken: u64,
    taken_bytes: u64,
    /// That of the message before.
    subject: LatestSubject,
}

/// A message that was taken, and what it is made of.
#[derive(Debug)]
pub(crate) struct Advanced<'a> {
    pub(crate) chunk: &'a Bytes,
    pub(crate) frame: &'a MessageFrame,
    /// That of the message before.
    pub(crate) subject: &'a mut LatestSubject,
    /// Whether it was the last of its run and the driver waits for room.
    pub(crate) tell: bool,
    mailbox: &'a Mailbox,
}

impl Advanced<'_> {
    /// Whether there is room that the driver waits for; says so once.
    pub(crate) fn made_room(&self) -> Room {
        let (room, watchers) = self.mailbox.make_room(&mut self.mailbox.inbox.lock());
        watchers.into_iter().for_each(Waker::wake);
        room
    }

    /// Any message; [`Message::from_plain_frame`] is the short way to most.
    pub(crate) fn message(self) -> Message {
        let message = Message::from_frame(self.chunk, self.frame);
        self.subject.set(&message.subject);
        message
    }
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
        Self { mailbox, reading: None }
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Whether the run at hand has another message.
    #[inline(always)]
    pub(crate) fn has_message(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.run.at < reading.run.frames.len())
    }

    /// Counts the next message of the run at hand, if there is one, as taken.
    #[inline(always)]
    pub(crate) fn advance(&mut self) -> Option<Advanced<'_>> {
        let Reading { run, taken, taken_bytes, subject } = &mut **self.reading.as_mut()?;
        let frame = run.frames.get(run.at)?;
        run.at += 1;
        *taken += 1;
        *taken_bytes += size_of(frame);
        self.mailbox.taken.store(*taken, Ordering::Relaxed);
        self.mailbox.taken_bytes.store(*taken_bytes, Ordering::Relaxed);
        let tell = run.at == run.frames.len() && self.mailbox.pausing.load(Ordering::Relaxed);
        Some(Advanced { chunk: &run.chunk, frame, subject, tell, mailbox: &self.mailbox })
    }

    /// Gets the next run, or leaves `waker` to be woken when there is one.
    pub(crate) fn refill(&mut self, waker: Option<&Waker>) -> (Refill, Room) {
        let done = self.reading.as_mut().map(|reading| core::mem::take(&mut reading.run));
        // Before the lock, so that they are dropped after it is released.
        let mut passed = Passed::default();
        let mut watchers = Vec::new();
        let mut inbox = self.mailbox.inbox.lock();
        if let Some(done) = done
            && done.frames.capacity() <= SPARE_FRAMES_MAX
        {
            inbox.spare = done.frames;
        }
        let (_, pending_bytes) = self.mailbox.waiting(&inbox);
        inbox.charge(pending_bytes);
        let mut room = Room::Unasked;
        if inbox.episode == Episode::Pausing {
            // The last messages may have been read before the driver asked for room.
            (room, watchers) = self.mailbox.make_room(&mut inbox);
        }
        let front = inbox.front;
        if let Some(seldom) = &mut inbox.seldom
            && !seldom.marks.is_empty()
        {
            passed = seldom.marks.pass(front);
        }
        let refill = if let Some(gap) = passed.gap {
            Refill::Gap(gap)
        } else if let Some(run) = inbox.pop_run() {
            match &mut self.reading {
                Some(reading) => reading.run = run,
                vacant => *vacant = Some(Box::new(Reading::begin(run))),
            }
            Refill::Run
        } else {
            if inbox.tell_when_read == Tell::Yes {
                inbox.tell_when_read = Tell::No;
                room = Room::Made;
            }
            match (&inbox.end, waker) {
                (Some(end), _) => {
                    let end = (**end).clone();
                    inbox.end_met = EndMet::Yes;
                    Refill::End(end)
                }
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

impl Reading {
    /// With the first run.
    fn begin(run: Run) -> Self {
        Self { run, taken: 0, taken_bytes: 0, subject: LatestSubject::default() }
    }
}

/// Longest emptied run that is kept to be filled again, in messages: as many small ones as one read
/// brings, in 56 KiB.
const SPARE_FRAMES_MAX: usize = 2048;
