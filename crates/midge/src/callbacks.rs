//! The callbacks that an application may provide, and how they are run.

use crate::auth::{Answer, AuthError, Credentials};
use crate::event::{Event, Events};
use crate::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use midge_proto::{Auth, Login, Server, ServerAddr, ServerInfo};

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub(crate) type ChooseFn =
    Arc<dyn Fn(Vec<Server>, ServerInfo) -> BoxFuture<Option<ReconnectToServer>> + Send + Sync>;
pub(crate) type DelayFn = Arc<dyn Fn(usize) -> Duration + Send + Sync>;

/// The callback that is told every event.
#[derive(Clone)]
pub(crate) struct OnEvent(Arc<dyn Fn(Event) -> BoxFuture<()> + Send + Sync>);

impl OnEvent {
    pub(crate) fn new<F, Fut>(callback: F) -> Self
    where
        F: Fn(Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |event| Box::pin(callback(event))))
    }
}

impl fmt::Debug for OnEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("callback")
    }
}

/// The server that an application wants to be tried next.
#[derive(Clone, Debug)]
pub struct ReconnectToServer {
    /// One of the pool.
    pub addr: ServerAddr,
    /// How long to wait before; `None` for not at all.
    pub delay: Option<Duration>,
}

/// What the application wants to be asked and told.
#[derive(Clone, Default)]
pub(crate) struct Callbacks {
    pub(crate) choose: Option<ChooseFn>,
    pub(crate) delay: Option<DelayFn>,
    pub(crate) on_event: Option<OnEvent>,
    pub(crate) own_close: OwnClose,
}

/// Whether the event callback hears of what follows the application's own close.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OwnClose {
    #[default]
    Told,
    Silent,
}

/// The application's callbacks, and those that are running.
pub(crate) struct CallbackRunner {
    credentials: Credentials,
    choose: Option<ChooseFn>,
    delay: Option<DelayFn>,
    running: Running,
    own_close: OwnClose,
    listener: Option<Listener>,
}

/// The application's event callback and the call that is running.
struct Listener {
    callback: OnEvent,
    events: Events,
    running: Option<BoxFuture<()>>,
    ears: Ears,
}

/// Whether more events are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ears {
    Open,
    Shut,
}

impl Listener {
    fn new(callback: OnEvent, events: Events) -> Self {
        Self { callback, events, running: None, ears: Ears::Open }
    }
}

#[derive(Default)]
enum Running {
    #[default]
    Nothing,
    Auth(BoxFuture<Result<Auth, AuthError>>),
    Choose(BoxFuture<Option<ReconnectToServer>>),
}

/// What a callback came to.
pub(crate) enum Outcome {
    Auth(Result<Auth, AuthError>),
    Server(Option<ReconnectToServer>),
}

impl CallbackRunner {
    /// The event callback is called with each of `events`.
    pub(crate) fn new(credentials: Credentials, callbacks: Callbacks, events: Events) -> Self {
        let Callbacks { choose, delay, on_event, own_close } = callbacks;
        let listener = on_event.map(|callback| Listener::new(callback, events));
        Self { credentials, choose, delay, running: Running::Nothing, own_close, listener }
    }

    /// From the next attempt on these are shown.
    pub(crate) fn set_credentials(&mut self, credentials: Credentials) {
        self.credentials = credentials;
    }

    /// Puts another event callback in the place of the one there is, or none.
    ///
    /// It takes over what the other one was not told yet; where there was none, it begins with
    /// `events`.
    pub(crate) fn set_event_callback(&mut self, callback: Option<OnEvent>, events: Events) {
        match (&mut self.listener, callback) {
            (Some(listener), Some(callback)) => listener.callback = callback,
            (Some(listener), None) => listener.ears = Ears::Shut,
            (None, Some(callback)) => self.listener = Some(Listener::new(callback, events)),
            (None, None) => {}
        }
    }

    /// The application ends the client: whoever does not want to hear of that hears nothing more.
    pub(crate) fn handle_own_close(&mut self) {
        if let (OwnClose::Silent, Some(listener)) = (self.own_close, &mut self.listener) {
            listener.ears = Ears::Shut;
        }
    }

    /// Asks for credentials; `None` when the answer comes later.
    pub(crate) fn authenticate(
        &mut self,
        login: Option<Login>,
        nonce: &str,
    ) -> Option<Result<Auth, AuthError>> {
        if let Some(login) = login {
            return Some(Ok(of_url(login)));
        }
        match self.credentials.begin(nonce) {
            Answer::Now(result) => Some(result),
            Answer::Later(future) => {
                self.running = Running::Auth(future);
                None
            }
        }
    }

    pub(crate) fn choose(&mut self, servers: Vec<Server>, info: ServerInfo) {
        if let Some(choose) = &self.choose {
            self.running = Running::Choose(choose(servers, info));
        }
    }

    pub(crate) fn delay(&self, attempt: usize) -> Duration {
        self.delay.as_ref().map_or(Duration::ZERO, |delay| delay(attempt))
    }

    /// Runs the event callback as far as it goes; ready when it has seen the last event.
    pub(crate) fn poll_listener(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(listener) = &mut self.listener else { return Poll::Ready(()) };
        loop {
            if let Some(running) = &mut listener.running {
                if running.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                listener.running = None;
            }
            if listener.ears == Ears::Shut {
                self.listener = None;
                return Poll::Ready(());
            }
            match listener.events.poll(cx) {
                Poll::Ready(Some(event)) => listener.running = Some((listener.callback.0)(event)),
                Poll::Ready(None) => {
                    self.listener = None;
                    return Poll::Ready(());
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Drops what is running: the attempt it was for is over.
    pub(crate) fn cancel(&mut self) {
        if matches!(self.running, Running::Auth(_)) {
            self.running = Running::Nothing;
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let outcome = match &mut self.running {
            Running::Nothing => return Poll::Pending,
            Running::Auth(future) => future.as_mut().poll(cx).map(Outcome::Auth),
            Running::Choose(future) => future.as_mut().poll(cx).map(Outcome::Server),
        };
        if outcome.is_ready() {
            self.running = Running::Nothing;
        }
        outcome
    }
}

fn of_url(login: Login) -> Auth {
    let mut auth = Auth::new();
    match login.password {
        Some(password) => {
            auth.username = Some(login.user);
            auth.password = Some(password);
        }
        // A URL's user without a password is a token.
        None => auth.token = Some(login.user),
    }
    auth
}
