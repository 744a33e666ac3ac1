//! How streams to servers come about: proxies, dialers of the application, dials side by side.

use super::ConnectOptions;
use crate::dialer::{DialRequest, Dialed, Dialer};
use core::future::Future;
use core::time::Duration;
use midge_proto::Proxy;
use std::io;

impl<R> ConnectOptions<R> {
    /// Reaches all servers through this proxy: HTTP `CONNECT` or SOCKS5. The proxy looks up the
    /// servers' names; its own is looked up here. Unix-domain sockets are dialed as ever.
    ///
    /// ```
    /// # fn main() -> Result<(), midge::proto::proxy::InvalidProxy> {
    /// # struct Runtime;
    /// # type ConnectOptions = midge::ConnectOptions<Runtime>;
    /// let options = ConnectOptions::new().proxy("socks5://user:pass@proxy.example:1080".parse()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.settings.config.proxy = Some(proxy);
        self
    }

    /// How long a dial may take before the next address of the host is dialed beside it. Default
    /// 250 ms; zero dials one address after the other.
    pub fn dial_stagger(mut self, stagger: Duration) -> Self {
        self.settings.config.dial_stagger = stagger;
        self
    }

    /// Opens streams by a function of the application, in place of the runtime's sockets.
    ///
    /// It is called for every dial, on first connections and reconnects alike, and polled in the
    /// connection's own task. What it returns carries whatever the URL asks for on top: TLS, a
    /// WebSocket, the words with a proxy. A stream that is [secured](Dialed::secured) already gets
    /// no TLS of ours.
    ///
    /// Names are looked up by the runtime before; with
    /// [`skip_host_lookup`](Self::skip_host_lookup) they come as they are.
    ///
    /// # Cancel safety
    ///
    /// The function's future is dropped when the attempt ends before it does.
    pub fn dialer<F, Fut>(mut self, dial: F) -> Self
    where
        F: Fn(DialRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<Dialed>> + Send + 'static,
    {
        self.settings.dialer = Some(Dialer::new(dial));
        self
    }
}
