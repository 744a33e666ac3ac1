//! Streams that the application opens by itself.

use crate::callbacks::BoxFuture;
use crate::runtime::{SocketOptions, Stream};
use crate::sync::Arc;
use core::fmt;
use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_io::{AsyncRead, AsyncWrite};
use midge_proto::{ServerAddr, Target};
use std::io::{self, IoSlice};

/// What a dialer of the application is asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DialRequest {
    /// Where to: the server, or the proxy if one is set.
    pub target: Target,
    /// The server that the stream is for.
    pub server: ServerAddr,
    /// What the options say about sockets.
    pub socket: SocketOptions,
}

/// A stream that the application opened.
pub struct Dialed {
    pub(crate) stream: BoxStream,
    pub(crate) verified_name: Option<String>,
}

pub(crate) type BoxStream = Box<dyn Stream + Send>;

impl Dialed {
    /// A stream of midge's own kind.
    #[must_use]
    pub fn new(stream: impl Stream + Send + 'static) -> Self {
        Self { stream: Box::new(stream), verified_name: None }
    }

    /// A stream with the traits of `futures-io`.
    #[must_use]
    pub fn from_async_io(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        Self::new(AsyncIo { stream, flush: Flush::Done })
    }

    /// Says that the stream is encrypted already and that the peer's certificate was verified under
    /// `name`. TLS is not spoken again, and passwords go where they would go over verified TLS.
    #[must_use]
    pub fn secured(mut self, name: impl Into<String>) -> Self {
        self.verified_name = Some(name.into());
        self
    }
}

impl fmt::Debug for Dialed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialed").field("verified_name", &self.verified_name).finish_non_exhaustive()
    }
}

/// The application's function.
#[derive(Clone)]
pub(crate) struct Dialer(Arc<dyn Fn(DialRequest) -> BoxFuture<io::Result<Dialed>> + Send + Sync>);

impl Dialer {
    pub(crate) fn new<F, Fut>(dial: F) -> Self
    where
        F: Fn(DialRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<Dialed>> + Send + 'static,
    {
        Self(Arc::new(move |request| Box::pin(dial(request))))
    }

    pub(crate) fn dial(&self, request: DialRequest) -> CustomDial {
        CustomDial((self.0)(request))
    }
}

/// A dial by the application's own function, to be polled; see
/// [`DriverOrder::DialCustom`](crate::DriverOrder::DialCustom).
#[must_use]
pub struct CustomDial(BoxFuture<io::Result<Dialed>>);

impl Future for CustomDial {
    type Output = io::Result<Dialed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Dialed>> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for CustomDial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomDial").finish_non_exhaustive()
    }
}

/// A stream of `futures-io` as one of ours. Such a stream may keep what it took until it is told to
/// let it go.
struct AsyncIo<S> {
    stream: S,
    flush: Flush,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flush {
    Done,
    Due,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for AsyncIo<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        if let Poll::Ready(Ok(_)) = written {
            self.flush = Flush::Due;
        }
        written
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flush == Flush::Done {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.flush = Flush::Done;
        }
        flushed
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// The stream of a connection: of the runtime, or of the application.
pub(crate) enum Link<S> {
    Runtime(S),
    Custom(BoxStream),
}

impl<S: Stream> Stream for Link<S> {
    #[inline]
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Runtime(stream) => stream.poll_read(cx, buf),
            Self::Custom(stream) => stream.poll_read(cx, buf),
        }
    }

    #[inline]
    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Runtime(stream) => stream.poll_write_vectored(cx, bufs),
            Self::Custom(stream) => stream.poll_write_vectored(cx, bufs),
        }
    }

    #[inline]
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Runtime(stream) => stream.poll_flush(cx),
            Self::Custom(stream) => stream.poll_flush(cx),
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Runtime(stream) => stream.poll_close(cx),
            Self::Custom(stream) => stream.poll_close(cx),
        }
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Runtime(stream) => stream.local_addr(),
            Self::Custom(stream) => stream.local_addr(),
        }
    }
}
