//! What the server complains of while a call waits for its proof.

use crate::shared::Shared;
use midge_proto::ServerError;

/// Complaints kept for one listener; its own comes among the first, whatever a server makes up.
const HEARD_MAX: usize = 256;

/// Those who listen, each with what has come since.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    listeners: Vec<(u64, Vec<ServerError>)>,
    next: u64,
}

impl Complaints {
    pub(crate) fn push(&mut self, error: &ServerError) {
        for (_, heard) in &mut self.listeners {
            if heard.len() < HEARD_MAX {
                heard.push(error.clone());
            }
        }
    }

    fn take(&mut self, id: u64) -> Vec<ServerError> {
        let at = self.listeners.iter().position(|(listener, _)| *listener == id);
        at.map_or_else(Vec::new, |at| self.listeners.swap_remove(at).1)
    }
}

/// Hears every complaint from its beginning on.
///
/// It has to begin before the frame that may be complained of is appended: the driver may write
/// that, and read the answer, before the caller gets to append its fence.
pub(crate) struct Listening<'a> {
    shared: &'a Shared,
    id: u64,
}

impl<'a> Listening<'a> {
    pub(crate) fn begin(shared: &'a Shared) -> Self {
        let mut core = shared.core.lock();
        let id = core.complaints.next;
        core.complaints.next += 1;
        core.complaints.listeners.push((id, Vec::new()));
        Self { shared, id }
    }

    /// What has come since.
    pub(crate) fn heard(self) -> Vec<ServerError> {
        self.shared.core.lock().complaints.take(self.id)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.shared.core.lock().complaints.take(self.id);
    }
}
