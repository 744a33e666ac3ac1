//! A backup on its way back.

use crate::error::RequestError;
use crate::jetstream::context::Context;
use crate::jetstream::error::{CallError, Fault};
use crate::jetstream::stream::Stream;
use crate::request::Request;
use bytes::Bytes;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll, ready};
use core::time::Duration;
use futures_io::AsyncWrite;
use midge_proto::jetstream::StreamName;
use midge_proto::jetstream::stream::{
    Info, RESTORE_CHUNK_SIZE, RESTORE_WINDOW, RestoreRequest, RestoreStep, RestoreWriter, Restored,
    Snapshot,
};
use midge_proto::{Message, OnDisconnect, Subject};
use std::collections::VecDeque;

/// How long the answer to a chunk may take, unless something else is set. Servers write a chunk to
/// disk before they answer.
pub const RESTORE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the server may take to unpack the backup when all of it is there, unless something else
/// is set: at 100 MB/s, enough for 60 GB.
pub const RESTORE_FINISH_TIMEOUT: Duration = Duration::from_secs(600);

/// A stream was not restored.
pub type RestoreError = CallError;

impl Context {
    /// Brings a stream back out of a backup; it begins with [`open`](RestoreBuilder::open).
    ///
    /// What is changed in the configuration of the snapshot before is so in the stream; its name is
    /// changed by [`name`](RestoreBuilder::name).
    pub fn restore_stream(&self, snapshot: Snapshot) -> RestoreBuilder {
        RestoreBuilder {
            context: self.clone(),
            snapshot,
            chunk_size: RESTORE_CHUNK_SIZE,
            window: RESTORE_WINDOW,
            timeout: RESTORE_TIMEOUT,
            finish_timeout: RESTORE_FINISH_TIMEOUT,
        }
    }
}

/// A stream that is about to be restored.
#[derive(Clone, Debug)]
#[must_use = "restoring begins with `open`"]
pub struct RestoreBuilder {
    context: Context,
    snapshot: Snapshot,
    chunk_size: usize,
    window: usize,
    timeout: Duration,
    finish_timeout: Duration,
}

impl RestoreBuilder {
    /// Another name for the stream than the one it had.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.snapshot.config.name = name.into();
        self
    }

    /// Bytes of a chunk, at least 1; 128 KiB by default. More than the server takes in one message
    /// is cut to that.
    pub fn chunk_size(mut self, bytes: usize) -> Self {
        self.chunk_size = bytes;
        self
    }

    /// Chunks that may be under way, at least 1; 8 by default.
    pub fn window(mut self, chunks: usize) -> Self {
        self.window = chunks;
        self
    }

    /// How long the answer to a chunk may take; 30 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long the server may take to unpack the backup once all is there; 10 minutes by default.
    pub fn finish_timeout(mut self, timeout: Duration) -> Self {
        self.finish_timeout = timeout;
        self
    }

    /// Begins.
    ///
    /// # Errors
    ///
    /// As [`Context::call`]; when the name is none, there is such a stream already
    /// ([`ErrorCode::STREAM_NAME_EXIST_RESTORE_FAILED`]), or one that takes the same subjects.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have begun; the server gives up by itself.
    ///
    /// [`ErrorCode::STREAM_NAME_EXIST_RESTORE_FAILED`]: midge_proto::jetstream::ErrorCode::STREAM_NAME_EXIST_RESTORE_FAILED
    pub async fn open(self) -> Result<StreamRestore, RestoreError> {
        let name = StreamName::new(&self.snapshot.config.name)?;
        let request = RestoreRequest::new(name.clone(), self.snapshot);
        let place = self.context.ask(&request).await?;
        let chunk_size = self.chunk_size.min(self.context.inner.client.max_payload());
        Ok(StreamRestore {
            context: self.context,
            name,
            subject: Subject::from(place.deliver_subject),
            writer: RestoreWriter::new(chunk_size, self.window),
            under_way: VecDeque::new(),
            timeout: self.timeout,
            finish_timeout: self.finish_timeout,
            outcome: Outcome::Open,
        })
    }
}

/// A request under way.
struct Asked {
    answer: Pin<Box<dyn Future<Output = Result<Message, RequestError>> + Send>>,
    /// Set when it came before those of earlier requests.
    came: Option<Result<Message, RequestError>>,
    len: usize,
}

enum Outcome {
    Open,
    Done(Box<Info>),
    Failed(RestoreError),
}

/// A backup on its way back: takes bytes as they come, or is an [`AsyncWrite`].
///
/// There is a stream once [`finish`](Self::finish) says so. When this is dropped before, there will
/// be none: the server gives up by itself.
#[must_use = "there is no stream before `finish`"]
pub struct StreamRestore {
    context: Context,
    name: StreamName,
    subject: Subject,
    writer: RestoreWriter,
    under_way: VecDeque<Asked>,
    timeout: Duration,
    finish_timeout: Duration,
    outcome: Outcome,
}

impl StreamRestore {
    /// More of the backup, in pieces of any size. It waits while so many chunks are under way as
    /// the window has; an error tells of one of the chunks before.
    ///
    /// # Errors
    ///
    /// When the server gave up, or does not answer in time.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has taken nothing.
    pub async fn send(&mut self, data: Bytes) -> Result<(), RestoreError> {
        poll_fn(|cx| self.poll_room(cx)).await?;
        self.writer.push(data);
        // Sends what there is room for.
        poll_fn(|cx| Poll::Ready(self.advance(cx))).await
    }

    /// Says that this was all, and waits until the stream is there.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); and when the backup is not whole
    /// ([`ErrorCode::STREAM_RESTORE`](midge_proto::jetstream::ErrorCode::STREAM_RESTORE)). There is
    /// no stream then.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have finished.
    pub async fn finish(mut self) -> Result<Stream<Info>, RestoreError> {
        let info = poll_fn(|cx| self.poll_finish(cx)).await?;
        Ok(Stream::new(self.context.clone(), self.name.clone(), *info))
    }

    /// Bytes that the server has.
    #[must_use]
    pub const fn restored_bytes(&self) -> u64 {
        self.writer.bytes()
    }

    /// The name of the stream.
    #[must_use]
    pub const fn stream_name(&self) -> &StreamName {
        &self.name
    }

    fn poll_room(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), RestoreError>> {
        self.advance(cx)?;
        if self.writer.has_room() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_finish(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Box<Info>, RestoreError>> {
        self.writer.finish();
        self.advance(cx)?;
        match &self.outcome {
            Outcome::Done(info) => Poll::Ready(Ok(info.clone())),
            Outcome::Open | Outcome::Failed(_) => Poll::Pending,
        }
    }

    /// Sends what may be sent and takes in the answers that are there.
    fn advance(&mut self, cx: &mut TaskContext<'_>) -> Result<(), RestoreError> {
        if let Outcome::Failed(error) = &self.outcome {
            return Err(error.clone());
        }
        let advanced = self.try_advance(cx);
        if let Err(error) = &advanced {
            self.under_way.clear();
            self.outcome = Outcome::Failed(error.clone());
        }
        advanced
    }

    fn try_advance(&mut self, cx: &mut TaskContext<'_>) -> Result<(), RestoreError> {
        loop {
            while let Some(step) = self.writer.poll_step() {
                let asked = self.ask(step);
                self.under_way.push_back(asked);
            }
            // All of them, in their order: each is sent when it is looked at first.
            for asked in self.under_way.iter_mut().filter(|asked| asked.came.is_none()) {
                if let Poll::Ready(answer) = asked.answer.as_mut().poll(cx) {
                    asked.came = Some(answer);
                }
            }
            let Some(answer) = self.under_way.front_mut().and_then(|asked| asked.came.take())
            else {
                return Ok(());
            };
            let len = self.under_way.pop_front().map_or(0, |asked| asked.len);
            let error = |fault: Fault| CallError::new(Some(self.subject.clone()), fault);
            let answer = answer.map_err(|failure| error(failure.into()))?;
            match self.writer.handle_answer(&answer, len) {
                Ok(Restored::Chunk) => {}
                Ok(Restored::Stream(info)) => self.outcome = Outcome::Done(info),
                Err(refusal) => return Err(error(refusal.into())),
            }
        }
    }

    fn ask(&self, step: RestoreStep) -> Asked {
        let (payload, timeout) = match step {
            RestoreStep::Chunk(data) => (data, self.timeout),
            RestoreStep::End => (Bytes::new(), self.finish_timeout),
        };
        let len = payload.len();
        let client = self.context.client();
        let subject = self.subject.clone();
        // What is sent on another connection would be part of a backup with a hole.
        let request = Request::new()
            .payload(payload)
            .timeout(Some(timeout))
            .on_disconnect(OnDisconnect::Fail);
        let answer = Box::pin(async move { client.send_request(subject, request).await });
        Asked { answer, came: None, len }
    }
}

impl AsyncWrite for StreamRestore {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_room(cx)).map_err(std::io::Error::other)?;
        this.writer.push(Bytes::copy_from_slice(buf));
        this.advance(cx).map_err(std::io::Error::other)?;
        Poll::Ready(Ok(buf.len()))
    }

    /// Waits until the server has every whole chunk that was written.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        this.advance(cx).map_err(std::io::Error::other)?;
        if this.under_way.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// As [`finish`](StreamRestore::finish).
    fn poll_close(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<std::io::Result<()>> {
        let info = ready!(self.get_mut().poll_finish(cx));
        Poll::Ready(info.map(drop).map_err(std::io::Error::other))
    }
}

impl fmt::Debug for StreamRestore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamRestore")
            .field("stream", &self.name)
            .field("restored_bytes", &self.restored_bytes())
            .finish_non_exhaustive()
    }
}
