//! What the request of a WebSocket carries.

use super::ConnectOptions;
use crate::sync::Arc;

impl<R> ConnectOptions<R> {
    /// Adds a header to the request of every WebSocket, for all servers of the pool; may be given
    /// several times.
    ///
    /// The value may be a secret: it shows in no error and no debug output. With `ws://` it is sent
    /// in clear.
    pub fn websocket_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.websocket.add_header(name.into(), value.into());
        self
    }

    /// Asks for more headers at each attempt: for tokens that change.
    pub fn websocket_headers_callback<F>(mut self, callback: F) -> Self
    where
        F: Fn() -> Vec<(String, String)> + Send + Sync + 'static,
    {
        self.settings.websocket.set_callback(Arc::new(callback));
        self
    }
}
