//! Who hears the news.

#[cfg(feature = "recording")]
use super::Recorder;
use super::{ConnectOptions, Tracer};
use crate::callbacks::{OnEvent, OwnClose};
use crate::event::{Event, Unheard};
use core::future::Future;

impl<R> ConnectOptions<R> {
    /// Calls back with every event, one after the other.
    ///
    /// The callback runs in the connection's own task: one that blocks holds up the connection, one
    /// that waits does not. Events that come faster than it takes them are counted and told as
    /// [`Event::Skipped`].
    pub fn event_callback<F, Fut>(mut self, cb: F) -> Self
    where
        F: Fn(Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.settings.callbacks.on_event = Some(OnEvent::new(cb));
        self
    }

    /// Does not call the event callback any more once the application closes the client, by
    /// [`close`](crate::Client::close), at the end of a [`drain`](crate::Client::drain), or by
    /// dropping the last handle. It is called by default; streams of events tell in any case.
    pub fn silent_close(mut self) -> Self {
        self.settings.callbacks.own_close = OwnClose::Silent;
        self
    }

    /// Hands over every frame that is sent or received as a line of text with time and direction,
    /// without payloads, headers and credentials: for support cases. The form of the lines is that
    /// of [`proto::trace`](crate::proto::trace) and stays the same.
    ///
    /// The function runs in the connection's own task and must not block. Without it a read and a
    /// write cost one comparison more.
    pub fn wire_trace<F>(mut self, line: F) -> Self
    where
        F: Fn(&str) + Send + Sync + 'static,
    {
        self.settings.trace = Some(Tracer::new(line));
        self
    }

    /// Hands over, line by line, all that the connection machine is told: the recording of a
    /// session, to be played back by [`proto::Playback`](crate::proto::Playback), which says and
    /// orders the same again. Credentials are masked, messages are only counted; see there.
    ///
    /// The function runs in the connection's own task and must not block.
    #[cfg(feature = "recording")]
    #[cfg_attr(docsrs, doc(cfg(feature = "recording")))]
    pub fn record_session<F>(mut self, line: F) -> Self
    where
        F: Fn(&str) + Send + Sync + 'static,
    {
        self.settings.recorder = Some(Recorder::new(line));
        self
    }

    /// Writes nothing to the standard error output.
    ///
    /// By default, while there is neither an event callback nor a stream of events, serious news
    /// goes there, a line each and at most 16 for one connection: complaints of the server, slow
    /// consumers, published messages that are lost or uncertain, lost connections, and the end of
    /// the client, if the application did not ask for it.
    pub fn quiet(mut self) -> Self {
        self.settings.unheard = Unheard::Silent;
        self
    }
}
