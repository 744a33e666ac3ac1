//! Who hears the news.

use super::ConnectOptions;
use crate::event::Event;
use crate::sync::Arc;
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
        self.callbacks.on_event = Some(Arc::new(move |event| Box::pin(cb(event))));
        self
    }
}
