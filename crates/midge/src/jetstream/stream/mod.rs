//! Streams.

mod batch;
mod cluster;
mod consumers;
mod purge;
mod read;
mod schedules;

pub use crate::jetstream::error::{
    ConsumerCreateStrictErrorKind, ConsumerErrorKind, ConsumerResetErrorKind,
    ConsumerUpdateErrorKind, DeleteMessageErrorKind, DirectGetErrorKind, LastRawMessageErrorKind,
    PurgeErrorKind,
};
pub use batch::{BatchMessages, GetBatch, GetLastMessages};
pub use midge_proto::jetstream::consumer::{ConsumerResetResponse, PauseResponse};
pub use midge_proto::jetstream::message::{
    BatchReadEnd, BatchReadFault, StreamMessage as RawMessage, StreamValue,
};
pub use midge_proto::jetstream::stream::*;
pub use purge::{No, Purge, Yes};
pub use schedules::{ScheduledMessage, Schedules};

use crate::jetstream::context::{Context, RequestError, RequestErrorKind};
use crate::jetstream::error::CallError;
use crate::jetstream::pages::Pages;
use core::fmt;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use futures_core::Stream as FutureStream;
use midge_proto::jetstream::{StreamName, consumer};

/// A consumer was not created, looked up, changed or deleted.
pub type ConsumerError = CallError<ConsumerErrorKind>;
/// A consumer was not updated.
pub type ConsumerUpdateError = CallError<ConsumerUpdateErrorKind>;
/// A consumer that must be new was not created.
pub type ConsumerCreateStrictError = CallError<ConsumerCreateStrictErrorKind>;
/// A consumer was not set back.
pub type ConsumerResetError = CallError<ConsumerResetErrorKind>;
/// The next page of consumers did not come.
pub type ConsumersError = RequestError;
/// What kind of error a [`ConsumersError`] is.
pub type ConsumersErrorKind = RequestErrorKind;
/// A stream was not looked at.
pub type InfoError = RequestError;
/// Messages were not purged.
pub type PurgeError = CallError<PurgeErrorKind>;
/// A message was not deleted.
pub type DeleteMessageError = CallError<DeleteMessageErrorKind>;
/// A stored message was not read through the leader.
pub type LastRawMessageError = CallError<LastRawMessageErrorKind>;
/// A stored message was not read through the leader.
pub type RawMessageError = LastRawMessageError;
/// What kind of error a [`RawMessageError`] is.
pub type RawMessageErrorKind = LastRawMessageErrorKind;
/// A stored message was not read.
pub type GetMessageError = LastRawMessageError;
/// A stored message was not read from any server that has it.
pub type DirectGetError = CallError<DirectGetErrorKind>;
/// Consumers of a stream, one after the other.
pub type Consumers = Pages<consumer::ListRequest>;
/// Names of the consumers of a stream, one after the other.
pub type ConsumerNames = Pages<consumer::NamesRequest>;

/// A handle of a stream, with what was last heard of it, or without.
#[derive(Clone)]
pub struct Stream<T = Info> {
    context: Context,
    name: StreamName,
    info: T,
}

impl<T> Stream<T> {
    pub(in crate::jetstream) const fn new(context: Context, name: StreamName, info: T) -> Self {
        Self { context, name, info }
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &StreamName {
        &self.name
    }

    /// The context it was got from.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Asks what the stream is and has.
    ///
    /// # Errors
    ///
    /// As [`Context::call`]; and when it is not there any more.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_info(&self) -> Result<Info, InfoError> {
        self.context.ask(&InfoRequest::new(self.name.clone())).await.map(|page| page.info)
    }

    /// Asks what the stream is and has, and how many messages there are on each subject that the
    /// filter matches.
    ///
    /// # Errors
    ///
    /// As [`get_info`](Self::get_info).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn info_with_subjects<F: AsRef<str>>(
        &self,
        subjects_filter: F,
    ) -> Result<InfoWithSubjects, InfoError> {
        self.info_builder().subjects(subjects_filter.as_ref()).fetch().await
    }

    /// Asks what the stream is and has, with what has to be asked for especially.
    pub fn info_builder(&self) -> StreamInfoBuilder {
        let request = InfoRequest::new(self.name.clone());
        StreamInfoBuilder { context: self.context.clone(), request }
    }
}

impl Stream<Info> {
    /// Asks what the stream is and has, and keeps that.
    ///
    /// # Errors
    ///
    /// As [`get_info`](Self::get_info).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn info(&mut self) -> Result<&Info, InfoError> {
        self.info = self.get_info().await?;
        Ok(&self.info)
    }

    /// What was last heard of the stream.
    #[must_use]
    pub const fn cached_info(&self) -> &Info {
        &self.info
    }
}

impl<T> fmt::Debug for Stream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A question about a stream that is about to be asked.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked before `fetch`"]
pub struct StreamInfoBuilder {
    context: Context,
    request: InfoRequest,
}

impl StreamInfoBuilder {
    /// Asks for the sequences of deleted messages.
    pub fn with_deleted(mut self, deleted: bool) -> Self {
        self.request = self.request.with_deleted(deleted);
        self
    }

    /// Asks for the number of messages on each subject that the filter matches.
    pub fn subjects<S: Into<String>>(mut self, subject: S) -> Self {
        self.request = self.request.subjects(subject);
        self
    }

    /// Asks.
    ///
    /// # Errors
    ///
    /// As [`Stream::get_info`].
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn fetch(self) -> Result<InfoWithSubjects, InfoError> {
        self.context.ask(&self.request).await.map(|page| InfoWithSubjects {
            info: page.info.clone(),
            subjects: Pages::behind(self.context.clone(), &self.request, page),
        })
    }
}

/// A stream, and its subjects with the number of messages on each.
///
/// Where it is polled it is [`subjects`](Self::subjects).
#[derive(Debug)]
pub struct InfoWithSubjects {
    /// The stream; the subjects of the first page are in its state.
    pub info: Info,
    /// The subjects, one after the other; further pages are asked for when they are needed.
    pub subjects: Pages<InfoRequest>,
}

impl FutureStream for InfoWithSubjects {
    type Item = <Pages<InfoRequest> as FutureStream>::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.subjects).poll_next(cx)
    }
}
