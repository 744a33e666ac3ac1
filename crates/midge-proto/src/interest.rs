//! What a subscription asks for.

use crate::subject::Subject;
use alloc::boxed::Box;

/// What a `SUB` asks for. It never changes, so whoever needs it for the life of a subscription
/// shares one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interest {
    /// The subject filter.
    pub subject: Subject,
    /// The queue group.
    pub queue: Option<Box<str>>,
}

impl Interest {
    /// The messages of a subject filter; in a queue group those that fall to this member.
    #[must_use]
    pub fn new(subject: Subject, queue: Option<&str>) -> Self {
        Self { subject, queue: queue.map(Box::from) }
    }

    /// The queue group as it is on the wire.
    #[must_use]
    pub fn queue_bytes(&self) -> Option<&[u8]> {
        self.queue.as_deref().map(str::as_bytes)
    }
}
