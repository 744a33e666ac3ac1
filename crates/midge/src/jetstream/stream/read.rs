//! Reading stored messages.

use super::{
    DirectGetError, DirectGetRequest, GetMessageError, LastRawMessageError, RawMessageError,
    RawMessageRequest, Stream, StreamValue,
};
use crate::jetstream::error::Fault;
use midge_proto::jetstream::ApiError;
use midge_proto::jetstream::message::StreamMessage;

/// Through the leader: what was acknowledged before is seen.
impl<T> Stream<T> {
    /// The message with this sequence.
    ///
    /// # Errors
    ///
    /// As [`Context::call`](crate::jetstream::Context::call); and when there is no such message.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_raw_message(&self, sequence: u64) -> Result<StreamMessage, RawMessageError> {
        self.context.ask(&RawMessageRequest::sequence(self.name.clone(), sequence)).await
    }

    /// The first message on a subject that `subject` matches, from `sequence` on.
    ///
    /// # Errors
    ///
    /// As [`get_raw_message`](Self::get_raw_message).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_first_raw_message_by_subject<S: AsRef<str>>(
        &self,
        subject: S,
        sequence: u64,
    ) -> Result<StreamMessage, RawMessageError> {
        let (name, subject) = (self.name.clone(), subject.as_ref());
        let request = RawMessageRequest::next_by_subject(name, subject, Some(sequence));
        self.context.ask(&request).await
    }

    /// The first message on a subject that `subject` matches.
    ///
    /// # Errors
    ///
    /// As [`get_raw_message`](Self::get_raw_message).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_next_raw_message_by_subject<S: AsRef<str>>(
        &self,
        subject: S,
    ) -> Result<StreamMessage, RawMessageError> {
        let (name, subject) = (self.name.clone(), subject.as_ref());
        self.context.ask(&RawMessageRequest::next_by_subject(name, subject, None)).await
    }

    /// The last message on a subject.
    ///
    /// # Errors
    ///
    /// As [`get_raw_message`](Self::get_raw_message).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_last_raw_message_by_subject(
        &self,
        stream_subject: &str,
    ) -> Result<StreamMessage, LastRawMessageError> {
        self.context
            .ask(&RawMessageRequest::last_by_subject(self.name.clone(), stream_subject))
            .await
    }
}

/// From wherever the stream allows it: directly ([`allow_direct`](super::Config::allow_direct)), as
/// its configuration was last seen, and through the leader otherwise, or if nobody answers directly.
/// What is read directly may be older than what was acknowledged.
impl Stream {
    /// The message with this sequence.
    ///
    /// # Errors
    ///
    /// As [`Context::call`](crate::jetstream::Context::call); and when there is no such message.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_message(&self, sequence: u64) -> Result<StreamMessage, GetMessageError> {
        self.get_directly_or_not(
            &DirectGetRequest::sequence(self.name.clone(), sequence),
            &RawMessageRequest::sequence(self.name.clone(), sequence),
        )
        .await
    }

    /// The last message on a subject.
    ///
    /// # Errors
    ///
    /// As [`get_message`](Self::get_message).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_last_message_for_subject<S: AsRef<str>>(
        &self,
        subject: S,
    ) -> Result<StreamMessage, GetMessageError> {
        let subject = subject.as_ref();
        self.get_directly_or_not(
            &DirectGetRequest::last_by_subject(self.name.clone(), subject),
            &RawMessageRequest::last_by_subject(self.name.clone(), subject),
        )
        .await
    }

    /// The first message on a subject that `subject` matches, from `sequence` on.
    ///
    /// # Errors
    ///
    /// As [`get_message`](Self::get_message).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_next_message_for_subject<S: AsRef<str>>(
        &self,
        subject: S,
        sequence: Option<u64>,
    ) -> Result<StreamMessage, GetMessageError> {
        let subject = subject.as_ref();
        self.get_directly_or_not(
            &DirectGetRequest::next_by_subject(self.name.clone(), subject, sequence),
            &RawMessageRequest::next_by_subject(self.name.clone(), subject, sequence),
        )
        .await
    }

    async fn get_directly_or_not(
        &self,
        direct: &DirectGetRequest,
        raw: &RawMessageRequest,
    ) -> Result<StreamMessage, GetMessageError> {
        if self.info.config.allow_direct {
            let result: Result<_, GetMessageError> = self.context.ask(direct).await;
            match &result {
                // Direct gets may have been switched off since.
                Err(error) if *error.fault() == Fault::Api(ApiError::NoResponders) => {}
                Ok(_) | Err(_) => return result,
            }
        }
        self.context.ask(raw).await
    }
}

/// From any server that has the stream or its mirror: what is read may be older than what was
/// acknowledged. The stream has to allow it ([`allow_direct`](super::Config::allow_direct)).
impl<T> Stream<T> {
    /// The message with this sequence.
    ///
    /// # Errors
    ///
    /// As [`Context::call`](crate::jetstream::Context::call); when there is no such message, or
    /// the stream does not allow direct gets.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn direct_get(&self, sequence: u64) -> Result<StreamMessage, DirectGetError> {
        self.context.ask(&DirectGetRequest::sequence(self.name.clone(), sequence)).await
    }

    /// The body alone of the message with this sequence.
    ///
    /// # Errors
    ///
    /// As [`direct_get`](Self::direct_get).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn direct_get_value(&self, sequence: u64) -> Result<StreamValue, DirectGetError> {
        let request = DirectGetRequest::sequence(self.name.clone(), sequence);
        self.context.ask(&request.without_headers()).await
    }

    /// The last message on a subject.
    ///
    /// # Errors
    ///
    /// As [`direct_get`](Self::direct_get).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn direct_get_last_for_subject<S: Into<String>>(
        &self,
        subject: S,
    ) -> Result<StreamMessage, DirectGetError> {
        self.context.ask(&DirectGetRequest::last_by_subject(self.name.clone(), subject)).await
    }

    /// The first message on a subject that `subject` matches.
    ///
    /// # Errors
    ///
    /// As [`direct_get`](Self::direct_get).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn direct_get_first_for_subject<S: Into<String>>(
        &self,
        subject: S,
    ) -> Result<StreamMessage, DirectGetError> {
        self.direct_get_next_for_subject(subject, None).await
    }

    /// The first message on a subject that `subject` matches, from `sequence` on.
    ///
    /// # Errors
    ///
    /// As [`direct_get`](Self::direct_get).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn direct_get_next_for_subject<S: Into<String>>(
        &self,
        subject: S,
        sequence: Option<u64>,
    ) -> Result<StreamMessage, DirectGetError> {
        let request = DirectGetRequest::next_by_subject(self.name.clone(), subject, sequence);
        self.context.ask(&request).await
    }
}
