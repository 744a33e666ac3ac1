//! What is kept while there is no connection, and what happens to more.

use crate::subject_algebra;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// Bytes kept by default: 8 MiB, as in nats.go.
const BYTES_DEFAULT: usize = 8 << 20;

/// What happens to a message for which there is no room while there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenFull {
    /// Publishing fails.
    #[default]
    Fail,
    /// Publishing waits for a connection or for room, and fails when neither came in this time.
    Wait(Duration),
    /// The oldest messages under the same policy make room; they are dropped and counted.
    DropOldest,
    /// The message itself is dropped and counted; publishing it succeeds.
    DropNewest,
}

/// How many messages are kept while there is no connection, and for how long.
///
/// ```
/// use core::time::Duration;
/// use midge_proto::{BufferPolicy, WhenFull};
///
/// let latest = BufferPolicy::new()
///     .messages(1_000)
///     .max_age(Duration::from_secs(30))
///     .when_full(WhenFull::DropOldest);
/// # let _ = latest;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct BufferPolicy {
    pub(super) bytes: usize,
    pub(super) messages: usize,
    pub(super) max_age: Option<Duration>,
    pub(super) when_full: WhenFull,
}

impl Default for BufferPolicy {
    fn default() -> Self {
        Self {
            bytes: BYTES_DEFAULT,
            messages: usize::MAX,
            max_age: None,
            when_full: WhenFull::Fail,
        }
    }
}

impl BufferPolicy {
    /// 8 MiB, any number of messages of any age; publishing fails when it is full.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes kept, protocol lines included. 0 makes every publish fail while not connected.
    pub fn bytes(mut self, max: usize) -> Self {
        self.bytes = max;
        self
    }

    /// Messages kept. Not bounded by default. 0 keeps none.
    pub fn messages(mut self, max: usize) -> Self {
        self.messages = max;
        self
    }

    /// How long a message may wait for a connection; then it is dropped and counted. Not bounded by
    /// default.
    ///
    /// The time of one that was accepted while connected begins when the connection is lost.
    pub fn max_age(mut self, max: Duration) -> Self {
        self.max_age = Some(max);
        self
    }

    /// What happens to a message for which there is no room. Publishing fails by default.
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Whether the length of the queue is all that has to be known.
    fn is_plain(&self) -> bool {
        self.messages == usize::MAX
            && self.max_age.is_none()
            && self.when_full != WhenFull::DropOldest
    }
}

/// The policies of a client: one for all subjects, and those that some have of their own.
///
/// Each policy has its own share: what is kept under one takes no room from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconnectBuffer {
    /// For subjects that no filter matches.
    rest: BufferPolicy,
    own: Vec<(String, BufferPolicy)>,
}

impl Default for ReconnectBuffer {
    fn default() -> Self {
        Self::new(BufferPolicy::default())
    }
}

/// Which policy of a [`ReconnectBuffer`] a message is under: 0 is the one for the rest.
pub(super) type Class = usize;

impl ReconnectBuffer {
    /// One policy for all subjects.
    #[must_use]
    pub fn new(policy: BufferPolicy) -> Self {
        Self { rest: policy, own: Vec::new() }
    }

    /// The policy for subjects that have none of their own.
    pub fn rest(&mut self) -> &mut BufferPolicy {
        &mut self.rest
    }

    /// Adds a policy for the subjects that `filter` matches; the first that matches counts.
    pub fn add(&mut self, filter: String, policy: BufferPolicy) {
        self.own.push((filter, policy));
    }

    /// The filters of subjects with policies of their own.
    pub fn filters(&self) -> impl Iterator<Item = &str> {
        self.own.iter().map(|(filter, _)| filter.as_str())
    }

    /// Bytes kept at most under the policies that subjects have of their own.
    #[must_use]
    pub fn own_bytes_max(&self) -> usize {
        self.own.iter().fold(0, |sum: usize, (_, policy)| sum.saturating_add(policy.bytes))
    }

    /// Lowers the bytes kept for all other subjects to `max`, if they are more.
    pub fn limit_rest(&mut self, max: usize) {
        self.rest.bytes = self.rest.bytes.min(max);
    }

    pub(super) fn class_of(&self, subject: &[u8]) -> Class {
        if self.own.is_empty() {
            return 0;
        }
        let subject = String::from_utf8_lossy(subject);
        let found =
            self.own.iter().position(|(filter, _)| subject_algebra::matches(filter, &subject));
        found.map_or(0, |at| at + 1)
    }

    pub(super) fn policy(&self, class: Class) -> BufferPolicy {
        match class.checked_sub(1).and_then(|at| self.own.get(at)) {
            Some((_, policy)) => *policy,
            None => self.rest,
        }
    }

    pub(super) fn classes(&self) -> usize {
        self.own.len() + 1
    }

    /// Whether the length of the queue is all that has to be known.
    pub(super) fn is_plain(&self) -> bool {
        self.own.is_empty() && self.rest.is_plain()
    }
}
