//! Who hears the news: readers that come and go, each with a bounded queue.

use super::Event;
use super::states::StateReaders;
use super::unheard::Sink;
pub(crate) use super::unheard::Unheard;
use crate::State;
use crate::event::StateChanges;
use crate::sync::{Arc, Mutex};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use futures_core::Stream;
use std::collections::VecDeque;

/// Events that wait for one reader at most; more are counted, not kept.
const EVENTS_MAX: usize = 1024;

#[derive(Debug)]
pub(crate) struct EventQueue(Mutex<Readers>);

#[derive(Debug)]
struct Readers {
    events: Vec<Arc<Mutex<Pending>>>,
    states: StateReaders,
    unheard: Sink,
}

#[derive(Debug, Default)]
struct Pending {
    events: VecDeque<Event>,
    skipped: u64,
    waker: Option<Waker>,
    over: bool,
}

impl EventQueue {
    /// `unheard` says where serious news goes while there is no reader.
    pub(crate) fn new(unheard: Unheard) -> Self {
        let unheard = Sink::new(unheard);
        let states = StateReaders::default();
        Self(Mutex::new(Readers { events: Vec::new(), states, unheard }))
    }

    pub(crate) fn subscribe(&self) -> Events {
        let pending = Arc::new(Mutex::new(Pending::default()));
        self.0.lock().events.push(Arc::clone(&pending));
        Events(pending)
    }

    pub(crate) fn subscribe_states(&self, wanted: &[State]) -> StateChanges {
        self.0.lock().states.subscribe(wanted)
    }

    pub(crate) fn push(&self, event: &Event) {
        let mut wakers = Vec::new();
        let line = {
            let mut readers = self.0.lock();
            // A reader that was dropped leaves the only reference here.
            readers.events.retain(|reader| Arc::strong_count(reader) > 1);
            for reader in &readers.events {
                let mut pending = reader.lock();
                if pending.events.len() < EVENTS_MAX {
                    if pending.skipped > 0 {
                        let skipped = core::mem::take(&mut pending.skipped);
                        pending.events.push_back(Event::Skipped(skipped));
                    }
                    pending.events.push_back(event.clone());
                } else {
                    pending.skipped += 1;
                }
                wakers.extend(pending.waker.take());
            }
            readers.states.push(event, &mut wakers);
            if readers.events.is_empty() { readers.unheard.line(event) } else { None }
        };
        wakers.into_iter().for_each(Waker::wake);
        if let Some(line) = line {
            super::unheard::write(&line);
        }
    }

    /// No more events will come.
    pub(crate) fn end(&self) {
        let mut wakers = Vec::new();
        let mut readers = self.0.lock();
        for reader in readers.events.drain(..) {
            let mut pending = reader.lock();
            pending.over = true;
            wakers.extend(pending.waker.take());
        }
        readers.states.end(&mut wakers);
        drop(readers);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// The stream of events of one client, from when it was asked for on; it ends after `Closed`.
#[derive(Debug)]
pub struct Events(Arc<Mutex<Pending>>);

impl Events {
    /// The next event; `None` after the last one.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Event> {
        core::future::poll_fn(|cx| self.poll(cx)).await
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut pending = self.0.lock();
        if let Some(event) = pending.events.pop_front() {
            if pending.events.is_empty() {
                // The next one may be hours away.
                pending.events = VecDeque::new();
            }
            return Poll::Ready(Some(event));
        }
        if pending.skipped > 0 {
            return Poll::Ready(Some(Event::Skipped(core::mem::take(&mut pending.skipped))));
        }
        if pending.over {
            return Poll::Ready(None);
        }
        pending.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll(cx)
    }
}
