//! How much may wait in a subscription, and what happens to more.

/// Messages that may wait in one subscription before its policy decides, as in async-nats.
pub const DEFAULT_CAPACITY: usize = 65_536;

/// The same with [`SlowConsumerPolicy::BackPressure`], where nothing is lost at the limit: what waits
/// is only read ahead, and more of it is memory and has left the caches when its turn comes. Measured
/// with 128 bytes a message: 99 ns of CPU time each with this limit, 116 ns with 65,536, and 12 MiB
/// instead of 30 MiB of memory.
pub const DEFAULT_CAPACITY_READ_AHEAD: usize = 16_384;

/// Bytes that may wait in one subscription before its policy decides: 64 MiB, as in nats.go.
pub const DEFAULT_CAPACITY_BYTES: usize = 64 << 20;

/// What happens to a message for which a subscription has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SlowConsumerPolicy {
    /// The message is dropped and counted.
    #[default]
    DropNewest,
    /// The oldest message that waits is dropped and counted.
    DropOldest,
    /// Only the newest message of each subject waits: it takes the place of the one before, which is
    /// counted as replaced.
    ///
    /// The capacity bounds how many subjects may wait; beyond it the message that waits longest is
    /// dropped and counted. A message keeps the place of the one that it replaces, so a subject that
    /// changes all the time holds no other one up. What waits is copied out of the read buffer.
    LatestOnly,
    /// The subscription ends.
    Fail,
    /// The server is asked to stop this subscription, by `UNSUB`, until half of the limit is free,
    /// and then to go on, by `SUB`. The rest of the connection does not notice.
    ///
    /// Messages published in between never reach this client: nobody can count them.
    /// [`Event::SubscriptionPaused`](crate::Event::SubscriptionPaused) and
    /// [`Event::SubscriptionResumed`](crate::Event::SubscriptionResumed) enclose the gap, and
    /// [`Gap::unseen`](crate::Gap::unseen) marks it in the stream. What is on its way when the
    /// subscription is full is dropped and counted. A subscription that shares its `SUB` with
    /// others only drops.
    Pause,
    /// Nothing more is read from the connection until there is room: no subscription of this client
    /// gets messages meanwhile, and the server holds back, too.
    ///
    /// While a request, a fence or a drain of this client waits for its answer, the connection is
    /// read all the same, for nobody could answer otherwise; up to 64 MiB may pass the limit then,
    /// and more is dropped and counted.
    BackPressure,
}

/// Limits of one subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
    pub(crate) policy: SlowConsumerPolicy,
}

/// What was said about the limits of a subscription that is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitOptions {
    /// Unless set, what the policy has by default.
    pub(crate) messages: Option<usize>,
    pub(crate) bytes: usize,
    pub(crate) policy: SlowConsumerPolicy,
}

impl Default for LimitOptions {
    fn default() -> Self {
        let policy = SlowConsumerPolicy::default();
        Self { messages: None, bytes: DEFAULT_CAPACITY_BYTES, policy }
    }
}

impl LimitOptions {
    pub(crate) fn limits(self) -> Limits {
        let Self { messages, bytes, policy } = self;
        Limits { messages: messages.unwrap_or_else(|| policy.default_capacity()), bytes, policy }
    }
}

impl SlowConsumerPolicy {
    const fn default_capacity(self) -> usize {
        match self {
            Self::DropNewest | Self::DropOldest | Self::LatestOnly | Self::Fail | Self::Pause => {
                DEFAULT_CAPACITY
            }
            Self::BackPressure => DEFAULT_CAPACITY_READ_AHEAD,
        }
    }
}

/// Bytes that a queue with back-pressure may take above its limit while the connection is read for
/// the sake of an answer; beyond that, messages are dropped and counted.
pub(super) const OVERFLOW_BYTES_MAX: usize = 64 << 20;
