//! From bytes to mailboxes: frames are decoded, sorted by subscription, and handed over in runs.

use super::Machine;
use crate::event::Event;
use crate::mailbox::{Delivered, End, Mailbox, News};
use crate::shared::{Aftermath, ReplyWaiter, Shared, Target};
use crate::statistics::add;
use crate::sync::Arc;
use bytes::Bytes;
use core::task::Waker;
use midge_proto::{Delivery, Frame, Instant, Message, MessageFrame, Share, Sid, Slot};

impl Machine {
    /// Hands on all complete frames, and returns how many they are.
    pub(super) fn decode(&mut self, now: Instant) -> usize {
        let mut count = 0;
        while self.connection.expects_frames() {
            match self.decoder.next(self.inbound.filled()) {
                Ok(Some(Frame::Message { sid, frame })) => {
                    count += 1;
                    let ready = self.connection.is_ready();
                    if !ready {
                        self.connection.handle_frame(
                            now,
                            &Frame::Message { sid, frame },
                            self.inbound.filled(),
                        );
                    }
                    match self.connection.subscriptions().deliver(sid) {
                        Delivery::Deliver(slot) => {
                            self.sorter.stage(slot, frame);
                            if ready {
                                count += self.stage_alike(slot);
                            }
                        }
                        Delivery::DeliverLast { slot, unsubscribe } => {
                            self.sorter.stage(slot, frame);
                            if let Some(sid) = unsubscribe {
                                self.shared.core.lock().outbox.unsubscribe(sid, None);
                            }
                            // The slot may be given to another subscription from here on.
                            self.deliver();
                            self.end_slot(slot, End::LimitReached);
                        }
                        Delivery::Unknown => {}
                    }
                }
                Ok(Some(frame)) => {
                    count += 1;
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
        count
    }

    /// Stages the messages behind one for `slot` that have the same control line, and so go there as
    /// well; returns how many they are.
    #[inline]
    fn stage_alike(&mut self, slot: Slot) -> usize {
        if self.connection.subscriptions().has_limit(slot) {
            return 0;
        }
        let mut count = 0;
        while let Some(frame) = self.decoder.next_alike(self.inbound.filled()) {
            self.sorter.stage(slot, frame);
            count += 1;
        }
        self.connection.subscriptions().deliver_more(slot, count as u64);
        count
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
        let mut tally = Tally::default();
        let mut finished = Vec::new();
        for nth in 0..self.sorter.slots() {
            let Some((slot, staged)) = self.sorter.run(nth) else { continue };
            let Some(Some(target)) = self.targets.get(slot.index()) else { continue };
            match target {
                Target::Mailbox(mailbox) => {
                    let outcome = mailbox.deliver_all(&chunk, staged);
                    tally.add(outcome, mailbox, || {
                        self.connection.subscriptions().at(slot).map(|found| found.sid)
                    });
                }
                Target::Shared(wire) => {
                    let shares = self.shared.core.lock().sharing.share(*wire, staged.size().0);
                    for Share { member, target, skip, take, last } in shares {
                        let frames = staged.iter().skip(skip).take(take);
                        let outcome = target.deliver(&chunk, frames);
                        tally.add(outcome, &target, || Some(member));
                        finished.extend(last.then_some(member));
                    }
                }
                Target::Requests => {
                    self.woken +=
                        reply_all(&self.shared, &mut self.answered, &chunk, staged.iter());
                }
            }
        }
        self.sorter.clear();
        self.woken += tally.wakers.len();
        tally.wakers.into_iter().for_each(Waker::wake);
        if tally.dropped > 0 {
            add(&self.shared.statistics.dropped_messages, tally.dropped);
        }
        for (sid, mailbox, kind) in tally.news {
            self.handle_news(sid, mailbox, kind);
        }
        for member in finished {
            self.remove(member, End::LimitReached);
        }
    }

    /// Whether more than one waiter was woken since the last call.
    pub(super) fn woke_several(&mut self) -> bool {
        core::mem::take(&mut self.woken) > 1
    }

    fn handle_news(&mut self, sid: Sid, mailbox: Arc<Mailbox>, news: News) {
        match news {
            News::Slow => self.shared.event(Event::SlowConsumer(sid.get())),
            News::Pause => self.pause_reading(mailbox),
            News::Suspend => {
                self.shared.event(Event::SlowConsumer(sid.get()));
                self.suspend(sid, mailbox);
            }
            News::Failed => {
                self.shared.event(Event::SlowConsumer(sid.get()));
                if self.connection.subscriptions().get(sid).is_some() {
                    self.shared.core.lock().outbox.unsubscribe(sid, None);
                }
                self.remove(sid, End::Overflow);
            }
        }
    }
}

/// What the deliveries of one read came to.
#[derive(Default)]
struct Tally {
    wakers: Vec<Waker>,
    news: Vec<(Sid, Arc<Mailbox>, News)>,
    dropped: u64,
}

impl Tally {
    #[inline]
    fn add(
        &mut self,
        outcome: Delivered,
        mailbox: &Arc<Mailbox>,
        sid: impl FnOnce() -> Option<Sid>,
    ) {
        self.wakers.extend(outcome.waker);
        self.wakers.extend(outcome.watchers);
        self.dropped += outcome.dropped;
        // A subscription that got its last message has no news to tell.
        if let Some(news) = outcome.news
            && let Some(sid) = sid()
        {
            self.news.push((sid, Arc::clone(mailbox), news));
        }
    }
}

/// Hands replies to those who wait for them; returns how many there were.
fn reply_all(
    shared: &Shared,
    answered: &mut Vec<(ReplyWaiter, MessageFrame)>,
    chunk: &Bytes,
    frames: impl Iterator<Item = MessageFrame>,
) -> usize {
    {
        let mut core = shared.core.lock();
        for frame in frames {
            let start = frame.subject_start as usize;
            let subject = chunk.get(start..start + frame.subject_len as usize).unwrap_or_default();
            if let Some(waiter) = core.requests.handle_reply(subject) {
                answered.push((waiter, frame));
            }
        }
    }
    let count = answered.len();
    let mut aftermath = Aftermath::default();
    for (waiter, frame) in answered.drain(..) {
        aftermath.answer(waiter, Ok(Message::from_frame(chunk, &frame)));
    }
    aftermath.settle();
    count
}
