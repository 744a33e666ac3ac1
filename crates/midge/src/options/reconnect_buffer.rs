//! What becomes of messages that are published while there is no connection, or were when it broke.

use super::ConnectOptions;
use crate::republish::Republish;
use midge_proto::BufferPolicy;

impl<R> ConnectOptions<R> {
    /// Bytes of published messages kept while not connected; more is an error. Default 8 MiB; 0
    /// makes every publish fail while not connected.
    ///
    /// A [`BufferPolicy`] can say more: see [`reconnect_buffer_policy`](Self::reconnect_buffer_policy).
    pub fn reconnect_buffer(mut self, bytes: usize) -> Self {
        let policy = self.settings.reconnect_buffer.rest();
        *policy = policy.bytes(bytes);
        self
    }

    /// How many published messages are kept while not connected, for how long, and what happens to
    /// more. By default 8 MiB of any age, and publishing fails when they are full.
    ///
    /// Dropped messages are counted in
    /// [`Statistics::dropped_publishes`](crate::Statistics::dropped_publishes) and told by
    /// [`Event::BufferDropped`](crate::Event::BufferDropped). A request is never among the dropped
    /// newest: it fails instead.
    pub fn reconnect_buffer_policy(mut self, policy: BufferPolicy) -> Self {
        *self.settings.reconnect_buffer.rest() = policy;
        self
    }

    /// A policy of their own for the subjects that `filter` matches; it may hold wildcards. The first
    /// filter that matches counts.
    ///
    /// Each policy has its own share of memory: what one keeps takes no room from the others.
    ///
    /// # Errors
    ///
    /// [`connect`](Self::connect) fails when `filter` is not valid.
    pub fn reconnect_buffer_policy_for(
        mut self,
        filter: impl Into<String>,
        policy: BufferPolicy,
    ) -> Self {
        self.settings.reconnect_buffer.add(filter.into(), policy);
        self
    }

    /// What happens, once a lost connection was made again, to messages that were accepted before
    /// and never written. By default they are sent.
    ///
    /// What was published before the first connection is always sent.
    pub fn unwritten_publishes(mut self, republish: Republish) -> Self {
        self.settings.republishing.unwritten = republish;
        self
    }

    /// What happens, once a lost connection was made again, to messages that were written to it and
    /// whose arrival nothing proves. By default they are dropped, which
    /// [`Fate::uncertain`](crate::Fate::uncertain) counts: sent again, they may arrive twice.
    ///
    /// With [`Republish::Send`] or [`Republish::Ask`] what is written is kept until a PONG proves its
    /// arrival, up to 8 MiB; a PING goes out with each 256 KiB for that. Messages are not sent again
    /// when the server ended the connection over what it was sent.
    pub fn uncertain_publishes(mut self, republish: Republish) -> Self {
        self.settings.republishing.uncertain = republish;
        self
    }
}
