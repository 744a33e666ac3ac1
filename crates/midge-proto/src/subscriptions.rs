//! Which subscriptions there are, and what a new connection has to be told of them.

use crate::encode;
use crate::interest::Interest;
use crate::sid::{Sid, SidMap};
#[cfg(feature = "recording")]
use crate::subject::Subject;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Where a subscription's messages go: an index that stays the same for the subscription's life and
/// is used again afterwards, so that a driver can keep its mailboxes in a `Vec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

impl Slot {
    /// The index as a number.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Hand it on, and expect more.
    Deliver(Slot),
    /// Hand it on; it was the last one, and the subscription is gone now.
    DeliverLast {
        /// Where it goes.
        slot: Slot,
        /// It was subscribed anew once, and the server may count otherwise: send it an `UNSUB`.
        unsubscribe: Option<Sid>,
    },
    /// No such subscription: an `UNSUB` was on its way. To be dropped silently.
    Unknown,
}

/// One live subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its id.
    pub sid: Sid,
    /// What it asks for.
    pub interest: Arc<Interest>,
    /// Ends after this many deliveries in all.
    pub max: Option<u64>,
    /// Deliveries so far, on all connections, those that found a full queue included.
    pub received: u64,
    state: State,
    counted: Counted,
}

impl Subscription {
    /// Deliveries that are left of a limit; at least 1, since a subscription ends with its last one.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        self.max.map(|max| max.saturating_sub(self.received).max(1))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The connected server does not know it.
    Unsent,
    /// Its `SUB` is on the wire, or ahead of everything else that will be.
    Sent,
    /// Its `UNSUB` is on the wire; what is still in flight gets through.
    Draining,
    /// As well, but it is to go on later: no server is told of it until then.
    Paused,
}

/// Who knows how many messages of a limit are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    /// The server, too.
    ByBoth,
    /// The server counts from its last `SUB` on. Limits set later count from the first one, and
    /// messages may have been in flight when a paused subscription went on.
    Here,
}

/// The subscriptions of one client.
#[derive(Debug, Default)]
pub struct Subscriptions {
    by_sid: SidMap<u32>,
    slots: Vec<Option<Subscription>>,
    free: Vec<u32>,
    /// The last one found: messages come in runs.
    latest: Option<(Sid, u32)>,
    /// Set where changes are written down.
    changes: Option<Vec<Change>>,
}

/// A change, as a recording tells of it.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "recording", serde(rename_all = "snake_case"))]
#[cfg_attr(not(feature = "recording"), allow(dead_code))]
pub(crate) enum Change {
    Insert { sid: Sid, subject: String, queue: Option<String>, on_wire: crate::outbox::OnWire },
    Deliver { sid: Sid, count: u64 },
    Remove(Sid),
    SetMax { sid: Sid, max: u64 },
    SetDraining(Sid),
    Pause(Sid),
    Resume { sid: Sid, on_wire: crate::outbox::OnWire },
    Disconnected,
}

impl Subscriptions {
    /// Adds a subscription; `on_wire` says whether its `SUB` is already in the outbox.
    pub fn insert(
        &mut self,
        sid: Sid,
        interest: Arc<Interest>,
        on_wire: crate::outbox::OnWire,
    ) -> Slot {
        self.note(|| Change::Insert {
            sid,
            subject: interest.subject.as_str().into(),
            queue: interest.queue.as_deref().map(String::from),
            on_wire,
        });
        let state = on_wire.into();
        let subscription =
            Subscription { sid, interest, max: None, received: 0, state, counted: Counted::ByBoth };
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = Some(subscription);
                index
            }
            None => {
                self.slots.push(Some(subscription));
                (self.slots.len() - 1) as u32
            }
        };
        self.by_sid.insert(sid, index);
        Slot(index)
    }

    /// Counts a message for `sid` and says where it goes.
    #[inline]
    pub fn deliver(&mut self, sid: Sid) -> Delivery {
        let index = match self.latest {
            Some((latest, index)) if latest == sid => index,
            _ => match self.by_sid.get(&sid) {
                Some(&index) => {
                    self.latest = Some((sid, index));
                    index
                }
                None => return Delivery::Unknown,
            },
        };
        let Some(subscription) = self.slots.get_mut(index as usize).and_then(Option::as_mut) else {
            return Delivery::Unknown;
        };
        subscription.received += 1;
        let counted = subscription.counted;
        let max = subscription.max.filter(|&max| subscription.received >= max);
        if let Some(changes) = &mut self.changes {
            note_delivery(changes, sid, 1);
        }
        match max {
            Some(_) => {
                let unsubscribe = match counted {
                    Counted::ByBoth => None,
                    Counted::Here => Some(sid),
                };
                self.take(sid);
                Delivery::DeliverLast { slot: Slot(index), unsubscribe }
            }
            None => Delivery::Deliver(Slot(index)),
        }
    }

    /// Counts further messages of a subscription that has no limit, which
    /// [`has_limit`](Self::has_limit) tells.
    pub fn deliver_more(&mut self, slot: Slot, count: u64) {
        let Some(subscription) = self.slots.get_mut(slot.index()).and_then(Option::as_mut) else {
            return;
        };
        subscription.received += count;
        if let Some(changes) = &mut self.changes
            && count > 0
        {
            note_delivery(changes, subscription.sid, count);
        }
    }

    /// Whether a message may be the last one of a subscription.
    #[must_use]
    pub fn has_limit(&self, slot: Slot) -> bool {
        self.at(slot).is_some_and(|subscription| subscription.max.is_some())
    }

    /// Writes changes down from here on.
    #[cfg(feature = "recording")]
    pub(crate) fn record(&mut self) {
        self.changes = Some(Vec::new());
    }

    /// What was written down since the last call.
    #[cfg(feature = "recording")]
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        self.changes.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// Does what was written down.
    #[cfg(feature = "recording")]
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Insert { sid, subject, queue, on_wire } => {
                let interest = Interest::new(Subject::from(subject), queue.as_deref());
                self.insert(sid, Arc::new(interest), on_wire);
            }
            Change::Deliver { sid, count } => {
                for _ in 0..count {
                    self.deliver(sid);
                }
            }
            Change::Remove(sid) => drop(self.remove(sid)),
            Change::SetMax { sid, max } => drop(self.set_max(sid, max)),
            Change::SetDraining(sid) => self.set_draining(sid),
            Change::Pause(sid) => {
                self.pause(sid);
            }
            Change::Resume { sid, on_wire } => self.resume(sid, on_wire),
            Change::Disconnected => drop(self.handle_disconnected()),
        }
    }

    #[inline]
    fn note(&mut self, change: impl FnOnce() -> Change) {
        if let Some(changes) = &mut self.changes {
            changes.push(change());
        }
    }

    /// Ends a subscription at once.
    pub fn remove(&mut self, sid: Sid) -> Option<(Slot, Subscription)> {
        self.note(|| Change::Remove(sid));
        self.take(sid)
    }

    fn take(&mut self, sid: Sid) -> Option<(Slot, Subscription)> {
        let index = self.by_sid.remove(&sid)?;
        self.latest = None;
        let subscription = self.slots.get_mut(index as usize)?.take()?;
        self.free.push(index);
        Some((Slot(index), subscription))
    }

    /// Limits a subscription to `max` deliveries in all; returns its slot if that ends it at once.
    pub fn set_max(&mut self, sid: Sid, max: u64) -> Option<Slot> {
        self.note(|| Change::SetMax { sid, max });
        let index = *self.by_sid.get(&sid)?;
        let subscription = self.slots.get_mut(index as usize)?.as_mut()?;
        subscription.max = Some(max);
        if subscription.received >= max {
            return self.take(sid).map(|(slot, _)| slot);
        }
        None
    }

    /// Marks a subscription whose `UNSUB` is on the wire; it stays for what is in flight.
    pub fn set_draining(&mut self, sid: Sid) {
        self.note(|| Change::SetDraining(sid));
        if let Some(subscription) = self.get_mut(sid) {
            subscription.state = State::Draining;
        }
    }

    /// Stops a subscription until [`resume`](Self::resume); says whether an `UNSUB` has to be sent.
    /// What is in flight gets through.
    pub fn pause(&mut self, sid: Sid) -> bool {
        self.note(|| Change::Pause(sid));
        let Some(subscription) = self.get_mut(sid) else { return false };
        match subscription.state {
            State::Sent | State::Unsent => {
                subscription.state = State::Paused;
                true
            }
            State::Draining | State::Paused => false,
        }
    }

    /// The subscription, if it is paused: what its `SUB` has to say, and the `UNSUB` behind it if
    /// some of a limit [remain](Subscription::remaining).
    #[must_use]
    pub fn paused(&self, sid: Sid) -> Option<&Subscription> {
        self.get(sid).filter(|subscription| subscription.state == State::Paused)
    }

    /// A paused subscription goes on; `on_wire` says whether its `SUB` is already in the outbox.
    pub fn resume(&mut self, sid: Sid, on_wire: crate::outbox::OnWire) {
        self.note(|| Change::Resume { sid, on_wire });
        if let Some(subscription) = self.get_mut(sid)
            && subscription.state == State::Paused
        {
            subscription.counted = Counted::Here;
            subscription.state = on_wire.into();
        }
    }

    /// The connection is lost: no server knows any of them, and those that were draining are over.
    ///
    /// Returns the slots of the latter.
    pub fn handle_disconnected(&mut self) -> Vec<Slot> {
        self.note(|| Change::Disconnected);
        self.disconnect()
    }

    /// As above, by the connection itself.
    pub(crate) fn disconnect(&mut self) -> Vec<Slot> {
        let mut ended = Vec::new();
        for subscription in self.slots.iter_mut().flatten() {
            match subscription.state {
                State::Draining => ended.push(subscription.sid),
                State::Sent | State::Unsent => subscription.state = State::Unsent,
                State::Paused => {}
            }
        }
        ended.into_iter().filter_map(|sid| self.take(sid)).map(|(slot, _)| slot).collect()
    }

    /// Appends `SUB`, and `UNSUB` with what remains of a limit, for all that the server does not
    /// know yet.
    pub fn replay(&mut self, out: &mut Vec<u8>) {
        for subscription in self.slots.iter_mut().flatten() {
            if subscription.state != State::Unsent {
                continue;
            }
            subscription.state = State::Sent;
            if subscription.received > 0 {
                subscription.counted = Counted::Here;
            }
            let Interest { subject, .. } = &*subscription.interest;
            let queue = subscription.interest.queue_bytes();
            encode::subscribe(out, subject.as_bytes(), queue, subscription.sid);
            if let Some(remaining) = subscription.remaining() {
                // The server counts from its own SUB on.
                encode::unsubscribe(out, subscription.sid, Some(remaining));
            }
        }
    }

    /// The subscription behind an id.
    #[must_use]
    pub fn get(&self, sid: Sid) -> Option<&Subscription> {
        self.slots.get(*self.by_sid.get(&sid)? as usize)?.as_ref()
    }

    fn get_mut(&mut self, sid: Sid) -> Option<&mut Subscription> {
        self.slots.get_mut(*self.by_sid.get(&sid)? as usize)?.as_mut()
    }

    /// The subscription whose messages go to `slot`.
    #[must_use]
    pub fn at(&self, slot: Slot) -> Option<&Subscription> {
        self.slots.get(slot.index())?.as_ref()
    }

    /// Where the messages of `sid` go.
    #[must_use]
    pub fn slot(&self, sid: Sid) -> Option<Slot> {
        self.by_sid.get(&sid).copied().map(Slot)
    }

    /// All live subscriptions with their slots, in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Subscription)> {
        let numbered = self.slots.iter().enumerate();
        numbered.filter_map(|(index, entry)| Some((Slot(index as u32), entry.as_ref()?)))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_sid.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_sid.is_empty()
    }
}

impl From<crate::outbox::OnWire> for State {
    fn from(on_wire: crate::outbox::OnWire) -> Self {
        match on_wire {
            crate::outbox::OnWire::Yes => Self::Sent,
            crate::outbox::OnWire::No => Self::Unsent,
        }
    }
}

/// More messages for `sid`; a run of them is one change.
#[cold]
fn note_delivery(changes: &mut Vec<Change>, sid: Sid, more: u64) {
    match changes.last_mut() {
        Some(Change::Deliver { sid: last, count }) if *last == sid => *count += more,
        _ => changes.push(Change::Deliver { sid, count: more }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::OnWire;

    fn sid(number: u64) -> Sid {
        Sid::new(number).unwrap()
    }

    fn interest(subject: &str, queue: Option<&str>) -> Arc<Interest> {
        Arc::new(Interest::new(Subject::from(subject), queue))
    }

    fn replayed(subscriptions: &mut Subscriptions) -> String {
        let mut out = Vec::new();
        subscriptions.replay(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_reconnect_asks_for_what_remains_of_a_limit() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.insert(sid(1), interest("a.*", Some("q")), OnWire::Yes);
        assert_eq!(subscriptions.set_max(sid(1), 5), None);
        for _ in 0..3 {
            assert!(matches!(subscriptions.deliver(sid(1)), Delivery::Deliver(_)));
        }
        assert_eq!(replayed(&mut subscriptions), "", "the server knows it");
        subscriptions.handle_disconnected();
        assert_eq!(replayed(&mut subscriptions), "SUB a.* q 1\r\nUNSUB 1 2\r\n");
        assert!(matches!(subscriptions.deliver(sid(1)), Delivery::Deliver(_)));
        assert!(matches!(subscriptions.deliver(sid(1)), Delivery::DeliverLast { .. }));
        assert_eq!(subscriptions.deliver(sid(1)), Delivery::Unknown);
        assert!(subscriptions.is_empty());
    }

    #[test]
    fn a_limit_that_was_reached_already_ends_the_subscription_at_once() {
        let mut subscriptions = Subscriptions::default();
        let slot = subscriptions.insert(sid(1), interest("a", None), OnWire::Yes);
        subscriptions.deliver(sid(1));
        subscriptions.deliver(sid(1));
        assert_eq!(subscriptions.set_max(sid(1), 2), Some(slot));
        subscriptions.handle_disconnected();
        assert_eq!(replayed(&mut subscriptions), "");
    }

    #[test]
    fn a_draining_subscription_is_not_restored() {
        let mut subscriptions = Subscriptions::default();
        let slot = subscriptions.insert(sid(1), interest("a", None), OnWire::Yes);
        subscriptions.insert(sid(2), interest("b", None), OnWire::Yes);
        subscriptions.set_draining(sid(1));
        assert!(matches!(subscriptions.deliver(sid(1)), Delivery::Deliver(_)), "in flight");
        assert_eq!(subscriptions.handle_disconnected(), [slot]);
        assert_eq!(replayed(&mut subscriptions), "SUB b 2\r\n");
    }

    #[test]
    fn a_slot_is_used_again_but_an_old_id_finds_nothing() {
        let mut subscriptions = Subscriptions::default();
        let slot = subscriptions.insert(sid(1), interest("a", None), OnWire::Yes);
        subscriptions.deliver(sid(1));
        subscriptions.remove(sid(1));
        assert_eq!(subscriptions.insert(sid(2), interest("b", None), OnWire::Yes), slot);
        assert_eq!(subscriptions.deliver(sid(1)), Delivery::Unknown);
        assert_eq!(subscriptions.deliver(sid(2)), Delivery::Deliver(slot));
    }

    #[test]
    fn a_paused_subscription_is_told_to_no_server_until_it_goes_on() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.insert(sid(1), interest("a", None), OnWire::Yes);
        subscriptions.insert(sid(2), interest("b", None), OnWire::Yes);
        assert!(subscriptions.pause(sid(1)));
        assert!(!subscriptions.pause(sid(1)), "once is enough");
        assert!(matches!(subscriptions.deliver(sid(1)), Delivery::Deliver(_)), "in flight");
        subscriptions.handle_disconnected();
        assert_eq!(replayed(&mut subscriptions), "SUB b 2\r\n");
        assert!(subscriptions.paused(sid(2)).is_none());
        assert!(subscriptions.paused(sid(1)).is_some());
        subscriptions.resume(sid(1), OnWire::No);
        assert!(subscriptions.paused(sid(1)).is_none());
        assert_eq!(replayed(&mut subscriptions), "SUB a 1\r\n");
    }

    #[test]
    fn a_draining_subscription_is_not_paused() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.insert(sid(1), interest("a", None), OnWire::Yes);
        subscriptions.set_draining(sid(1));
        assert!(!subscriptions.pause(sid(1)));
        subscriptions.resume(sid(1), OnWire::Yes);
        assert_eq!(subscriptions.handle_disconnected().len(), 1, "it still drains");
    }

    #[test]
    fn the_last_message_of_what_was_subscribed_anew_asks_for_an_unsub() {
        for reconnected in [false, true] {
            let mut subscriptions = Subscriptions::default();
            let slot = subscriptions.insert(sid(1), interest("a", None), OnWire::Yes);
            subscriptions.deliver(sid(1));
            if reconnected {
                subscriptions.handle_disconnected();
                assert_eq!(replayed(&mut subscriptions), "SUB a 1\r\n");
            } else {
                assert!(subscriptions.pause(sid(1)));
                subscriptions.resume(sid(1), OnWire::Yes);
            }
            subscriptions.set_max(sid(1), 3);
            assert_eq!(subscriptions.get(sid(1)).and_then(Subscription::remaining), Some(2));
            subscriptions.deliver(sid(1));
            let last = Delivery::DeliverLast { slot, unsubscribe: Some(sid(1)) };
            assert_eq!(subscriptions.deliver(sid(1)), last);
        }
        let mut subscriptions = Subscriptions::default();
        let slot = subscriptions.insert(sid(1), interest("a", None), OnWire::Yes);
        subscriptions.set_max(sid(1), 1);
        let last = Delivery::DeliverLast { slot, unsubscribe: None };
        assert_eq!(subscriptions.deliver(sid(1)), last, "the server counted the same");
    }
}
