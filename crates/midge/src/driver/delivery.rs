//! From bytes to mailboxes: frames are decoded, sorted by subscription, and handed over in runs.

use super::Driver;
use crate::event::{Event, ReadingState};
use crate::mailbox::{End, News};
use crate::shared::{Reply, Shared, Target};
use crate::statistics::add;
use crate::sync::Arc;
use bytes::Bytes;
use core::task::Waker;
use futures_channel::oneshot;
use midge_proto::{Delivery, Frame, Instant, Message, MessageFrame, Slot};

impl Driver {
    pub(super) fn decode(&mut self, now: Instant) {
        while self.connection.expects_frames() {
            match self.decoder.next(self.inbound.filled()) {
                Ok(Some(Frame::Message { sid, frame })) => {
                    if !self.connection.is_ready() {
                        self.connection.handle_frame(
                            now,
                            &Frame::Message { sid, frame },
                            self.inbound.filled(),
                        );
                    }
                    match self.connection.subscriptions().deliver(sid) {
                        Delivery::Deliver(slot) => self.sorter.stage(slot, frame),
                        Delivery::DeliverLast(slot) => {
                            self.sorter.stage(slot, frame);
                            // The slot may be given to another subscription from here on.
                            self.deliver();
                            self.end_slot(slot, End::Finished);
                        }
                        Delivery::Unknown => {}
                    }
                }
                Ok(Some(frame)) => {
                    if !self.sorter.is_empty() {
                        // What a PONG or an error tells is true of everything before it.
                        self.deliver();
                    }
                    self.connection.handle_frame(now, &frame, self.inbound.filled());
                    if let Frame::Pong = frame {
                        let round_trips = self.connection.round_trips().clone();
                        self.shared.core.lock().view.round_trips = round_trips;
                    }
                    self.take_actions(now);
                    // A complaint is heard by those whose PONG follows in the same read.
                    self.take_events(now);
                }
                Ok(None) => break,
                Err(error) => {
                    self.deliver();
                    self.connection.handle_decode_error(now, error);
                    break;
                }
            }
        }
        self.deliver();
    }

    /// Hands the staged messages to their mailboxes and cuts the finished frames off the buffer.
    fn deliver(&mut self) {
        let consumed = self.decoder.consumed();
        if consumed == 0 {
            return;
        }
        self.decoder.consume();
        let chunk = self.inbound.cut(consumed, self.decoder.wanted().unwrap_or(0));
        if self.sorter.is_empty() {
            return;
        }
        add(&self.shared.statistics.in_messages, self.sorter.len() as u64);
        let mut wakers: Vec<Waker> = Vec::new();
        let mut news = Vec::new();
        let mut dropped = 0;
        for slot in self.sorter.touched() {
            let Some(Some(target)) = self.targets.get(slot.index()) else { continue };
            match target {
                Target::Mailbox(mailbox) => {
                    let outcome = mailbox.deliver(&chunk, self.sorter.frames(slot));
                    wakers.extend(outcome.waker);
                    dropped += outcome.dropped;
                    if let Some(kind) = outcome.news {
                        news.push((slot, kind));
                    }
                }
                Target::Requests => {
                    self.woken += reply_all(&self.shared, &chunk, self.sorter.frames(slot));
                }
            }
        }
        self.sorter.clear();
        self.woken += wakers.len();
        wakers.into_iter().for_each(Waker::wake);
        if dropped > 0 {
            add(&self.shared.statistics.dropped_messages, dropped);
        }
        for (slot, kind) in news {
            self.handle_news(slot, kind);
        }
    }

    /// Whether more than one waiter was woken since the last call.
    pub(super) fn woke_several(&mut self) -> bool {
        core::mem::take(&mut self.woken) > 1
    }

    fn handle_news(&mut self, slot: Slot, news: News) {
        let sid = self
            .connection
            .subscriptions()
            .iter()
            .find(|(other, _)| *other == slot)
            .map(|(_, subscription)| subscription.sid);
        match news {
            News::Slow => {
                if let Some(sid) = sid {
                    self.shared.event(Event::SlowConsumer(sid.get()));
                }
            }
            News::Pause => {
                if let Some(Some(Target::Mailbox(mailbox))) = self.targets.get(slot.index()) {
                    self.paused = Some(Arc::clone(mailbox));
                    self.shared.event(Event::Reading(ReadingState::Paused));
                }
            }
            News::Failed => {
                if let Some(sid) = sid {
                    self.shared.event(Event::SlowConsumer(sid.get()));
                    self.shared.core.lock().outbox.unsubscribe(sid, None);
                    self.remove(sid, End::Overflow);
                }
            }
        }
    }
}

/// Hands replies to those who wait for them; returns how many there were.
fn reply_all(shared: &Shared, chunk: &Bytes, frames: impl Iterator<Item = MessageFrame>) -> usize {
    let mut answered: Vec<(oneshot::Sender<Reply>, Message)> = Vec::new();
    {
        let mut core = shared.core.lock();
        for frame in frames {
            let start = frame.subject_start as usize;
            let subject = chunk.get(start..start + frame.subject_len as usize).unwrap_or_default();
            if let Some(waiter) = core.requests.handle_reply(subject) {
                answered.push((waiter.sender, Message::from_frame(chunk, &frame)));
            }
        }
    }
    let count = answered.len();
    for (sender, message) in answered {
        // One who no longer waits does not miss it.
        let _ = sender.send(Ok(message));
    }
    count
}
