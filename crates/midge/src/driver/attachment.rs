//! What an adapter leaves for handles of its own to find.

use super::Machine;
use crate::client::Client;
use crate::sync::Arc;
use core::any::Any;
use std::sync::OnceLock;

/// A value of the adapter, kept with the connection.
pub(crate) type Attachment = OnceLock<Arc<dyn Any + Send + Sync>>;

impl Machine {
    /// Leaves a value that [`Client::attached`] returns, once a connection; a second one is ignored.
    ///
    /// An adapter with handles of its own, such as blocking ones, finds by it what carries the
    /// connection.
    pub fn attach(&self, value: Arc<dyn Any + Send + Sync>) {
        let _ = self.shared.attachment.set(value);
    }
}

impl Client {
    /// What the adapter left with [`DriverMachine::attach`](crate::DriverMachine::attach), if it is a `T`.
    #[must_use]
    pub fn attached<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(self.shared().attachment.get()?).downcast().ok()
    }
}
