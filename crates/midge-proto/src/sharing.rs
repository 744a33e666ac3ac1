//! Subscriptions of one client that share one `SUB`.
//!
//! Members that subscribe to the same subject in the same queue group share the *wire*, the one
//! subscription that the server knows of. Without a group each member gets every message; in a
//! group each message goes to one of them. What a member asks for concerns the others never:
//!
//! | of a member | what the server hears |
//! | --- | --- |
//! | the first one joins | `SUB` |
//! | another one joins | nothing |
//! | it leaves, or reaches its limit, and others are left | nothing |
//! | it drains, and others are left | nothing; the PONG of a fence ends it |
//! | the last one that does not drain leaves or drains | `UNSUB` |
//!
//! Limits are counted here alone, a member at a time, and so they survive a reconnect, after which
//! the wire is replayed as any other subscription.

use crate::interest::Interest;
use crate::sid::{Sid, SidMap};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Who shares which subscription; `T` is where a member's messages go.
#[derive(Debug)]
pub struct Sharing<T> {
    wires: SidMap<Wire<T>>,
    /// The wires that may be joined. Their subjects may come from outside: a tree has no collisions.
    open: BTreeMap<Arc<Interest>, Sid>,
    members: SidMap<Sid>,
}

#[derive(Debug)]
struct Wire<T> {
    interest: Arc<Interest>,
    members: Vec<Member<T>>,
    /// In a group: whose turn it is.
    turn: usize,
}

#[derive(Debug)]
struct Member<T> {
    sid: Sid,
    target: T,
    received: u64,
    max: Option<u64>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    /// Gets what is still in flight.
    Draining,
}

/// What the end of a member means for the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Wanted {
    /// Others are left.
    Still,
    /// Only draining members are left: `UNSUB` has to be sent, and what is in flight goes to them.
    InFlight(Sid),
    /// Nobody is left: `UNSUB` has to be sent, and the wire is over.
    NoMore(Sid),
    /// The last draining one is gone, too: the wire is over.
    Over(Sid),
}

/// The part of a run of messages that one member gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share<T> {
    /// Who.
    pub member: Sid,
    /// Where they go.
    pub target: T,
    /// Messages of the run before its own.
    pub skip: usize,
    /// Its own.
    pub take: usize,
    /// Whether the last of them is the last one it wants.
    pub last: bool,
}

impl<T> Default for Sharing<T> {
    fn default() -> Self {
        Self { wires: SidMap::default(), open: BTreeMap::new(), members: SidMap::default() }
    }
}

impl<T: Clone> Sharing<T> {
    /// The wire that a subscription can join.
    #[must_use]
    pub fn find(&self, interest: &Interest) -> Option<Sid> {
        self.open.get(interest).copied()
    }

    /// There is a wire now, whose `SUB` was sent or will be.
    pub fn open(&mut self, wire: Sid, interest: &Arc<Interest>) {
        let interest = Arc::clone(interest);
        self.open.insert(Arc::clone(&interest), wire);
        self.wires.insert(wire, Wire { interest, members: Vec::new(), turn: 0 });
    }

    /// Adds a member to a wire that is open.
    pub fn join(&mut self, wire: Sid, member: Sid, target: T) {
        if let Some(entry) = self.wires.get_mut(&wire) {
            let state = State::Active;
            entry.members.push(Member { sid: member, target, received: 0, max: None, state });
            self.members.insert(member, wire);
        }
    }

    /// Takes a member out at once; returns where its messages went.
    pub fn leave(&mut self, member: Sid) -> Option<(T, Wanted)> {
        let wire = self.members.remove(&member)?;
        let entry = self.wires.get_mut(&wire)?;
        let index = entry.members.iter().position(|other| other.sid == member)?;
        let gone = entry.members.remove(index);
        // Whoever is next stays next.
        if index < entry.turn {
            entry.turn -= 1;
        }
        Some((gone.target, self.wanted(wire)))
    }

    /// A member wants nothing more but what is in flight: it is to leave behind a fence.
    pub fn drain(&mut self, member: Sid) -> Wanted {
        let Some(&wire) = self.members.get(&member) else { return Wanted::Still };
        let Some(entry) = self.wires.get_mut(&wire) else { return Wanted::Still };
        for other in entry.members.iter_mut().filter(|other| other.sid == member) {
            other.state = State::Draining;
        }
        self.wanted(wire)
    }

    /// Limits a member to `max` messages in all; says whether it got as many already, and is to
    /// leave.
    #[must_use]
    pub fn set_max(&mut self, member: Sid, max: u64) -> bool {
        let entry = self.members.get(&member).and_then(|wire| self.wires.get_mut(wire));
        let Some(entry) = entry else { return false };
        let Some(found) = entry.members.iter_mut().find(|other| other.sid == member) else {
            return false;
        };
        found.max = Some(max);
        found.received >= max
    }

    /// Shares a run of `count` messages out and counts them; those for whom it was the last one are
    /// to leave afterwards.
    pub fn share(&mut self, wire: Sid, count: usize) -> Vec<Share<T>> {
        let Some(entry) = self.wires.get_mut(&wire) else { return Vec::new() };
        match entry.interest.queue {
            None => entry.members.iter_mut().filter_map(|member| member.take(0, count)).collect(),
            Some(_) => entry.share_group(count),
        }
    }

    /// The wire is no more; returns the members and where their messages went.
    pub fn close(&mut self, wire: Sid) -> Vec<(Sid, T)> {
        let Some(entry) = self.wires.remove(&wire) else { return Vec::new() };
        if self.open.get(&entry.interest) == Some(&wire) {
            self.open.remove(&entry.interest);
        }
        for member in &entry.members {
            self.members.remove(&member.sid);
        }
        entry.members.into_iter().map(|member| (member.sid, member.target)).collect()
    }

    /// Where the messages of a wire's members go.
    pub fn targets(&self, wire: Sid) -> impl Iterator<Item = &T> {
        let members = self.wires.get(&wire).into_iter().flat_map(|entry| &entry.members);
        members.map(|member| &member.target)
    }

    /// What a change among its members means for a wire.
    fn wanted(&mut self, wire: Sid) -> Wanted {
        let Some(entry) = self.wires.get(&wire) else { return Wanted::Still };
        let open = self.open.get(&entry.interest) == Some(&wire);
        let active = entry.members.iter().any(|member| member.state == State::Active);
        match (open, active, entry.members.is_empty()) {
            (_, true, _) | (false, false, false) => Wanted::Still,
            (true, false, false) => {
                self.open.remove(&entry.interest);
                Wanted::InFlight(wire)
            }
            (true, false, true) => {
                self.close(wire);
                Wanted::NoMore(wire)
            }
            (false, false, true) => {
                self.close(wire);
                Wanted::Over(wire)
            }
        }
    }
}

impl<T: Clone> Wire<T> {
    /// Consecutive parts, as equal as can be, beginning with whose turn it is.
    fn share_group(&mut self, count: usize) -> Vec<Share<T>> {
        let active = self.members.iter().any(|member| member.state == State::Active);
        let members = self.members.len();
        let turn = self.turn;
        let mut order: Vec<usize> = (0..members)
            .map(|offset| (turn + offset) % members)
            // The server shares out among those that stay: one that drains is a member no more.
            .filter(|&at| !active || self.members[at].state == State::Active)
            .collect();
        if let Some(&next) = order.get(count % order.len().max(1)) {
            self.turn = next;
        }
        let mut shares = Vec::new();
        let mut skip = 0;
        while skip < count && !order.is_empty() {
            let mut sharers = order.len();
            order.retain(|&at| {
                let part = (count - skip).div_ceil(sharers);
                sharers -= 1;
                let Some(share) = self.members[at].take(skip, part) else { return false };
                skip += share.take;
                let more = !share.last;
                if share.take > 0 {
                    shares.push(share);
                }
                more
            });
        }
        shares
    }
}

impl<T: Clone> Member<T> {
    /// Counts up to `count` messages; `None` if it wants no more.
    fn take(&mut self, skip: usize, count: usize) -> Option<Share<T>> {
        let wanted = self.max.map_or(u64::MAX, |max| max.saturating_sub(self.received));
        if wanted == 0 {
            return None;
        }
        let take = usize::try_from(wanted).unwrap_or(usize::MAX).min(count);
        self.received += take as u64;
        let last = self.max.is_some_and(|max| self.received >= max);
        Some(Share { member: self.sid, target: self.target.clone(), skip, take, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid(number: u64) -> Sid {
        Sid::new(number).unwrap()
    }

    fn interest(queue: Option<&str>) -> Arc<Interest> {
        Arc::new(Interest::new("a".into(), queue))
    }

    /// Wire 100 on `a` with members 1, 2, ..
    fn shared(queue: Option<&str>, members: u64) -> Sharing<u64> {
        let mut sharing = Sharing::default();
        let interest = interest(queue);
        assert_eq!(sharing.find(&interest), None);
        sharing.open(sid(100), &interest);
        for member in 1..=members {
            assert_eq!(sharing.find(&interest), Some(sid(100)));
            sharing.join(sid(100), sid(member), member);
        }
        sharing
    }

    fn shares(sharing: &mut Sharing<u64>, count: usize) -> Vec<(u64, usize, usize, bool)> {
        let shares = sharing.share(sid(100), count).into_iter();
        shares.map(|share| (share.target, share.skip, share.take, share.last)).collect()
    }

    #[test]
    fn without_a_group_each_member_gets_all_up_to_its_own_limit() {
        let mut sharing = shared(None, 3);
        assert!(!sharing.set_max(sid(2), 5));
        assert_eq!(shares(&mut sharing, 3), [(1, 0, 3, false), (2, 0, 3, false), (3, 0, 3, false)]);
        assert_eq!(shares(&mut sharing, 3), [(1, 0, 3, false), (2, 0, 2, true), (3, 0, 3, false)]);
        assert_eq!(sharing.leave(sid(2)), Some((2, Wanted::Still)));
        assert!(sharing.set_max(sid(3), 6), "it got as many already");
        assert!(!sharing.set_max(sid(2), 1), "it left");
    }

    #[test]
    fn in_a_group_members_take_turns_and_the_rest_of_a_limit_goes_to_the_others() {
        let mut sharing = shared(Some("q"), 3);
        for member in [1, 2, 3, 1] {
            assert_eq!(shares(&mut sharing, 1), [(member, 0, 1, false)]);
        }
        assert_eq!(shares(&mut sharing, 7), [(2, 0, 3, false), (3, 3, 2, false), (1, 5, 2, false)]);
        assert!(!sharing.set_max(sid(3), 4));
        assert_eq!(shares(&mut sharing, 9), [(3, 0, 1, true), (1, 1, 4, false), (2, 5, 4, false)]);
        assert_eq!(sharing.leave(sid(3)), Some((3, Wanted::Still)));
    }

    #[test]
    fn the_last_one_to_leave_ends_the_wire() {
        let mut sharing = shared(None, 2);
        assert_eq!(sharing.leave(sid(1)), Some((1, Wanted::Still)));
        assert_eq!(sharing.leave(sid(1)), None, "it left already");
        assert_eq!(sharing.leave(sid(2)), Some((2, Wanted::NoMore(sid(100)))));
        assert_eq!(sharing.find(&interest(None)), None);
        assert!(shares(&mut sharing, 1).is_empty());
    }

    #[test]
    fn a_wire_that_drains_is_not_joined_and_ends_with_its_last_member() {
        let mut sharing = shared(None, 2);
        assert_eq!(sharing.drain(sid(1)), Wanted::Still);
        assert_eq!(sharing.drain(sid(2)), Wanted::InFlight(sid(100)));
        assert_eq!(sharing.find(&interest(None)), None);
        sharing.open(sid(101), &interest(None));
        sharing.join(sid(101), sid(3), 3);
        assert_eq!(shares(&mut sharing, 1), [(1, 0, 1, false), (2, 0, 1, false)], "in flight");
        assert_eq!(sharing.leave(sid(1)), Some((1, Wanted::Still)));
        assert_eq!(sharing.leave(sid(2)), Some((2, Wanted::Over(sid(100)))));
        assert_eq!(sharing.find(&interest(None)), Some(sid(101)));
    }

    #[test]
    fn in_a_group_one_that_drains_gets_nothing_new_while_others_stay() {
        let mut sharing = shared(Some("q"), 2);
        assert_eq!(sharing.drain(sid(1)), Wanted::Still);
        assert_eq!(shares(&mut sharing, 4), [(2, 0, 4, false)]);
        assert_eq!(sharing.leave(sid(2)), Some((2, Wanted::InFlight(sid(100)))));
        assert_eq!(shares(&mut sharing, 2), [(1, 0, 2, false)]);
    }

    #[test]
    fn closing_a_wire_ends_all_of_its_members() {
        let mut sharing = shared(None, 2);
        assert_eq!(sharing.targets(sid(100)).copied().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(sharing.close(sid(100)), [(sid(1), 1), (sid(2), 2)]);
        assert_eq!(sharing.close(sid(100)), []);
        assert_eq!(sharing.leave(sid(1)), None);
        assert_eq!(sharing.find(&interest(None)), None);
    }
}
