//! Look-ups of names, on one thread a connection that lives as long as there are any.

use core::net::SocketAddr;
use futures_channel::oneshot;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) type Answer = io::Result<Vec<SocketAddr>>;

#[derive(Debug)]
pub(crate) struct Resolver {
    queue: Mutex<Queue>,
    /// What looks up, and blocks.
    system: fn(&str, u16) -> Answer,
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new(midge_socket::look_up)
    }
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Lookup>,
    is_running: bool,
}

#[derive(Debug)]
struct Lookup {
    host: String,
    port: u16,
    answer: oneshot::Sender<Answer>,
}

impl Resolver {
    pub(crate) fn new(system: fn(&str, u16) -> Answer) -> Self {
        Self { queue: Mutex::default(), system }
    }

    /// Looks a name up; one whose attempt was given up meanwhile is not begun.
    pub(crate) async fn look_up(self: Arc<Self>, host: String, port: u16) -> Answer {
        let (answer, receiver) = oneshot::channel();
        self.enqueue(Lookup { host, port, answer })?;
        receiver.await.unwrap_or_else(|_| Err(io::Error::other("the look-up thread ended")))
    }

    fn enqueue(self: Arc<Self>, lookup: Lookup) -> io::Result<()> {
        let mut queue = self.queue();
        queue.waiting.push_back(lookup);
        if queue.is_running {
            return Ok(());
        }
        let resolver = Arc::clone(&self);
        let thread = std::thread::Builder::new().name("midge-lookup".to_owned());
        thread.spawn(move || resolver.run())?;
        queue.is_running = true;
        Ok(())
    }

    fn run(&self) {
        while let Some(lookup) = self.next() {
            if !lookup.answer.is_canceled() {
                let found = (self.system)(&lookup.host, lookup.port);
                let _ = lookup.answer.send(found);
            }
        }
    }

    fn next(&self) -> Option<Lookup> {
        let mut queue = self.queue();
        let next = queue.waiting.pop_front();
        queue.is_running = next.is_some();
        next
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
