//! Many requests over one subscription: reply subjects, waiters, deadlines.

mod deadlines;

use self::deadlines::Deadlines;
use crate::random::Random;
use crate::time::Instant;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// Base-62 digits of the slot in a reply subject: room for 916 million requests in flight.
const SLOT_DIGITS: usize = 5;
/// Base-62 digits of the secret in a reply subject: 59 bits that a forger would have to guess.
const SECRET_DIGITS: usize = 10;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The secret of a request, in the digits that its reply subject has.
type Secret = [u8; SECRET_DIGITS];

/// Names one request in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId {
    slot: u32,
    secret: Secret,
}

/// What a request does when its connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnDisconnect {
    /// Goes on waiting until its timeout: the reply may still come over the next connection.
    #[default]
    Wait,
    /// Fails at once.
    Fail,
    /// Is sent again on the next connection, and goes on waiting for what is left of its timeout.
    ///
    /// Only for requests that may be answered twice: the first message may have arrived.
    Resend,
}

#[derive(Debug)]
struct Pending<W> {
    waiter: W,
    secret: Secret,
    deadline: Deadline,
    on_disconnect: OnDisconnect,
}

#[derive(Clone, Copy, Debug)]
enum Deadline {
    /// Asked for, but no clock was read since.
    After(Duration),
    /// Kept with the others.
    Running,
    Never,
}

/// The requests in flight, with whatever `W` stands for the one who waits.
///
/// The reply subject is `<prefix>.<token>`; one subscription on [`filter`](Self::filter) receives
/// all replies. A token holds the slot of its request and a secret, so that a reply is found in
/// constant time and cannot be forged by who has seen other requests.
#[derive(Debug)]
pub struct Requests<W> {
    /// Prefix of every reply subject, with its last dot.
    prefix: String,
    slots: Vec<Option<Pending<W>>>,
    free: Vec<u32>,
    unstamped: Vec<u32>,
    deadlines: Deadlines,
    random: Random,
}

impl<W> Requests<W> {
    /// No requests; replies come below `inbox`, a subject without wildcards.
    #[must_use]
    pub fn new(inbox: &str, random: Random) -> Self {
        let mut prefix = String::with_capacity(inbox.len() + 1);
        prefix.push_str(inbox);
        prefix.push('.');
        Self {
            prefix,
            slots: Vec::new(),
            free: Vec::new(),
            unstamped: Vec::new(),
            deadlines: Deadlines::default(),
            random,
        }
    }

    /// The subject filter that all replies match.
    #[must_use]
    pub fn filter(&self) -> String {
        let mut filter = self.prefix.clone();
        filter.push('*');
        filter
    }

    /// Opens a request; `timeout` counts from the next [`stamp`](Self::stamp).
    pub fn begin(
        &mut self,
        waiter: W,
        timeout: Option<Duration>,
        on_disconnect: OnDisconnect,
    ) -> RequestId {
        let mut secret = [0; SECRET_DIGITS];
        digits(&mut secret, self.random.below(62u64.pow(SECRET_DIGITS as u32)));
        let deadline = timeout.map_or(Deadline::Never, Deadline::After);
        let pending = Pending { waiter, secret, deadline, on_disconnect };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(pending);
                slot
            }
            None => {
                self.slots.push(Some(pending));
                (self.slots.len() - 1) as u32
            }
        };
        if timeout.is_some() {
            self.unstamped.push(slot);
        }
        RequestId { slot, secret }
    }

    /// Writes the reply subject of a request over `out`.
    pub fn reply_subject(&self, id: RequestId, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.prefix.as_bytes());
        let mut slot = [0; SLOT_DIGITS];
        digits(&mut slot, u64::from(id.slot));
        out.extend_from_slice(&slot);
        out.extend_from_slice(&id.secret);
    }

    /// A message arrived on `subject`: returns the one who waits for it, who is forgotten here.
    ///
    /// Where accounts rewrite subjects on the way, the prefix may be lost; if exactly one request
    /// is in flight then, the message is taken for its reply.
    pub fn handle_reply(&mut self, subject: &[u8]) -> Option<W> {
        let slot = match subject.strip_prefix(self.prefix.as_bytes()) {
            Some(token) => self.find(token)?,
            None if self.len() == 1 => self.slots.iter().position(Option::is_some)? as u32,
            None => return None,
        };
        self.remove(slot)
    }

    /// Forgets a request; its reply will be ignored.
    pub fn cancel(&mut self, id: RequestId) -> Option<W> {
        let pending = self.slots.get(id.slot as usize)?.as_ref()?;
        if pending.secret != id.secret {
            return None;
        }
        self.remove(id.slot)
    }

    /// Starts the clocks of all requests opened since the last call.
    pub fn stamp(&mut self, now: Instant) {
        while let Some(slot) = self.unstamped.pop() {
            let Some(Some(pending)) = self.slots.get_mut(slot as usize) else { continue };
            if let Deadline::After(timeout) = pending.deadline {
                let at = now + timeout;
                pending.deadline = Deadline::Running;
                self.deadlines.insert(timeout, at, slot, pending.secret);
            }
        }
    }

    /// When the next request times out.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| at)
    }

    /// Returns one who waited until `now` in vain, who is forgotten here; call it until `None`.
    pub fn poll_expired(&mut self, now: Instant) -> Option<W> {
        let (at, slot) = self.deadlines.first()?;
        if at > now {
            return None;
        }
        self.remove(slot)
    }

    /// The connection is lost: returns those who did not want to wait any longer.
    pub fn handle_disconnected(&mut self) -> Vec<W> {
        let failing = |pending: &Option<Pending<W>>| {
            matches!(pending, Some(Pending { on_disconnect: OnDisconnect::Fail, .. }))
        };
        let slots: Vec<u32> = (0u32..)
            .zip(&self.slots)
            .filter(|(_, pending)| failing(pending))
            .map(|(slot, _)| slot)
            .collect();
        slots.into_iter().filter_map(|slot| self.remove(slot)).collect()
    }

    /// Forgets the requests whose waiters match and returns those; takes time for all in flight.
    pub fn remove_where(&mut self, mut matches: impl FnMut(&W) -> bool) -> Vec<W> {
        let slots: Vec<u32> = (0u32..)
            .zip(&self.slots)
            .filter(|(_, pending)| pending.as_ref().is_some_and(|pending| matches(&pending.waiter)))
            .map(|(slot, _)| slot)
            .collect();
        slots.into_iter().filter_map(|slot| self.remove(slot)).collect()
    }

    /// There is a connection again: which requests have to be sent once more, because they asked for
    /// it and none of the messages that still wait to be written is theirs.
    ///
    /// `queued` shows the reply subjects of those messages to the function it is given.
    pub fn handle_reconnected(&self, queued: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Vec<RequestId> {
        let wants = |pending: &Pending<W>| pending.on_disconnect == OnDisconnect::Resend;
        if !self.slots.iter().flatten().any(wants) {
            return Vec::new();
        }
        let mut waiting = BTreeSet::new();
        queued(&mut |reply| {
            let token = reply.strip_prefix(self.prefix.as_bytes());
            waiting.extend(token.and_then(|token| self.find(token)));
        });
        (0u32..)
            .zip(&self.slots)
            .filter_map(|(slot, pending)| {
                let pending = pending.as_ref().filter(|pending| wants(pending))?;
                let id = RequestId { slot, secret: pending.secret };
                (!waiting.contains(&slot)).then_some(id)
            })
            .collect()
    }

    /// The one who waits for the reply to a request in flight.
    #[must_use]
    pub fn waiter(&self, id: RequestId) -> Option<&W> {
        let pending = self.slots.get(id.slot as usize)?.as_ref()?;
        (pending.secret == id.secret).then_some(&pending.waiter)
    }

    /// The same, to be changed.
    pub fn waiter_mut(&mut self, id: RequestId) -> Option<&mut W> {
        let pending = self.slots.get_mut(id.slot as usize)?.as_mut()?;
        (pending.secret == id.secret).then_some(&mut pending.waiter)
    }

    /// Forgets all requests and returns those who waited.
    pub fn clear(&mut self) -> Vec<W> {
        self.deadlines.clear();
        self.unstamped.clear();
        self.free.clear();
        self.slots.drain(..).flatten().map(|pending| pending.waiter).collect()
    }

    /// Requests in flight.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether none is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slot of the request in flight that a reply subject ends with the token of.
    fn find(&self, token: &[u8]) -> Option<u32> {
        let (slot, secret) = token.split_at_checked(SLOT_DIGITS)?;
        let slot = u32::try_from(number(slot)?).ok()?;
        let pending = self.slots.get(slot as usize)?.as_ref()?;
        (*secret == pending.secret).then_some(slot)
    }

    fn remove(&mut self, slot: u32) -> Option<W> {
        let pending = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        match pending.deadline {
            Deadline::Running => {
                let slots = &self.slots;
                self.deadlines.forget_one(|slot, secret| {
                    let pending = slots.get(slot as usize).and_then(Option::as_ref);
                    pending.is_some_and(|pending| pending.secret == secret)
                });
            }
            // Its slot may be given away before the next stamp, which then finds another request
            // or none, and stamps each but once.
            Deadline::After(_) | Deadline::Never => {}
        }
        Some(pending.waiter)
    }
}

fn digits(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |number, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            b'a'..=b'z' => digit - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests() -> Requests<&'static str> {
        Requests::new("_INBOX.abc", Random::new([5; 32]))
    }

    fn subject(requests: &Requests<&'static str>, id: RequestId) -> Vec<u8> {
        let mut out = Vec::new();
        requests.reply_subject(id, &mut out);
        out
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_reply_wins_and_the_second_finds_nobody() {
        let mut requests = requests();
        let id = requests.begin("a", None, OnDisconnect::Wait);
        let reply = subject(&requests, id);
        assert!(reply.starts_with(b"_INBOX.abc."));
        assert_eq!(requests.filter(), "_INBOX.abc.*");
        assert_eq!(requests.handle_reply(&reply), Some("a"));
        assert_eq!(requests.handle_reply(&reply), None);
        assert!(requests.is_empty());
    }

    #[test]
    fn a_reply_with_a_guessed_secret_or_junk_finds_nobody() {
        let mut requests = requests();
        let first = requests.begin("a", None, OnDisconnect::Wait);
        requests.begin("b", None, OnDisconnect::Wait);
        let mut forged = subject(&requests, first);
        let last = forged.len() - 1;
        forged[last] = if forged[last] == b'0' { b'1' } else { b'0' };
        for junk in [
            &forged[..],
            b"_INBOX.abc.",
            b"_INBOX.abc.0",
            b"_INBOX.abc.zzzzzzzzzzzzzzzzzzzzzzz",
            b"",
            b"x",
        ] {
            assert_eq!(requests.handle_reply(junk), None, "{junk:?}");
        }
        assert_eq!(requests.len(), 2);
    }

    #[test]
    fn a_rewritten_reply_goes_to_the_only_request() {
        let mut requests = requests();
        requests.begin("a", None, OnDisconnect::Wait);
        assert_eq!(requests.handle_reply(b"imported.reply"), Some("a"));
        requests.begin("b", None, OnDisconnect::Wait);
        requests.begin("c", None, OnDisconnect::Wait);
        assert_eq!(requests.handle_reply(b"imported.reply"), None);
    }

    #[test]
    fn timeouts_count_from_the_stamp_and_end_in_order() {
        let mut requests = requests();
        requests.begin("late", Some(3 * SECOND), OnDisconnect::Wait);
        requests.begin("early", Some(SECOND), OnDisconnect::Wait);
        requests.begin("never", None, OnDisconnect::Wait);
        assert_eq!(requests.poll_timeout(), None, "no clock was read yet");
        let start = Instant::from_nanos(100);
        requests.stamp(start);
        assert_eq!(requests.poll_timeout(), Some(start + SECOND));
        assert_eq!(requests.poll_expired(start), None);
        assert_eq!(requests.poll_expired(start + SECOND), Some("early"));
        assert_eq!(requests.poll_expired(start + SECOND), None);
        assert_eq!(requests.poll_expired(start + 9 * SECOND), Some("late"));
        assert_eq!((requests.poll_timeout(), requests.len()), (None, 1));
    }

    #[test]
    fn a_cancelled_request_leaves_nothing_behind() {
        let mut requests = requests();
        for _ in 0..10_000 {
            let id = requests.begin("a", Some(SECOND), OnDisconnect::Wait);
            requests.stamp(Instant::ZERO);
            assert_eq!(requests.cancel(id), Some("a"));
            assert_eq!(requests.cancel(id), None);
        }
        assert_eq!((requests.slots.len(), requests.deadlines.first()), (1, None));
    }

    #[test]
    fn a_slot_that_is_given_away_before_the_stamp_gets_its_own_timeout() {
        let mut requests = requests();
        let first = requests.begin("first", Some(9 * SECOND), OnDisconnect::Wait);
        requests.cancel(first);
        requests.begin("second", Some(SECOND), OnDisconnect::Wait);
        requests.stamp(Instant::ZERO);
        assert_eq!(requests.poll_timeout(), Some(Instant::ZERO + SECOND));
        assert_eq!(requests.poll_expired(Instant::ZERO + SECOND), Some("second"));
        assert_eq!(requests.poll_timeout(), None);
    }

    #[test]
    fn those_who_asked_for_it_are_sent_again_unless_their_message_still_waits() {
        let mut requests = requests();
        requests.begin("wait", None, OnDisconnect::Wait);
        let sent = requests.begin("sent", Some(9 * SECOND), OnDisconnect::Resend);
        let queued = requests.begin("queued", None, OnDisconnect::Resend);
        let over = requests.begin("over", None, OnDisconnect::Resend);
        requests.stamp(Instant::ZERO);
        let (queued, over_reply) = (subject(&requests, queued), subject(&requests, over));
        requests.cancel(over);
        assert!(requests.handle_disconnected().is_empty());
        let again = requests.handle_reconnected(|visit| {
            for reply in [&queued[..], &over_reply, b"_INBOX.abc.", b"_INBOX.other", b""] {
                visit(reply);
            }
        });
        assert_eq!(again, [sent]);
        assert_eq!(requests.waiter(sent), Some(&"sent"));
        assert_eq!(requests.waiter(over), None);
        assert_eq!(requests.poll_timeout(), Some(Instant::ZERO + 9 * SECOND), "time goes on");
    }

    #[test]
    fn a_lost_connection_fails_those_who_asked_for_it() {
        let mut requests = requests();
        requests.begin("wait", None, OnDisconnect::Wait);
        requests.begin("fail", Some(SECOND), OnDisconnect::Fail);
        assert_eq!(requests.handle_disconnected(), ["fail"]);
        assert_eq!(requests.clear(), ["wait"]);
    }
}
