//! What every handle that reads on and on can do.

use crate::jetstream::consumer::error::MessagesError;

/// What a reading with a callback came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Handled {
    /// Messages that the callback was called with.
    pub messages: u64,
    /// Calls that panicked among them.
    pub panicked: u64,
    /// Messages of `handle_and_ack` whose acknowledgement could not be sent, and those of which the
    /// callback wanted to say something that did not get through; they come again when their time
    /// is over.
    pub unacknowledged: u64,
    /// Why no more will come, unless the reading was stopped, drained or complete.
    pub error: Option<MessagesError>,
}

/// The calls of a handle whose field `reading` is a `Reading`.
macro_rules! reads_on {
    ($handle:ty) => {
        impl $handle {
            /// The next message; `None` when reading was stopped or drained, or all messages that
            /// were wanted have come.
            ///
            /// # Errors
            ///
            /// See [`MessagesError`]; unless it [is final](MessagesError::is_final), the next call
            /// goes on.
            ///
            /// # Cancel safety
            ///
            /// A message leaves in the poll that returns it: nothing is lost.
            pub async fn next(&mut self) -> Option<Result<$crate::jetstream::Message, MessagesError>> {
                core::future::poll_fn(|cx| self.reading.poll_message(cx)).await
            }

            /// As [`next`](Self::next), with the time to wait: `Ok(None)` when nothing came.
            ///
            /// # Errors
            ///
            /// As [`next`](Self::next); and the end as
            /// [`NextError::Finished`](crate::NextError::Finished).
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            pub async fn next_timeout(
                &mut self,
                timeout: core::time::Duration,
            ) -> Result<Option<$crate::jetstream::Message>, MessagesError> {
                self.reading.next_timeout(timeout).await
            }

            /// The next message if one is there, without waiting; `None` also at the end.
            ///
            /// # Errors
            ///
            /// As [`next`](Self::next).
            pub fn next_now(&mut self) -> Option<Result<$crate::jetstream::Message, MessagesError>> {
                self.reading.try_message()
            }

            /// Ends the reading at once; messages that are there or on their way go back to the
            /// consumer.
            pub fn stop(&mut self) {
                self.reading.finish();
            }

            /// Completes when the reading is over: read to its end, stopped, or dropped.
            pub fn closed(&mut self) -> $crate::jetstream::consumer::Closed {
                self.reading.closed()
            }

            /// Asks for nothing more; the reading ends behind what was on its way.
            ///
            /// # Cancel safety
            ///
            /// Safe: it does not wait.
            pub async fn drain(&mut self) {
                self.reading.drain();
            }

            /// What ends this reading from elsewhere, for example while
            /// [`handle`](Self::handle) has it.
            pub fn control(&mut self) -> $crate::jetstream::consumer::Control {
                self.reading.control()
            }

            /// Calls `callback` with each message, one after the other: the next call begins when
            /// the future of the one before is done. `on_error` is called with errors that pass.
            ///
            /// The future returned does it, wherever it is spawned or awaited, and completes when
            /// the reading is over and its last message was handled; [`control`](Self::control)
            /// ends it. Dropping it ends it at once, and drops a call that is under way, too. A
            /// callback that panics is told by
            /// [`ClientError::CallbackPanicked`](crate::ClientError::CallbackPanicked) and called
            /// again for the next message; nothing is acknowledged for it.
            pub fn handle<F, H, E>(
                self,
                callback: F,
                on_error: E,
            ) -> impl core::future::Future<Output = $crate::jetstream::consumer::Handled>
            + use<F, H, E>
            where
                F: FnMut($crate::jetstream::Message) -> H,
                H: core::future::Future<Output = ()>,
                E: FnMut(MessagesError),
            {
                self.reading.handle(callback, on_error)
            }

            /// As [`handle`](Self::handle); and acknowledges each message when the future of its call
            /// is done, unless that has said itself what became of it, or wanted to: what it could
            /// not send or have confirmed is not contradicted, and the message counts as
            /// [`unacknowledged`]($crate::jetstream::consumer::Handled::unacknowledged). Where the
            /// consumer waits for no acknowledgements, none is sent.
            ///
            /// A call that panics or is dropped acknowledges nothing: its message comes again.
            pub fn handle_and_ack<F, H, E>(
                self,
                callback: F,
                on_error: E,
            ) -> impl core::future::Future<Output = $crate::jetstream::consumer::Handled>
            + use<F, H, E>
            where
                F: FnMut($crate::jetstream::Message) -> H,
                H: core::future::Future<Output = ()>,
                E: FnMut(MessagesError),
            {
                self.reading.handle_and_ack(callback, on_error)
            }

            /// Passes every message on to `sink`, a channel for example, and closes it behind the
            /// last one; `on_error` is called with errors that pass. Returns why no more will come,
            /// unless the reading was stopped, drained or complete.
            ///
            /// A message leaves the reading only when the sink has room for it. The sink is flushed
            /// whenever nothing waits.
            ///
            /// # Errors
            ///
            /// That of the sink, such as a channel without a receiver; the reading is over then.
            ///
            /// # Cancel safety
            ///
            /// A dropped future ends the reading; what the sink took is not lost.
            pub async fn forward_to<S, E>(
                self,
                sink: S,
                on_error: E,
            ) -> Result<Option<MessagesError>, S::Error>
            where
                S: futures_sink::Sink<$crate::jetstream::Message>,
                E: FnMut(MessagesError),
            {
                self.reading.forward_to(sink, on_error).await
            }

            /// Whether the consumer waits for acknowledgements.
            #[must_use]
            pub fn needs_acks(&self) -> bool {
                self.reading.needs_acks()
            }

            /// Messages and bytes that may wait here to be read before the policy decides; none once
            /// it is over.
            #[must_use]
            pub fn pending_limits(&self) -> Option<(usize, usize)> {
                self.reading.subscriber().map($crate::Subscriber::pending_limits)
            }

            /// Messages and bytes that wait here to be read, those delivered so far and those
            /// dropped; none once it is over.
            #[must_use]
            pub fn pending(&self) -> $crate::Pending {
                self.reading.subscriber().map($crate::Subscriber::pending).unwrap_or_default()
            }
        }

        impl futures_core::Stream for $handle {
            type Item = Result<$crate::jetstream::Message, MessagesError>;

            #[inline]
            fn poll_next(
                self: core::pin::Pin<&mut Self>,
                cx: &mut core::task::Context<'_>,
            ) -> core::task::Poll<Option<Self::Item>> {
                self.get_mut().reading.poll_message(cx)
            }
        }
    };
}
pub(super) use reads_on;
