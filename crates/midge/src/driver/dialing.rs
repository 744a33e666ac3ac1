//! Dials side by side, of which the first that opens a stream wins.

use crate::dialer::{CustomDial, Dialed, Link};
use crate::runtime::{Runtime, SocketOptions};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use midge_proto::{DialId, Target};
use std::io;

/// A stream that was opened, and the name of its peer where that is proven already.
pub(super) struct Opened<S> {
    pub(super) link: Link<S>,
    pub(super) verified_name: Option<String>,
}

/// Who opens a stream.
pub(super) enum Way {
    Runtime(Target, SocketOptions),
    Custom(CustomDial),
}

/// Opens one stream.
pub(super) async fn open<R: Runtime>(runtime: &R, way: Way) -> io::Result<Opened<R::Stream>> {
    match way {
        Way::Runtime(target, options) => {
            let link = Link::Runtime(runtime.connect(target, options).await?);
            Ok(Opened { link, verified_name: None })
        }
        Way::Custom(dial) => {
            let Dialed { stream, verified_name } = dial.await?;
            Ok(Opened { link: Link::Custom(stream), verified_name })
        }
    }
}

/// The dials under way.
pub(super) struct Dials<F>(Vec<(DialId, Pin<Box<F>>)>);

impl<F: Future> Dials<F> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn begin(&mut self, dial: DialId, future: F) {
        self.0.push((dial, Box::pin(future)));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// One that is done.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Option<(DialId, F::Output)> {
        let done = self.0.iter_mut().enumerate().find_map(|(at, (_, future))| {
            match future.as_mut().poll(cx) {
                Poll::Ready(output) => Some((at, output)),
                Poll::Pending => None,
            }
        });
        done.map(|(at, output)| (self.0.swap_remove(at).0, output))
    }
}
