//! One number that bounds the memory of a client.

use super::ConnectOptions;
use super::settings::Fields;
use crate::error::ConnectError;

/// Least budget: with less, messages of common sizes would not fit into their eighth.
const BUDGET_MIN: usize = 256 << 10;

/// The parts that a budget is divided into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    /// An eighth: one message, received or published; twice the mark above which publishers wait;
    /// what is kept to be sent again.
    pub(super) eighth: usize,
    /// What is kept while not connected.
    pub(super) kept: usize,
    /// What waits in all subscriptions together.
    pub(super) pending: usize,
}

impl Parts {
    pub(super) fn of(budget: usize) -> Self {
        let eighth = budget / 8;
        Self { eighth, kept: 2 * eighth, pending: 3 * eighth }
    }
}

impl<R> ConnectOptions<R> {
    /// One bound, in bytes, on what this client holds of messages: read buffer, write queue,
    /// reconnect buffer, what is kept to be sent again, and all subscriptions together. None by
    /// default; at least 256 KiB.
    ///
    /// The budget is divided once, and each part only lowers what other options allow:
    ///
    /// | part | for | at the limit |
    /// | --- | --- | --- |
    /// | 1/8 | the read buffer, which has to hold a whole message | a larger message ends the connection as a protocol error |
    /// | 3/8 | the outbound queue: 1/16 while connected and 2/8 while not; the rest is for a message over the mark and the write under way, or for dropped messages that are not yet swept out | a publisher waits, or its [`BufferPolicy`](crate::BufferPolicy) decides; a message over 1/8 is refused as larger than `max_payload` |
    /// | 1/8 | what is kept to be sent again ([`uncertain_publishes`](Self::uncertain_publishes)) | writing waits for a PONG |
    /// | 3/8 | what waits in all subscriptions together | the policy of the subscription whose message comes next decides |
    ///
    /// Limits that are changed on a live client count as they are set, within the budget or not.
    /// Messages are counted by subject, headers and payload. Not counted are what the application
    /// took out of a subscription, some 30 bytes of bookkeeping a message that waits, and up to
    /// 200 KiB for TLS.
    ///
    /// # Errors
    ///
    /// [`connect`](Self::connect) fails when the budget is too small, or when
    /// [policies](Self::reconnect_buffer_policy_for) of the reconnect buffer add up to more than
    /// their 2/8.
    pub fn memory_budget(mut self, bytes: usize) -> Self {
        self.settings.memory_budget = Some(bytes);
        self
    }
}

impl Fields {
    /// Lowers the limits to what the budget leaves them.
    pub(super) fn apply_memory_budget(&mut self) -> Result<(), ConnectError> {
        let Some(budget) = self.memory_budget else { return Ok(()) };
        if budget < BUDGET_MIN {
            let text = format!("a memory budget of {budget} bytes; the least is {BUDGET_MIN}");
            return Err(ConnectError::Options(text));
        }
        let Parts { eighth, kept, pending } = Parts::of(budget);
        self.read_buffer = self.read_buffer.min(eighth);
        self.decode.message_max = self.decode.message_max.min(eighth);
        self.decode.info_max = self.decode.info_max.min(eighth);
        self.config.max_payload = self.config.max_payload.min(eighth);
        self.config.unfenced_max = self.config.unfenced_max.min(eighth);
        self.limits.high_water = self.limits.high_water.min(eighth / 2);
        self.limits.low_water = self.limits.low_water.min(eighth / 4);
        let own = self.reconnect_buffer.own_bytes_max();
        let Some(rest) = kept.checked_sub(own) else {
            let text = format!(
                "policies of the reconnect buffer keep up to {own} bytes, and a memory budget of \
                 {budget} bytes leaves {kept}"
            );
            return Err(ConnectError::Options(text));
        };
        self.reconnect_buffer.limit_rest(rest);
        self.subscription.bytes = self.subscription.bytes.min(pending);
        Ok(())
    }

    /// What all subscriptions may hold together.
    pub(super) fn pending_max(&self) -> Option<usize> {
        self.memory_budget.map(|budget| Parts::of(budget).pending)
    }
}
