//! What the server complains of while a call waits for its proof.

#[cfg(feature = "jetstream")]
use crate::mailbox::Mailbox;
use crate::shared::Shared;
#[cfg(feature = "jetstream")]
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, Weak};
use midge_proto::ServerError;
#[cfg(feature = "jetstream")]
use std::collections::BTreeMap;

/// Complaints kept for one listener; its own comes among the first, whatever a server makes up.
const HEARD_MAX: usize = 256;

/// Those who listen, each with what has come since.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    listeners: Vec<(u64, Vec<ServerError>)>,
    next: u64,
    #[cfg(feature = "jetstream")]
    standing: BTreeMap<u64, Arc<Standing>>,
}

impl Complaints {
    pub(crate) fn push(&mut self, error: &ServerError) {
        for (_, heard) in &mut self.listeners {
            if heard.len() < HEARD_MAX {
                heard.push(error.clone());
            }
        }
    }

    /// Hands a complaint to those who listen for as long as they read; they are to be woken without
    /// the lock.
    #[cfg(feature = "jetstream")]
    pub(crate) fn push_standing(&mut self, error: &ServerError) -> Vec<Arc<Mailbox>> {
        let hear = |standing: &Arc<Standing>| {
            standing.push(error);
            standing.reader.upgrade()
        };
        self.standing.values().filter_map(hear).collect()
    }

    fn next_id(&mut self) -> u64 {
        self.next += 1;
        self.next
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
        let id = core.complaints.next_id();
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

/// The publishes that the server has refused, for one who publishes without waiting for an answer
/// and reads from a mailbox what comes of it: that reader is woken.
///
/// Every reading and every fetch has one: its drop leaves nothing behind.
#[cfg(feature = "jetstream")]
pub(crate) struct Refusals {
    shared: Arc<Shared>,
    id: u64,
    standing: Arc<Standing>,
}

#[cfg(feature = "jetstream")]
#[derive(Debug)]
struct Standing {
    /// Whether something was heard: all that is looked at as long as that is not so.
    any: AtomicBool,
    heard: Mutex<Vec<ServerError>>,
    reader: Weak<Mailbox>,
}

#[cfg(feature = "jetstream")]
impl Refusals {
    pub(crate) fn begin(shared: &Arc<Shared>, reader: &Arc<Mailbox>) -> Self {
        let standing = Arc::new(Standing {
            any: AtomicBool::new(false),
            heard: Mutex::default(),
            reader: Arc::downgrade(reader),
        });
        let mut core = shared.core.lock();
        let id = core.complaints.next_id();
        core.complaints.standing.insert(id, Arc::clone(&standing));
        drop(core);
        Self { shared: Arc::clone(shared), id, standing }
    }

    /// What has come since the last call. To be asked after the mailbox, which then has the waker of
    /// whoever asks.
    #[inline]
    pub(crate) fn take(&self) -> Vec<ServerError> {
        if self.standing.any.load(Ordering::Acquire) { self.standing.take() } else { Vec::new() }
    }
}

#[cfg(feature = "jetstream")]
impl Drop for Refusals {
    fn drop(&mut self) {
        self.shared.core.lock().complaints.standing.remove(&self.id);
    }
}

#[cfg(feature = "jetstream")]
impl Standing {
    fn push(&self, error: &ServerError) {
        let mut heard = self.heard.lock();
        if heard.len() < HEARD_MAX {
            heard.push(error.clone());
        }
        self.any.store(true, Ordering::Release);
    }

    #[cold]
    fn take(&self) -> Vec<ServerError> {
        let mut heard = self.heard.lock();
        self.any.store(false, Ordering::Relaxed);
        core::mem::take(&mut heard)
    }
}

#[cfg(all(test, feature = "jetstream"))]
mod tests {
    use super::*;
    use crate::ConnectOptions;
    use midge_proto::Instant;

    #[test]
    fn thousands_who_listened_leave_nothing_behind() {
        let options = ConnectOptions::<()>::new();
        let (client, _driver, _first) = options.build("localhost", Instant::ZERO).unwrap();
        let subscriber = client.subscription("replies").open().unwrap();
        let listeners = || client.shared().core.lock().complaints.standing.len();
        let stays = subscriber.refusals();
        for _ in 0..5_000 {
            let goes = subscriber.refusals();
            assert_eq!(listeners(), 2);
            drop(goes);
        }
        assert_eq!(listeners(), 1);

        let error = ServerError::parse(b"'Permissions Violation for Publish to \"s\"'");
        let woken = client.shared().core.lock().complaints.push_standing(&error);
        assert_eq!((woken.len(), stays.take()), (1, vec![error]));
        assert!(stays.take().is_empty());
        drop(stays);
        assert_eq!(listeners(), 0);
    }
}
