//! Deleting messages of a stream.

use super::{
    DeleteMessageError, DeleteMessageRequest, PurgeError, PurgeRequest, PurgeResponse, Stream,
};
use crate::jetstream::context::Context;
use core::fmt;
use core::future::{Future, IntoFuture};
use core::marker::PhantomData;
use core::pin::Pin;
use midge_proto::{InvalidSubject, Subject};

/// Was set.
#[derive(Clone, Copy, Debug)]
pub enum Yes {}

/// Was not set.
#[derive(Clone, Copy, Debug)]
pub enum No {}

/// A purge that is about to be done, by awaiting it: of all messages, unless a filter or a limit is
/// set. The two limits exclude each other.
#[must_use = "nothing is deleted before it is awaited"]
pub struct Purge<Sequence, Keep> {
    context: Context,
    request: PurgeRequest,
    /// What is wrong with the filter.
    fault: Option<InvalidSubject>,
    set: PhantomData<fn() -> (Sequence, Keep)>,
}

impl<Sequence, Keep> Purge<Sequence, Keep> {
    fn change<S, K>(self, change: impl FnOnce(PurgeRequest) -> PurgeRequest) -> Purge<S, K> {
        let Self { context, request, fault, .. } = self;
        Purge { context, request: change(request), fault, set: PhantomData }
    }

    /// Only messages on subjects that `filter` matches. One that is none, such as an empty one, is an
    /// error: servers would delete everything.
    pub fn filter<T: Into<String>>(mut self, filter: T) -> Self {
        let filter = filter.into();
        self.fault = Subject::from(filter.as_str()).check_subscribe().err();
        self.change(|request| request.filter(filter))
    }
}

impl<Keep> Purge<No, Keep> {
    /// All but so many of the newest; not together with [`sequence`](Purge::sequence).
    pub fn keep(self, keep: u64) -> Purge<No, Yes> {
        self.change(|request| request.keep(keep))
    }
}

impl<Sequence> Purge<Sequence, No> {
    /// Only messages below this sequence; not together with [`keep`](Purge::keep). There are none
    /// below 0.
    pub fn sequence(self, sequence: u64) -> Purge<Yes, No> {
        self.change(|request| request.sequence(sequence))
    }
}

impl<Sequence, Keep> IntoFuture for Purge<Sequence, Keep> {
    type Output = Result<PurgeResponse, PurgeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { context, request, fault, .. } = self;
        Box::pin(async move {
            match fault {
                Some(fault) => Err(fault.into()),
                None => context.ask(&request).await,
            }
        })
    }
}

impl<Sequence, Keep> fmt::Debug for Purge<Sequence, Keep> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Purge").field("request", &self.request).finish_non_exhaustive()
    }
}

impl<T> Stream<T> {
    /// Deletes messages, when awaited.
    pub fn purge(&self) -> Purge<No, No> {
        let request = PurgeRequest::new(self.name.clone());
        Purge { context: self.context.clone(), request, fault: None, set: PhantomData }
    }

    /// Deletes all messages on subjects that `subject` matches; the same as
    /// [`purge`](Self::purge) with a [`filter`](Purge::filter).
    ///
    /// # Errors
    ///
    /// As [`Context::call`]; when the subject is none, or the stream denies it.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have deleted the messages.
    pub async fn purge_subject(
        &self,
        subject: impl Into<String>,
    ) -> Result<PurgeResponse, PurgeError> {
        self.purge().filter(subject).await
    }

    /// Deletes one message and overwrites its bytes; tells whether it was there.
    ///
    /// # Errors
    ///
    /// As [`Context::call`]; and when there is no such message, or the stream denies it.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have deleted the message.
    pub async fn delete_message(&self, sequence: u64) -> Result<bool, DeleteMessageError> {
        let request = DeleteMessageRequest::new(self.name.clone(), sequence);
        self.context.ask(&request).await.map(|status| status.success)
    }

    /// As [`delete_message`](Self::delete_message), which only marks the message as deleted: much
    /// cheaper, but its bytes stay on disk until the file is compacted.
    ///
    /// # Errors
    ///
    /// As [`delete_message`](Self::delete_message).
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have deleted the message.
    pub async fn mark_message_deleted(&self, sequence: u64) -> Result<bool, DeleteMessageError> {
        let request = DeleteMessageRequest::new(self.name.clone(), sequence).mark_only();
        self.context.ask(&request).await.map(|status| status.success)
    }
}
