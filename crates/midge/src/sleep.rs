//! Timeouts of handles, kept by the driver: a handle never reads a clock.

use crate::shared::{Command, Shared, wake};
use crate::sync::Arc;
use core::future::{Future, poll_fn};
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use futures_channel::oneshot;

/// Completes after a time, or when the client is closed.
pub(crate) struct Sleep<S = Arc<Shared>>
where
    S: Deref<Target = Shared> + Unpin,
{
    shared: S,
    state: State,
}

enum State {
    New(Duration),
    Running(u64, oneshot::Receiver<()>),
    Done,
}

impl<S: Deref<Target = Shared> + Unpin> Sleep<S> {
    pub(crate) fn new(shared: S, after: Duration) -> Self {
        Self { shared, state: State::New(after) }
    }

    /// Whether the time is up, for all that is known without waiting.
    #[cfg(feature = "jetstream")]
    pub(crate) fn is_over(&mut self) -> bool {
        if let State::Running(_, receiver) = &mut self.state
            && !matches!(receiver.try_recv(), Ok(None))
        {
            self.state = State::Done;
        }
        matches!(self.state, State::Done)
    }

    /// The future's output, or `None` when the time was up first.
    pub(crate) async fn race<F: Future>(mut self, mut future: Pin<&mut F>) -> Option<F::Output> {
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            Pin::new(&mut self).poll(cx).map(|()| None)
        })
        .await
    }
}

impl<S: Deref<Target = Shared> + Unpin> Future for Sleep<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if let State::New(after) = this.state {
            let (done, receiver) = oneshot::channel();
            let mut core = this.shared.core.lock();
            // Nobody is left to keep the time.
            if core.view.state == crate::State::Closed {
                this.state = State::Done;
                return Poll::Ready(());
            }
            let id = core.next_sleep();
            let waker = core.command(Command::Sleep { id, after, done });
            drop(core);
            wake(waker);
            this.state = State::Running(id, receiver);
        }
        let State::Running(_, receiver) = &mut this.state else { return Poll::Ready(()) };
        match Pin::new(receiver).poll(cx) {
            Poll::Ready(_) => {
                this.state = State::Done;
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: Deref<Target = Shared> + Unpin> Drop for Sleep<S> {
    fn drop(&mut self) {
        if let State::Running(id, _) = self.state {
            let mut core = self.shared.core.lock();
            if core.view.state != crate::State::Closed {
                // Not worth a wake: the driver takes it in with whatever comes next.
                core.commands.push(Command::CancelSleep { id });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConnectOptions;
    use core::task::Waker;
    use midge_proto::Instant;

    #[test]
    fn a_sleep_that_begins_or_goes_on_when_the_client_is_closed_is_over() {
        let options = ConnectOptions::<()>::new();
        let (client, driver, _first) = options.build("localhost", Instant::ZERO).unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        let mut sleeping = client.handle.sleep(Duration::MAX);
        assert!(Pin::new(&mut sleeping).poll(&mut cx).is_pending());
        let abandoned = [(); 3].map(|()| {
            let mut sleep = client.handle.sleep(Duration::MAX);
            assert!(Pin::new(&mut sleep).poll(&mut cx).is_pending());
            sleep
        });
        drop(driver);
        drop(abandoned);
        assert!(Pin::new(&mut sleeping).poll(&mut cx).is_ready());
        assert!(Pin::new(&mut client.handle.sleep(Duration::MAX)).poll(&mut cx).is_ready());
        assert!(client.shared().core.lock().commands.is_empty());
    }
}
