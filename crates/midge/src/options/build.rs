//! From options to a client and its driver.

use super::settings::Fields;
#[cfg(feature = "recording")]
use super::tracing::Begin;
use super::{ConnectOptions, check_pool};
use crate::callbacks::CallbackRunner;
use crate::client::Client;
use crate::driver::{Driver, DriverParts};
use crate::error::ConnectError;
use crate::event::EventQueue;
use crate::mailbox::Budget;
use crate::runtime::Runtime;
use crate::shared::{Core, Settings, Shared, SharedTimeout};
use crate::statistics::Statistics;
use crate::sync::{Arc, Mutex};
use futures_channel::oneshot;
use midge_proto::{
    Connection, FirstConnect, Outbox, Random, Requests, Secrets, ServerAddr, Subject, TlsMode,
    ToServerAddrs, check_inbox_prefix,
};

impl<R> ConnectOptions<R> {
    /// Builds the two halves of a client: for whoever drives a connection by hand.
    ///
    /// The receiver hears when the first connection is ready, or why there will be none.
    ///
    /// # Errors
    ///
    /// An address does not parse, options contradict each other, or the credentials cannot be right.
    pub fn build<A: ToServerAddrs>(
        self,
        addrs: A,
        now: midge_proto::Instant,
    ) -> Result<(Client, Driver, FirstConnection), ConnectError> {
        self.settings.into_fields().build(addrs.to_server_addrs()?.collect(), now)
    }
}

impl Fields {
    fn build(
        mut self: Box<Self>,
        servers: Vec<ServerAddr>,
        now: midge_proto::Instant,
    ) -> Result<(Client, Driver, FirstConnection), ConnectError> {
        self.check(&servers)?;
        self.apply_memory_budget()?;
        let pending = self.pending_max().map(|max| Arc::new(Budget::new(max)));
        let mut config = self.config;
        config.secrets = match self.secrets_to_all {
            true => Secrets::SentToAll,
            false => self.credentials.secrets(),
        };
        config.servers = servers;
        #[cfg(feature = "tls")]
        if self.tls.is_set() && config.tls == TlsMode::Auto {
            config.tls = TlsMode::Require;
        }
        config.resend = self.republishing.resend();
        let mut random = Random::new(crate::nuid::seed());
        let inbox = format!("{}.{}", self.inbox_prefix, self.ids.next());
        if let Err(error) = check_inbox_prefix(&inbox) {
            let text = format!("the id generator made an id that no inbox can carry: {error}");
            return Err(ConnectError::Options(text));
        }
        let seed = crate::nuid::seed();
        #[cfg(feature = "recording")]
        let begin = self.recorder.as_ref().map_or(Connection::new as Begin, |it| it.begin);
        #[cfg(not(feature = "recording"))]
        let begin = Connection::new;
        let connection = begin(config, seed, now);
        let mut outbox = Outbox::new(self.limits);
        outbox.set_reconnect_buffer(self.reconnect_buffer);
        let core = Core::new(outbox, Requests::new(&inbox, random.fork()), connection.servers());
        let shared = Arc::new(Shared {
            core: Mutex::new(core),
            events: EventQueue::new(self.unheard),
            callbacks: Mutex::default(),
            statistics: Arc::new(Statistics::default()),
            settings: Settings {
                inbox_prefix: self.inbox_prefix,
                request_timeout: SharedTimeout::new(self.request_timeout),
                subscription: self.subscription,
                validation: self.validation,
                pending,
                ids: self.ids,
            },
            attachment: crate::driver::Attachment::new(),
            clock: crate::shared::Clock::default(),
            #[cfg(feature = "jetstream")]
            deletions: crate::jetstream::Deletions::default(),
        });
        let (connected, first) = oneshot::channel();
        let events = shared.events.subscribe();
        let driver = Driver::new(DriverParts {
            shared: Arc::clone(&shared),
            connection,
            limits: self.decode,
            read_buffer_max: self.read_buffer,
            socket: self.socket,
            republishing: self.republishing,
            callbacks: CallbackRunner::new(self.credentials, self.callbacks, events),
            #[cfg(feature = "tls")]
            tls: self.tls,
            #[cfg(feature = "websocket")]
            websocket: self.websocket,
            dialer: self.dialer,
            trace: self.trace.map(|tracer| tracer.begin(self.decode)),
            #[cfg(feature = "recording")]
            recorder: self.recorder.map(|recorder| recorder.sink),
            connected,
        });
        Ok((Client::new(shared), driver, FirstConnection(first)))
    }

    fn check(&self, servers: &[ServerAddr]) -> Result<(), ConnectError> {
        let options = |text: String| Err(ConnectError::Options(text));
        if let Err(error) = check_pool(servers) {
            return options(error.to_string());
        }
        if self.credentials_set.len() > 1 {
            let kinds = self.credentials_set.join(", ");
            return options(format!("more than one kind of credentials is set: {kinds}"));
        }
        self.credentials.check()?;
        #[cfg(feature = "websocket")]
        if let Err(error) = self.websocket.check() {
            return options(error.to_string());
        }
        #[cfg(not(feature = "websocket"))]
        if servers.iter().any(ServerAddr::is_websocket) {
            return options(midge_proto::WebSocketError::NotCompiledIn.to_string());
        }
        if let Err(error) = check_inbox_prefix(&self.inbox_prefix) {
            return options(format!("inbox prefix: {error}"));
        }
        for filter in self.reconnect_buffer.filters() {
            if let Err(error) = Subject::from(filter).check_subscribe() {
                return options(format!("reconnect buffer policy for {filter:?}: {error}"));
            }
        }
        #[cfg(feature = "tls")]
        if let Err(error) = self.tls.check() {
            return options(error.to_string());
        }
        #[cfg(not(feature = "tls"))]
        if self.config.tls != TlsMode::Auto || servers.iter().any(ServerAddr::tls_required) {
            return options("TLS is not compiled in: switch on the feature `ring`".to_owned());
        }
        if self.config.attempt_timeout.is_zero() {
            return options("the connection timeout is zero".to_owned());
        }
        Ok(())
    }
}

impl<R: Runtime + Default> ConnectOptions<R> {
    /// Connects to one of `addrs`.
    ///
    /// Returns once a connection is ready, or at once with
    /// [`retry_on_initial_connect`](Self::retry_on_initial_connect).
    ///
    /// # Errors
    ///
    /// An address does not parse, options contradict each other, there is no runtime, or no server
    /// could be connected in one round over all of them; the error names the last server, address,
    /// step and cause.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no connection.
    pub async fn connect<A: ToServerAddrs>(self, addrs: A) -> Result<Client, ConnectError> {
        let runtime = R::default();
        let retry = self.settings.config.first_connect == FirstConnect::Retry;
        let (client, driver, first) = self.build(addrs, runtime.now())?;
        runtime.spawn(driver).map_err(|error| ConnectError::Runtime(error.to_string()))?;
        if !retry {
            first.wait().await?;
        }
        Ok(client)
    }
}

/// The outcome of a client's first attempts.
#[derive(Debug)]
#[must_use]
pub struct FirstConnection(oneshot::Receiver<Result<(), midge_proto::CloseReason>>);

impl FirstConnection {
    /// Waits until the first connection is ready, or there will be none.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Failed`] with the reason.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn wait(self) -> Result<(), ConnectError> {
        match self.0.await {
            Ok(result) => result.map_err(|reason| ConnectError::Failed(Box::new(reason))),
            Err(_) => Err(ConnectError::Runtime("the runtime ended".to_owned())),
        }
    }
}
