//! A backup on its way out.

use crate::error::SubscribeError;
use crate::jetstream::context::Context;
use crate::jetstream::error::CallError;
use crate::jetstream::stream::Stream;
use crate::mailbox::SlowConsumerPolicy;
use crate::sleep::Sleep;
use crate::subscriber::Subscriber;
use crate::{PublishError, sync::Arc};
use bytes::{Buf, Bytes};
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll, ready};
use core::time::Duration;
use futures_io::AsyncRead;
use midge_proto::Subject;
use midge_proto::jetstream::StreamName;
use midge_proto::jetstream::stream::{
    SNAPSHOT_PATIENCE, Snapshot, SnapshotFailure, SnapshotPart, SnapshotReader, SnapshotRequest,
};

/// Most chunks that wait to be read: a window of the greatest size (32 MiB) in the smallest chunks.
const WAITING_CHUNKS_MAX: usize = 64 * 1024;

/// Most bytes that wait to be read: twice the greatest window, for what the subjects take.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

impl<T> Stream<T> {
    /// A backup of the stream, with its consumers; it begins with
    /// [`open`](SnapshotBuilder::open).
    pub fn snapshot(&self) -> SnapshotBuilder {
        let inbox = Subject::from(self.context().client().new_inbox());
        SnapshotBuilder {
            context: self.context().clone(),
            request: SnapshotRequest::new(self.name().clone(), inbox.clone()),
            stream: self.name().clone(),
            inbox,
            patience: SNAPSHOT_PATIENCE,
        }
    }
}

/// A backup that is about to begin.
#[derive(Clone, Debug)]
#[must_use = "a backup begins with `open`"]
pub struct SnapshotBuilder {
    context: Context,
    request: SnapshotRequest,
    stream: StreamName,
    inbox: Subject,
    patience: Duration,
}

impl SnapshotBuilder {
    /// Leaves the consumers out.
    pub fn without_consumers(mut self) -> Self {
        self.request = self.request.without_consumers();
        self
    }

    /// Has the server check all messages first.
    pub fn check_messages(mut self) -> Self {
        self.request = self.request.check_messages();
        self
    }

    /// Bytes of a chunk, 1 KiB to 1 MiB; 128 KiB by default.
    pub fn chunk_size(mut self, bytes: usize) -> Self {
        self.request = self.request.chunk_size(bytes);
        self
    }

    /// Bytes that the server may be ahead of the reader, 1 KiB to 32 MiB; 8 MiB by default (2.12).
    pub fn window_size(mut self, bytes: usize) -> Self {
        self.request = self.request.window_size(bytes);
        self
    }

    /// How long the server may be silent while the next chunk is waited for; 30 s by default.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Begins the backup.
    ///
    /// # Errors
    ///
    /// As [`Context::call`]; and when the stream is not there.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves nothing behind: the server gives up when nobody listens.
    pub async fn open(self) -> Result<StreamSnapshot, SnapshotError> {
        let client = self.context.client();
        // Chunks can come before the answer.
        let subscriber = client
            .subscription(self.inbox)
            .capacity(WAITING_CHUNKS_MAX)
            .capacity_bytes(WAITING_BYTES_MAX)
            .slow_consumer(SlowConsumerPolicy::DropNewest)
            .open()?;
        let snapshot = self.context.ask(&self.request).await?;
        Ok(StreamSnapshot {
            connection: connection(&self.context),
            context: self.context,
            stream: self.stream,
            snapshot,
            subscriber,
            reader: SnapshotReader::new(),
            patience: self.patience,
            silence: None,
            acknowledging: None,
            rest: Bytes::new(),
            failure: None,
        })
    }
}

/// What tells one connection from the next: the server, and its number for the client.
fn connection(context: &Context) -> (String, u64) {
    let info = context.inner.client.server_info();
    (info.server_id, info.client_id)
}

type Acknowledging = Pin<Box<dyn Future<Output = Result<(), PublishError>> + Send>>;

/// A backup on its way out: a stream of chunks, or an [`AsyncRead`] over their bytes.
///
/// The bytes are a compressed archive as the server makes it. What they are of is told by
/// [`snapshot`](Self::snapshot) and has to be kept with them.
///
/// The server is ahead by its window at most, 8 MiB by default. Whoever takes nothing for 5 s behind
/// that gets [`SnapshotFailure::NoFlowResponse`]: the server gives up. Behind an error there is
/// nothing more; what came until then is no backup.
///
/// # Cancel safety
///
/// Nothing is lost between two polls. When it is dropped, the server gives up by itself.
#[must_use = "a backup comes as it is read"]
pub struct StreamSnapshot {
    context: Context,
    stream: StreamName,
    snapshot: Snapshot,
    subscriber: Subscriber,
    reader: SnapshotReader,
    patience: Duration,
    /// Counts while a chunk is waited for.
    silence: Option<Sleep<Arc<crate::shared::Shared>>>,
    acknowledging: Option<Acknowledging>,
    connection: (String, u64),
    /// What an `AsyncRead` has not taken yet.
    rest: Bytes,
    failure: Option<SnapshotError>,
}

impl StreamSnapshot {
    /// What the backup is of, to be kept with the bytes: restoring needs it.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The name of the stream.
    #[must_use]
    pub const fn stream_name(&self) -> &StreamName {
        &self.stream
    }

    /// Chunks that have come.
    #[must_use]
    pub const fn received_chunks(&self) -> u64 {
        self.reader.chunks()
    }

    /// Bytes that have come. They are compressed: how many there will be is not known, and
    /// [`Snapshot::state`] tells how many bytes the messages have.
    #[must_use]
    pub const fn received_bytes(&self) -> u64 {
        self.reader.bytes()
    }

    /// Whether all of the backup has come.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.reader.is_ended()
    }

    /// The next bytes; `None` when that was all.
    ///
    /// # Errors
    ///
    /// The server gave up or is silent, a chunk was lost, or the connection was; each further call
    /// has the same error.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, SnapshotError> {
        core::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn poll_chunk(
        &mut self,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Result<Option<Bytes>, SnapshotError>> {
        if let Some(failure) = &self.failure {
            return Poll::Ready(Err(failure.clone()));
        }
        if self.reader.is_ended() {
            return Poll::Ready(Ok(None));
        }
        let part = ready!(self.poll_part(cx));
        self.silence = None;
        if let Err(failure) = &part {
            self.failure = Some(failure.clone());
        }
        Poll::Ready(part)
    }

    fn poll_part(
        &mut self,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Result<Option<Bytes>, SnapshotError>> {
        if let Some(acknowledging) = &mut self.acknowledging {
            ready!(acknowledging.as_mut().poll(cx))?;
            self.acknowledging = None;
        }
        let Poll::Ready(message) = Pin::new(&mut self.subscriber.next()).poll(cx) else {
            let handle = &self.context.inner.client;
            let patience = self.patience;
            let silence = self.silence.get_or_insert_with(|| handle.handle.sleep(patience));
            ready!(Pin::new(silence).poll(cx));
            return Poll::Ready(Err(SnapshotFailure::Silent(patience).into()));
        };
        // The client was closed.
        let Some(message) = message else {
            return Poll::Ready(Err(SnapshotFailure::Interrupted.into()));
        };
        let part = self.reader.handle_message(&message)?;
        // The numbers of the chunks do not tell that the last one is missing.
        if self.subscriber.take_dropped() > 0 || connection(&self.context) != self.connection {
            return Poll::Ready(Err(SnapshotFailure::Interrupted.into()));
        }
        Poll::Ready(Ok(match part {
            SnapshotPart::End => None,
            SnapshotPart::Chunk { data, acknowledge } => {
                if let Some(subject) = acknowledge {
                    self.acknowledge(subject, cx)?;
                }
                Some(data)
            }
        }))
    }

    /// Says that there is room for another chunk: at once, or as soon as the queue has room.
    fn acknowledge(
        &mut self,
        subject: Subject,
        cx: &mut TaskContext<'_>,
    ) -> Result<(), SnapshotError> {
        let client = self.context.client();
        let mut publish: Acknowledging =
            Box::pin(async move { client.publish(subject, Bytes::new()).await });
        match publish.as_mut().poll(cx) {
            Poll::Ready(published) => published?,
            Poll::Pending => self.acknowledging = Some(publish),
        }
        Ok(())
    }
}

impl futures_core::Stream for StreamSnapshot {
    type Item = Result<Bytes, SnapshotError>;

    /// Ends behind the first error.
    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.failure.is_some() {
            return Poll::Ready(None);
        }
        this.poll_chunk(cx).map(Result::transpose)
    }
}

impl AsyncRead for StreamSnapshot {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buf: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        if this.rest.is_empty() && !buf.is_empty() {
            match ready!(this.poll_chunk(cx)).map_err(std::io::Error::other)? {
                Some(chunk) => this.rest = chunk,
                None => return Poll::Ready(Ok(0)),
            }
        }
        let len = buf.len().min(this.rest.len());
        this.rest.copy_to_slice(&mut buf[..len]);
        Poll::Ready(Ok(len))
    }
}

impl fmt::Debug for StreamSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSnapshot")
            .field("stream", &self.stream)
            .field("received_bytes", &self.received_bytes())
            .finish_non_exhaustive()
    }
}

/// Why there is no backup.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It did not begin.
    Call(CallError),
    /// There was no subject to send it to.
    Subscribe(SubscribeError),
    /// It ended before its end.
    Failed(SnapshotFailure),
    /// The server could not be told that there is room for more.
    Acknowledge(PublishError),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Subscribe(error) => error.fmt(f),
            Self::Failed(failure) => failure.fmt(f),
            Self::Acknowledge(_) => f.write_str("a chunk of the backup was not acknowledged"),
        }
    }
}

impl core::error::Error for SnapshotError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Call(error) => error.source(),
            Self::Subscribe(error) => error.source(),
            Self::Failed(_) => None,
            Self::Acknowledge(error) => Some(error),
        }
    }
}

impl From<CallError> for SnapshotError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<SubscribeError> for SnapshotError {
    fn from(error: SubscribeError) -> Self {
        Self::Subscribe(error)
    }
}

impl From<SnapshotFailure> for SnapshotError {
    fn from(failure: SnapshotFailure) -> Self {
        Self::Failed(failure)
    }
}

impl From<PublishError> for SnapshotError {
    fn from(error: PublishError) -> Self {
        Self::Acknowledge(error)
    }
}
