//! How a machine of the core that reads from a consumer is carried: whoever polls for the next
//! message hands it what came, does what it orders and gives it time.

mod desk;
mod machine;
mod terms;

pub(super) use desk::{Desk, open};
pub(super) use machine::Machine;
pub(super) use terms::{Leftovers, Report, Terms};

use crate::complaints::Refusals;
use crate::error::PublishError;
use crate::event::StateChanges;
use crate::jetstream;
use crate::jetstream::consumer::control::{Closed, Closing, Control, Order, Orders};
use crate::jetstream::consumer::error::{MessagesError, MessagesFault};
use crate::jetstream::consumer::handled::Handled;
use crate::jetstream::consumer::returning::{Returning, give_back};
use crate::jetstream::context::ConsumerInfoError;
use crate::shared::State;
use crate::sleep::Sleep;
use crate::subscriber::forward::forward;
use crate::subscriber::handling::{Turns, contained};
use crate::subscriber::{Item, NextError, Subscriber};
use crate::sync::{Arc, AtomicU64, Ordering};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use core::time::Duration;
use futures_sink::Sink;
use midge_proto::jetstream::consume::Verdict;
use midge_proto::jetstream::consumer::{self, Id};
use midge_proto::jetstream::message::{Info, Lag};
use midge_proto::{Instant, Message, Refusal, ServerError};

/// Pause before something is ordered again that could not be sent.
const UNSENT_PAUSE: Duration = Duration::from_millis(250);

/// A machine with its subscription.
pub(super) struct Reading<M: Machine> {
    machine: M,
    desk: Desk,
    /// What it reads from; `None` once it is over.
    subscriber: Option<Subscriber>,
    /// What the server refuses meanwhile.
    refusals: Refusals,
    /// What the reader has to hear next.
    fault: Option<MessagesFault>,
    /// Why orders do not go out at the moment, as the reader has heard.
    unsent: Option<PublishError>,
    terms: Terms,
    /// The time it was made with, until a later one is known.
    made_at: Option<Instant>,
    /// The time at which the reader went with a message, until a later one is known. With an idle
    /// driver the clock stands still while the reader is away.
    left_at: Option<Instant>,
    /// When the machine is to be given time.
    alarm: Option<Alarm>,
    link: Link,
    wish: Wish,
    /// The reply subject of the last message: a copy, which costs less than to keep its chunk.
    last: Vec<u8>,
    /// Those who wait for the end.
    closing: Closing,
    /// What others may order, once somebody can.
    orders: Option<Orders>,
}

/// A wait for the time that the machine named.
struct Alarm {
    at: Instant,
    /// The wait itself, and how long it is.
    sleep: Sleep,
    wait: Duration,
    /// The times that may have been too old when it began.
    since: (Option<Instant>, Option<Instant>),
}

/// Whether what the machine orders can go out.
enum Link {
    Up,
    /// Until the next connection.
    Down(StateChanges),
    /// Something was not sent.
    Pausing(Sleep),
}

/// What is wanted still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    More,
    /// Nothing is asked for any more; what is on its way is read.
    Rest,
}

impl<M: Machine> Reading<M> {
    pub(super) fn new(machine: M, desk: Desk, subscriber: Subscriber, terms: Terms) -> Self {
        let made_at = Some(desk.now());
        let refusals = subscriber.refusals();
        Self {
            machine,
            desk,
            subscriber: Some(subscriber),
            refusals,
            fault: None,
            unsent: None,
            terms,
            made_at,
            left_at: None,
            alarm: None,
            link: Link::Up,
            wish: Wish::More,
            last: Vec::new(),
            closing: Closing::default(),
            orders: None,
        }
    }

    pub(super) const fn machine(&self) -> &M {
        &self.machine
    }

    pub(super) fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    pub(super) const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// What it reads from, unless it is over.
    pub(super) const fn subscriber(&self) -> Option<&Subscriber> {
        self.subscriber.as_ref()
    }

    #[inline]
    fn now(&mut self) -> Instant {
        let now = self.desk.now();
        let is_past = |at: &Instant| *at < now;
        if self.made_at.as_ref().is_some_and(is_past) || self.left_at.as_ref().is_some_and(is_past)
        {
            self.catch_up(now);
        }
        now
    }

    /// Tells the machine the time, which was an older one when it heard it last.
    fn catch_up(&mut self, now: Instant) {
        let since = (self.made_at.take(), self.left_at.take());
        let mut known = now;
        if let Some(Alarm { sleep, wait, since: before, .. }) = &mut self.alarm
            && *before == since
            && sleep.is_over()
        {
            // Nothing came since, and the wait tells what the time was when it began.
            known = Instant::ZERO + now.saturating_since(Instant::ZERO + *wait);
        }
        if since.0.is_some() {
            self.machine.handle_started(known);
        }
        if since.1.is_some() {
            self.machine.handle_resumed(known);
        }
    }

    fn sleep(&self, time: Duration) -> Sleep {
        self.desk.client().handle.sleep(time)
    }

    /// The next message.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Message, MessagesError>>> {
        loop {
            if self.orders.is_some() {
                self.obey(cx);
            }
            if self.subscriber.is_none() {
                return Poll::Ready(None);
            }
            let now = self.now();
            self.work(now, cx);
            self.look_for_trouble();
            if self.wish == Wish::More
                && let Some(fault) = self.fault.take()
            {
                return Poll::Ready(Some(Err(self.error(fault))));
            }
            if self.wish == Wish::More
                && let Some(end) = self.machine.end()
            {
                self.finish();
                return Poll::Ready(end.err().map(|fault| Err(self.error(fault))));
            }
            let Some(subscriber) = &mut self.subscriber else { return Poll::Ready(None) };
            match subscriber.poll_item(cx) {
                Poll::Ready(Some(Item::Message(message))) => {
                    let now = self.now();
                    match self.machine.handle_message(now, &message) {
                        Verdict::Deliver => {
                            self.machine.handle_taken(now, &message);
                            self.work(now, cx);
                            // News that came with the message must not wait for the next one.
                            self.look_for_trouble();
                            self.left_at = Some(now);
                            return Poll::Ready(Some(Ok(message)));
                        }
                        Verdict::Consumed => {}
                        // What was asked for before the end was asked for is still wanted.
                        Verdict::GiveBack if self.wish == Wish::Rest => {
                            return Poll::Ready(Some(Ok(message)));
                        }
                        Verdict::GiveBack => give_back(self.desk.client(), &message),
                    }
                }
                Poll::Ready(Some(Item::Gap(_))) => self.lose_link(),
                Poll::Ready(None) => {
                    let reason = subscriber.end_reason().filter(|_| self.wish == Wish::More);
                    self.close();
                    // Drained by the client: the end that was wanted.
                    let reason = reason.filter(|reason| *reason != NextError::Finished);
                    let fault = reason.map(MessagesFault::Subscription);
                    return Poll::Ready(fault.map(|fault| Err(self.error(fault))));
                }
                Poll::Pending => {
                    if self.hear_refusals() {
                        continue;
                    }
                    let linked = self.poll_link(cx);
                    let woken = self.poll_alarm(cx);
                    if linked.is_pending() && woken.is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// The next message, to be acknowledged.
    #[inline]
    pub(super) fn poll_message(
        &mut self,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<jetstream::Message, MessagesError>>> {
        let next = self.poll_next(cx);
        if let Poll::Ready(Some(Ok(Message { reply: Some(reply), .. }))) = &next {
            self.last.clear();
            self.last.extend_from_slice(reply.as_bytes());
        }
        next.map_ok(|message| self.terms.apply(message, &self.desk.context))
    }

    /// How far the consumer was with the last message.
    pub(super) fn lag(&self) -> Option<Lag> {
        let reply = core::str::from_utf8(&self.last).ok()?;
        Info::parse(reply).ok().map(Lag::from)
    }

    /// The next message if one is there.
    pub(super) fn try_message(&mut self) -> Option<Result<jetstream::Message, MessagesError>> {
        let mut cx = TaskContext::from_waker(core::task::Waker::noop());
        match self.poll_message(&mut cx) {
            Poll::Ready(next) => next,
            Poll::Pending => None,
        }
    }

    /// The next message, unless the time is up first; the end is an error.
    pub(super) async fn next_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Option<jetstream::Message>, MessagesError> {
        let sleep = self.sleep(timeout);
        let mut next = core::pin::pin!(core::future::poll_fn(|cx| self.poll_message(cx)));
        let next = sleep.race(next.as_mut()).await;
        match next {
            None => Ok(None),
            Some(Some(next)) => next.map(Some),
            Some(None) => Err(self.error(MessagesFault::Subscription(NextError::Finished))),
        }
    }

    fn work(&mut self, now: Instant, cx: &mut TaskContext<'_>) {
        if self.wish == Wish::More && matches!(self.link, Link::Up) {
            match self.machine.work(now, &self.desk, cx) {
                Ok(()) => self.unsent = None,
                Err(error) => self.pause(error),
            }
            if let Some(subscriber) = self.machine.poll_subscriber() {
                self.refusals = subscriber.refusals();
                self.subscriber = Some(subscriber);
            }
        }
    }

    /// An order could not be sent, and is given again after a while; the reader hears why, once.
    #[cold]
    fn pause(&mut self, error: PublishError) {
        self.machine.handle_disconnected();
        self.link = Link::Pausing(self.sleep(UNSENT_PAUSE));
        // The end of the client is that of the subscription, which tells it.
        let ends = matches!(error, PublishError::Refused(Refusal::Draining | Refusal::Closed));
        if !ends && self.unsent.as_ref() != Some(&error) {
            self.fault.get_or_insert(MessagesFault::Unsent(error.clone()));
            self.unsent = Some(error);
        }
    }

    /// Has the listener told what there is to tell, and keeps what the reader has to hear.
    #[inline]
    fn look_for_trouble(&mut self) {
        if self.fault.is_none() {
            self.fault = self.machine.poll_trouble();
        }
    }

    /// Whether the server has refused something.
    #[inline]
    fn hear_refusals(&mut self) -> bool {
        let refused = self.refusals.take();
        for error in &refused {
            if let ServerError::PublishPermission { subject, .. } = error {
                let now = self.now();
                self.machine.handle_denied(now, &self.desk, subject, error);
            }
        }
        !refused.is_empty()
    }

    /// Does what was ordered from elsewhere.
    fn obey(&mut self, cx: &mut TaskContext<'_>) {
        match self.orders.as_mut().map_or(Poll::Pending, |orders| orders.poll(cx)) {
            Poll::Ready(Order::Stop) => self.finish(),
            Poll::Ready(Order::Drain) => self.drain(),
            Poll::Pending => {}
        }
    }

    /// What others may stop and drain the reading with.
    pub(super) fn control(&mut self) -> Control {
        self.orders.get_or_insert_with(Orders::new).control()
    }

    /// Messages or answers may be missing: what was asked for on the connection before is void.
    fn lose_link(&mut self) {
        self.machine.handle_disconnected();
        self.await_link();
    }

    fn await_link(&mut self) {
        let shared = self.desk.client().shared();
        // In this order, so that no change is missed between the two.
        let changes = shared.events.subscribe_states(&[State::Connected]);
        if self.is_connected() {
            self.restore_link();
        } else {
            self.link = Link::Down(changes);
        }
    }

    fn is_connected(&self) -> bool {
        self.desk.client().shared().core.lock().view.state == State::Connected
    }

    /// Has the first orders of the machine carried out before anybody polls, now or as soon as
    /// there is a connection.
    pub(super) fn begin(mut self) -> Self {
        if self.is_connected() {
            let now = self.now();
            self.work(now, &mut TaskContext::from_waker(core::task::Waker::noop()));
        } else {
            self.machine.handle_offline();
            self.await_link();
        }
        self
    }

    fn restore_link(&mut self) {
        self.link = Link::Up;
        let now = self.now();
        self.machine.handle_reconnected(now);
    }

    /// Ready when there was something new.
    fn poll_link(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let restored = match &mut self.link {
            Link::Up => Poll::Pending,
            Link::Down(changes) => {
                let change = changes.poll(cx);
                // Without another change the client is closed, and the subscription tells that.
                if matches!(change, Poll::Ready(Some(_))) { Poll::Ready(()) } else { Poll::Pending }
            }
            Link::Pausing(pause) => Pin::new(pause).poll(cx),
        };
        if restored.is_ready() {
            self.restore_link();
        }
        restored
    }

    /// Ready when the machine was given time.
    fn poll_alarm(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let Some(wanted) = self.machine.poll_timeout().filter(|_| self.wish == Wish::More) else {
            self.alarm = None;
            return Poll::Pending;
        };
        let now = self.now();
        // One that is too early does no harm, and messages move the time on and on.
        if self.alarm.as_ref().is_none_or(|alarm| alarm.at > wanted) {
            let wait = wanted.saturating_since(now);
            let since = (self.made_at, self.left_at);
            self.alarm = Some(Alarm { at: wanted, sleep: self.sleep(wait), wait, since });
        }
        let Some(alarm) = &mut self.alarm else { return Poll::Pending };
        if Pin::new(&mut alarm.sleep).poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.alarm = None;
        let now = self.now();
        self.machine.handle_timeout(now);
        Poll::Ready(())
    }

    fn error(&self, fault: MessagesFault) -> MessagesError {
        let Id { stream, consumer } = &self.desk.id;
        let consumer = self.machine.consumer().unwrap_or(consumer.as_str());
        MessagesError::new(stream.as_str(), consumer, fault)
    }

    /// Asks for nothing more; the reading ends behind what is on its way.
    pub(super) fn drain(&mut self) {
        if let Some(subscriber) = &mut self.subscriber
            && self.wish == Wish::More
        {
            self.wish = Wish::Rest;
            // A closed client has nothing on its way.
            let _ = subscriber.begin_drain();
        }
    }

    /// Calls `callback` with each message and `on_error` with what passes, up to the end.
    pub(super) async fn handle<F, H>(
        mut self,
        mut callback: F,
        mut on_error: impl FnMut(MessagesError),
    ) -> Handled
    where
        F: FnMut(jetstream::Message) -> H,
        H: Future<Output = ()>,
    {
        let mut handled = Handled { messages: 0, panicked: 0, unacknowledged: 0, error: None };
        let mut turns = Turns::default();
        while let Some(next) = core::future::poll_fn(|cx| self.poll_message(cx)).await {
            match next {
                Ok(message) => {
                    handled.messages += 1;
                    if contained(|| callback(message)).await.is_err() {
                        handled.panicked += 1;
                        if let Some(subscriber) = &self.subscriber {
                            subscriber.tell_panic();
                        }
                    }
                }
                Err(error) if error.is_final() => handled.error = Some(error),
                Err(error) => on_error(error),
            }
            turns.take().await;
        }
        handled
    }

    /// As [`handle`](Self::handle); and says that a message is done when its call is, unless
    /// the call has said what became of it.
    pub(super) async fn handle_and_ack<F, H>(
        self,
        mut callback: F,
        on_error: impl FnMut(MessagesError),
    ) -> Handled
    where
        F: FnMut(jetstream::Message) -> H,
        H: Future<Output = ()>,
    {
        let needs_acks = self.needs_acks();
        let unacknowledged = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&unacknowledged);
        let acknowledging = move |mut message: jetstream::Message| {
            let acker = needs_acks.then(|| message.acker());
            let call = callback(message);
            let counter = Arc::clone(&counter);
            async move {
                call.await;
                let Some(acker) = acker else { return };
                // A word of the call that did not get through is not contradicted: the message comes
                // again when its time is over.
                if acker.ack_unless_said().await.is_err() {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let handled = self.handle(acknowledging, on_error).await;
        Handled { unacknowledged: unacknowledged.load(Ordering::Relaxed), ..handled }
    }

    /// Passes every message on to a sink, and errors that pass to `on_error`; returns the last one.
    pub(super) async fn forward_to<S: Sink<jetstream::Message>>(
        mut self,
        sink: S,
        mut on_error: impl FnMut(MessagesError),
    ) -> Result<Option<MessagesError>, S::Error> {
        let mut last = None;
        let poll = |cx: &mut TaskContext<'_>| loop {
            match core::task::ready!(self.poll_message(cx)) {
                Some(Ok(message)) => return Poll::Ready(Some(message)),
                Some(Err(error)) if error.is_final() => last = Some(error),
                Some(Err(error)) => on_error(error),
                None => return Poll::Ready(None),
            }
        };
        forward(poll, sink).await?;
        Ok(last)
    }

    /// Whether the consumer waits for acknowledgements.
    pub(super) fn needs_acks(&self) -> bool {
        self.terms.leftovers == Leftovers::GivenBack
    }

    /// What the consumer is and how far it is.
    pub(super) async fn consumer_info(&self) -> Result<consumer::Info, ConsumerInfoError> {
        self.desk.context.consumer_info(self.desk.id.clone()).await
    }

    /// Completes when the reading is over.
    pub(super) fn closed(&mut self) -> Closed {
        match self.subscriber {
            Some(_) => self.closing.wait(),
            None => Closing::default().wait(),
        }
    }

    fn close(&mut self) -> Option<Subscriber> {
        let subscriber = self.subscriber.take()?;
        self.alarm = None;
        self.closing = Closing::default();
        self.machine.handle_over(&self.desk);
        Some(subscriber)
    }

    /// Ends the reading at once; what is there and what is on its way goes back to the consumer.
    pub(super) fn finish(&mut self) {
        if let Some(subscriber) = self.close()
            && self.terms.leftovers == Leftovers::GivenBack
        {
            Returning::begin(subscriber, self.desk.client().clone());
        }
    }
}

impl<M: Machine> Drop for Reading<M> {
    fn drop(&mut self) {
        self.finish();
    }
}
