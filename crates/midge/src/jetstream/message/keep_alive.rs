//! Signs of life for a message that is being worked on.

use super::word::Word;
use crate::sleep::Sleep;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;

/// The shortest time between two signs.
const PERIOD_MIN: Duration = Duration::from_millis(1);

/// When the next sign is given.
enum Beat {
    /// As soon as the work has to wait.
    First,
    After(Sleep),
    /// Nobody is to hear of it any more.
    Never,
}

pub(super) async fn keep_alive<W: Future>(word: Word<'_>, period: Duration, work: W) -> W::Output {
    let period = period.max(PERIOD_MIN);
    let mut work = pin!(work);
    let mut beat = Beat::First;
    poll_fn(|cx| {
        let done = work.as_mut().poll(cx);
        if done.is_pending() {
            beat.poll(cx, word, period);
        }
        done
    })
    .await
}

impl Beat {
    fn poll(&mut self, cx: &mut Context<'_>, word: Word<'_>, period: Duration) {
        loop {
            match self {
                Self::First => {}
                Self::After(sleep) => match Pin::new(sleep).poll(cx) {
                    Poll::Ready(()) => {}
                    Poll::Pending => return,
                },
                Self::Never => return,
            }
            // It is acknowledged, or the client is closed, with which every sleep is over at once.
            *self = match word.progress() {
                Ok(()) => Self::After(word.context.inner.client.handle.sleep(period)),
                Err(_) => Self::Never,
            };
        }
    }
}
