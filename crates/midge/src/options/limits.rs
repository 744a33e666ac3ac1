//! Sockets, buffers, queues and how long calls wait.

use super::ConnectOptions;
use crate::mailbox::SlowConsumerPolicy;
use crate::shared::Validation;
use core::net::SocketAddr;
use core::time::Duration;
use midge_proto::DecodeLimits;

impl<R> ConnectOptions<R> {
    /// Address and port to dial from. Chosen by the operating system by default.
    pub fn local_address(mut self, address: SocketAddr) -> Self {
        self.settings.socket.local_address = Some(address);
        self
    }

    /// Idle time after which TCP probes the peer. Off by default.
    pub fn tcp_keep_alive(mut self, idle: Duration) -> Self {
        self.settings.socket.keep_alive = Some(idle);
        self
    }

    /// Largest read buffer in bytes. Default 64 KiB; it grows to that while reads fill it. Less than
    /// 2 KiB counts as 2 KiB, and a message that is larger gets a buffer of its size.
    pub fn read_buffer_capacity(mut self, size: u16) -> Self {
        self.settings.read_buffer = usize::from(size);
        self
    }

    /// Limits on what a server may send; see [`DecodeLimits`].
    pub fn decode_limits(mut self, limits: DecodeLimits) -> Self {
        self.settings.decode = limits;
        self
    }

    /// Bytes that may wait to be written while connected before publishers wait. Default 1 MiB.
    pub fn write_high_water(mut self, bytes: usize) -> Self {
        self.settings.limits.high_water = bytes;
        self.settings.limits.low_water = bytes / 2;
        self
    }

    /// Bytes after which what is published is closed as one write. Default 384 KiB; at least 1 KiB
    /// and at most 64 MiB.
    ///
    /// Smaller means that less is uncertain when a connection is lost in the middle of a write;
    /// larger, fewer calls to the operating system. Payloads from 16 KiB on are written from where
    /// they are, in writes of up to 1 MiB.
    pub fn write_buffer_size(mut self, bytes: usize) -> Self {
        self.settings.limits.chunk = bytes.max(1 << 10);
        self
    }

    /// Own limit on headers and payload of one message in bytes; the smaller of it and the server's
    /// counts, over all INFOs. None by default.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.settings.config.max_payload = bytes;
        self
    }

    /// Messages that may wait in a subscription before its policy decides. Default 65,536; with
    /// [`BackPressure`](SlowConsumerPolicy::BackPressure) 16,384, for nothing is lost there.
    pub fn subscription_capacity(mut self, capacity: usize) -> Self {
        self.settings.subscription.messages = Some(capacity.max(1));
        self
    }

    /// Bytes that may wait in a subscription before its policy decides. Default 64 MiB.
    pub fn subscription_capacity_bytes(mut self, capacity: usize) -> Self {
        self.settings.subscription.bytes = capacity.max(1);
        self
    }

    /// What happens to a message for which a subscription has no room. Default: it is dropped and
    /// counted.
    pub fn slow_consumer(mut self, policy: SlowConsumerPolicy) -> Self {
        self.settings.subscription.policy = policy;
        self
    }

    /// Takes a bound on commands in async-nats; here bytes are bounded, by
    /// [`write_high_water`](Self::write_high_water), and this changes nothing.
    pub fn client_capacity(self, _capacity: usize) -> Self {
        self
    }

    /// How long a request waits for its reply. Default 10 s; `None` is for ever. It counts from when
    /// the request is in line to be written; where so much waits that there is no room for it, that
    /// comes on top, for as long as the connection takes to make room or is lost
    /// ([`write_timeout`](Self::write_timeout)).
    pub fn request_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.settings.request_timeout = timeout;
        self
    }

    /// Checks of subjects only what would break the protocol: blanks, line ends, emptiness.
    pub fn skip_subject_validation(mut self, skip: bool) -> Self {
        self.settings.validation = if skip { Validation::Minimal } else { Validation::Full };
        self
    }
}
