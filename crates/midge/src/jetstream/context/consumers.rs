//! Calls about consumers, by the names of their streams.

use super::{ConsumerInfoError, Context};
use crate::jetstream::consumer::Consumer;
use crate::jetstream::error::CallError;
use crate::jetstream::stream::{
    ConsumerCreateStrictError, ConsumerError, ConsumerResetError, ConsumerUpdateError,
};
use midge_proto::jetstream::consumer::{
    Action, ConsumerResetResponse, CreateRequest, DeleteRequest, FromConsumer, Id, Info,
    InfoRequest, IntoConsumerConfig, PauseRequest, PauseResponse, ResetRequest, UnpinRequest,
};
use midge_proto::jetstream::stream::DeleteStatus;
use midge_proto::jetstream::{StreamName, Timestamp};

impl Context {
    /// Creates a consumer, or gives it another configuration.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); a name, filter or group that is none, told before anything is sent.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have created the consumer.
    pub async fn create_consumer_on_stream<C: IntoConsumerConfig + FromConsumer, S: AsRef<str>>(
        &self,
        config: C,
        stream: S,
    ) -> Result<Consumer<C>, ConsumerError> {
        self.put_consumer(config, stream.as_ref(), Action::CreateOrUpdate).await
    }

    /// Gives a consumer that is there another configuration (2.10).
    ///
    /// # Errors
    ///
    /// As [`create_consumer_on_stream`](Self::create_consumer_on_stream); and that it is not there.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have updated the consumer.
    pub async fn update_consumer_on_stream<C: IntoConsumerConfig + FromConsumer, S: AsRef<str>>(
        &self,
        config: C,
        stream: S,
    ) -> Result<Consumer<C>, ConsumerUpdateError> {
        self.put_consumer(config, stream.as_ref(), Action::Update).await
    }

    /// Creates a consumer that is not there (2.10). That there is the same one is no error.
    ///
    /// # Errors
    ///
    /// As [`create_consumer_on_stream`](Self::create_consumer_on_stream); and that there is another
    /// of its name.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have created the consumer.
    pub async fn create_consumer_strict_on_stream<
        C: IntoConsumerConfig + FromConsumer,
        S: AsRef<str>,
    >(
        &self,
        config: C,
        stream: S,
    ) -> Result<Consumer<C>, ConsumerCreateStrictError> {
        self.put_consumer(config, stream.as_ref(), Action::Create).await
    }

    /// Looks a consumer up.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); a name is none, there is no such consumer, or it is of another
    /// kind.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_consumer_from_stream<T, C, S>(
        &self,
        consumer: C,
        stream: S,
    ) -> Result<Consumer<T>, ConsumerError>
    where
        T: FromConsumer + IntoConsumerConfig,
        C: AsRef<str>,
        S: AsRef<str>,
    {
        let info = self.ask(&InfoRequest::new(Id::parse(stream, consumer)?)).await?;
        self.consumer_of(info)
    }

    /// Deletes a consumer.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); a name is none, or there is no such consumer.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have deleted the consumer.
    pub async fn delete_consumer_from_stream<C: AsRef<str>, S: AsRef<str>>(
        &self,
        consumer: C,
        stream: S,
    ) -> Result<DeleteStatus, ConsumerError> {
        self.ask(&DeleteRequest::new(Id::parse(stream, consumer)?)).await
    }

    pub(in crate::jetstream) async fn put_consumer<C: IntoConsumerConfig + FromConsumer, K>(
        &self,
        config: C,
        stream: &str,
        action: Action,
    ) -> Result<Consumer<C>, CallError<K>> {
        let stream = StreamName::new(stream)?;
        let request = CreateRequest::new(stream, config.into_consumer_config())?.action(action);
        let info = self.ask(&request).await?;
        self.consumer_of(info)
    }

    pub(in crate::jetstream) async fn consumer_info(
        &self,
        id: Id,
    ) -> Result<Info, ConsumerInfoError> {
        self.ask(&InfoRequest::new(id)).await
    }

    pub(in crate::jetstream) async fn pause(
        &self,
        id: Id,
        until: Option<Timestamp>,
    ) -> Result<PauseResponse, ConsumerError> {
        let request = match until {
            Some(until) => PauseRequest::until(id, until),
            None => PauseRequest::resume(id),
        };
        self.ask(&request).await
    }

    pub(in crate::jetstream) async fn unpin(
        &self,
        id: Id,
        group: &str,
    ) -> Result<(), ConsumerError> {
        self.ask(&UnpinRequest::new(id, group)?).await
    }

    pub(in crate::jetstream) async fn reset(
        &self,
        id: Id,
        sequence: Option<u64>,
    ) -> Result<ConsumerResetResponse, ConsumerResetError> {
        let request = ResetRequest::new(id);
        let request = match sequence {
            Some(sequence) => request.sequence(sequence),
            None => request,
        };
        self.ask(&request).await
    }

    /// A handle of a consumer that the server has just told about.
    fn consumer_of<C: FromConsumer + IntoConsumerConfig, K>(
        &self,
        info: Info,
    ) -> Result<Consumer<C>, CallError<K>> {
        let config = C::try_from_consumer_config(info.config.clone())?;
        Ok(Consumer::new(config, info, self.clone()))
    }
}
