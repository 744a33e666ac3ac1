//! Messages into a sink that the application owns.

use super::{NextError, Subscriber};
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll};
use futures_sink::Sink;
use midge_proto::Message;

impl Subscriber {
    /// Passes every message on to `sink`, a channel for example, and closes it behind the last one;
    /// returns why the subscription ended.
    ///
    /// A message leaves the subscription only when the sink has room for it: a slow sink makes a
    /// slow consumer, for which its policy decides. The sink is flushed whenever nothing waits.
    ///
    /// # Errors
    ///
    /// That of the sink, such as a channel without a receiver; the subscription is ended then.
    ///
    /// # Cancel safety
    ///
    /// A dropped future unsubscribes; what the sink took is not lost.
    pub async fn forward_to<S: Sink<Message>>(mut self, sink: S) -> Result<NextError, S::Error> {
        forward(|cx| self.poll_message(cx), sink).await?;
        Ok(self.next_error())
    }
}

/// Passes everything that `poll` brings on to a sink, and closes it behind the last item.
pub(crate) async fn forward<M, S: Sink<M>>(
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<Option<M>>,
    sink: S,
) -> Result<(), S::Error> {
    let mut sink = pin!(sink);
    loop {
        poll_fn(|cx| sink.as_mut().poll_ready(cx)).await?;
        let next = poll_fn(|cx| match poll(cx) {
            Poll::Ready(message) => Poll::Ready(Ok(message)),
            Poll::Pending => match sink.as_mut().poll_flush(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
            },
        });
        let Some(message) = next.await? else { break };
        sink.as_mut().start_send(message)?;
    }
    poll_fn(|cx| sink.as_mut().poll_close(cx)).await
}
