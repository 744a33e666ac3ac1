//! Which servers are tried, in which order and how long, and when a silent one is given up.

use super::ConnectOptions;
use crate::callbacks::ReconnectToServer;
use crate::sync::Arc;
use core::future::Future;
use core::time::Duration;
use midge_proto::{
    AuthFailures, Backoff, Choice, Delay, Discovery, FirstConnect, KeepAlive, Names, Order,
    Reconnect, Server, ServerInfo,
};

impl<R> ConnectOptions<R> {
    /// Bound on one whole attempt: name look-up, dial, TLS, INFO, CONNECT, PONG. Default 5 s.
    pub fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.settings.config.attempt_timeout = timeout;
        self
    }

    /// Goes on in the background when the first connection cannot be made: `connect` returns at
    /// once, and what is published or subscribed meanwhile is kept.
    pub fn retry_on_initial_connect(mut self) -> Self {
        self.settings.config.first_connect = FirstConnect::Retry;
        self
    }

    /// Closes the client after so many failed attempts in a row to reconnect, counted over all
    /// servers. `None` and 0 are no limit, which is the default.
    pub fn max_reconnects<T: Into<Option<usize>>>(mut self, max_reconnects: T) -> Self {
        self.settings.config.reconnect = match max_reconnects.into() {
            None | Some(0) => Reconnect::Unlimited,
            Some(max) => Reconnect::Limited(max),
        };
        self
    }

    /// Closes the client when the connection is lost.
    pub fn no_reconnect(mut self) -> Self {
        self.settings.config.reconnect = Reconnect::Never;
        self
    }

    /// Delays between rounds over the servers. Default: none before the first, then from 100 ms
    /// doubling up to 5 s, with jitter.
    pub fn reconnect(mut self, backoff: Backoff) -> Self {
        self.settings.config.delay = Delay::Backoff(backoff);
        self
    }

    /// Asks for the delay before each attempt; the number counts them since the last success.
    pub fn reconnect_delay_callback<F>(mut self, cb: F) -> Self
    where
        F: Fn(usize) -> Duration + Send + Sync + 'static,
    {
        self.settings.config.delay = Delay::Ask;
        self.settings.callbacks.delay = Some(Arc::new(cb));
        self
    }

    /// Asks which server of the pool to try next after a connection was lost; `None` leaves it to
    /// the pool.
    pub fn reconnect_to_server_callback<F, Fut>(mut self, cb: F) -> Self
    where
        F: Fn(Vec<Server>, ServerInfo) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Option<ReconnectToServer>> + Send + 'static,
    {
        self.settings.config.choice = Choice::Ask;
        self.settings.callbacks.choose =
            Some(Arc::new(move |servers, info| Box::pin(cb(servers, info))));
        self
    }

    /// Does not add announced servers to the pool. They are by default.
    pub fn ignore_discovered_servers(mut self) -> Self {
        self.settings.config.discovery = Discovery::ignore();
        self
    }

    /// Which announced servers are added to the pool.
    pub fn discovery(mut self, policy: Discovery) -> Self {
        self.settings.config.discovery = policy;
        self
    }

    /// Tries servers, and the addresses of each, in the order given. By default it is random.
    pub fn retain_servers_order(mut self) -> Self {
        self.settings.config.order = Order::AsGiven;
        self
    }

    /// Leaves host names to whoever dials.
    pub fn skip_host_lookup(mut self) -> Self {
        self.settings.config.names = Names::LeaveToDialer;
        self
    }

    /// Goes on asking a server that refused the credentials twice for the same reason. By default it
    /// is not asked again.
    pub fn retry_refused_credentials(mut self) -> Self {
        self.settings.config.refused = AuthFailures::Retry;
        self
    }

    /// Time between keep-alive PINGs. Default 60 s; zero sends none, and less than 1 ms
    /// counts as 1 ms.
    pub fn ping_interval(mut self, ping_interval: Duration) -> Self {
        self.settings.config.ping_interval = ping_interval;
        self
    }

    /// PINGs that may go unanswered before the connection is given up. Default 2.
    pub fn max_pings_out(mut self, max: u32) -> Self {
        self.settings.config.max_pings_out = max;
        self
    }

    /// Sends a PING only when nothing came in for a [`ping_interval`](Self::ping_interval), and gives
    /// each answer eight smoothed round trips, `patience` at least and an interval at most. Off by
    /// default: PINGs go out at each interval, and a missing answer is noticed with the next.
    ///
    /// With a patience of 1 s a server that falls silent is given up three seconds after the first
    /// PING, instead of three intervals ([`max_pings_out`](Self::max_pings_out) is 2).
    pub fn adaptive_keep_alive(mut self, patience: Duration) -> Self {
        self.settings.config.keep_alive = KeepAlive::Adaptive { patience };
        self
    }

    /// How long the socket may take nothing before the connection is given up. Default 30 s; zero
    /// is for ever.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.settings.config.write_timeout = timeout;
        self
    }
}
