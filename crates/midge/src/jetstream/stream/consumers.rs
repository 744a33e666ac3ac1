//! The consumers of a stream.

use super::{
    ConsumerCreateStrictError, ConsumerError, ConsumerNames, ConsumerResetError,
    ConsumerUpdateError, Consumers, DeleteStatus, Stream,
};
use crate::jetstream::consumer::Consumer;
use crate::jetstream::context::ConsumerInfoError;
use crate::jetstream::pages::Pages;
use midge_proto::jetstream::consumer::{
    Action, ConsumerResetResponse, FromConsumer, Id, Info, IntoConsumerConfig, ListRequest,
    NamesRequest, PauseResponse,
};
use midge_proto::jetstream::{ErrorCode, InvalidName, Timestamp};

impl<T> Stream<T> {
    pub(super) fn id(&self, consumer: &str) -> Result<Id, InvalidName> {
        Id::parse(&self.name, consumer)
    }

    /// Creates a consumer, or gives it another configuration.
    ///
    /// # Errors
    ///
    /// As [`create_consumer_on_stream`](crate::jetstream::Context::create_consumer_on_stream).
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have created the consumer.
    pub async fn create_consumer<C: IntoConsumerConfig + FromConsumer>(
        &self,
        config: C,
    ) -> Result<Consumer<C>, ConsumerError> {
        self.context.put_consumer(config, &self.name, Action::CreateOrUpdate).await
    }

    /// Gives a consumer that is there another configuration (2.10).
    ///
    /// # Errors
    ///
    /// As [`create_consumer`](Self::create_consumer); and that it is not there.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have updated the consumer.
    pub async fn update_consumer<C: IntoConsumerConfig + FromConsumer>(
        &self,
        config: C,
    ) -> Result<Consumer<C>, ConsumerUpdateError> {
        self.context.put_consumer(config, &self.name, Action::Update).await
    }

    /// Creates a consumer that is not there (2.10). That there is the same one is no error.
    ///
    /// # Errors
    ///
    /// As [`create_consumer`](Self::create_consumer); and that there is another of its name.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have created the consumer.
    pub async fn create_consumer_strict<C: IntoConsumerConfig + FromConsumer>(
        &self,
        config: C,
    ) -> Result<Consumer<C>, ConsumerCreateStrictError> {
        self.context.put_consumer(config, &self.name, Action::Create).await
    }

    /// Looks a consumer up.
    ///
    /// # Errors
    ///
    /// As [`Context::call`](crate::jetstream::Context::call); the name is none, there is no such
    /// consumer, or it is of another kind.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_consumer<C: FromConsumer + IntoConsumerConfig>(
        &self,
        name: &str,
    ) -> Result<Consumer<C>, ConsumerError> {
        self.context.get_consumer_from_stream(name, &self.name).await
    }

    /// Looks a consumer up, or creates it if it is not there. One that is there stays as it is,
    /// whatever the configuration says; a configuration without a name gets this one.
    ///
    /// # Errors
    ///
    /// As [`get_consumer`](Self::get_consumer) and [`create_consumer`](Self::create_consumer).
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have created the consumer.
    pub async fn get_or_create_consumer<C: FromConsumer + IntoConsumerConfig>(
        &self,
        name: &str,
        config: C,
    ) -> Result<Consumer<C>, ConsumerError> {
        match self.get_consumer(name).await {
            Err(error) if error.error_code() == Some(ErrorCode::CONSUMER_NOT_FOUND) => {}
            found => return found,
        }
        let mut config = config.into_consumer_config();
        if config.name.is_none() && config.durable_name.is_none() {
            config.name = Some(name.to_owned());
        }
        match self.context.put_consumer(config, &self.name, Action::Create).await {
            // Another one was faster.
            Err(error) if error.error_code() == Some(ErrorCode::CONSUMER_ALREADY_EXISTS) => {
                self.get_consumer(name).await
            }
            created => created?.into_kind(),
        }
    }

    /// What a consumer is and how far it is.
    ///
    /// # Errors
    ///
    /// As [`Context::call`](crate::jetstream::Context::call); the name is none, or there is no such
    /// consumer.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn consumer_info<C: AsRef<str>>(&self, name: C) -> Result<Info, ConsumerInfoError> {
        self.context.consumer_info(self.id(name.as_ref())?).await
    }

    /// Deletes a consumer.
    ///
    /// # Errors
    ///
    /// As [`consumer_info`](Self::consumer_info).
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have deleted the consumer.
    pub async fn delete_consumer(&self, name: &str) -> Result<DeleteStatus, ConsumerError> {
        self.context.delete_consumer_from_stream(name, &self.name).await
    }

    /// Makes a consumer rest until then (2.11).
    ///
    /// # Errors
    ///
    /// As [`consumer_info`](Self::consumer_info).
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have paused the consumer.
    pub async fn pause_consumer(
        &self,
        name: &str,
        pause_until: impl Into<Timestamp>,
    ) -> Result<PauseResponse, ConsumerError> {
        self.context.pause(self.id(name)?, Some(pause_until.into())).await
    }

    /// Makes a consumer go on (2.11).
    ///
    /// # Errors
    ///
    /// As [`consumer_info`](Self::consumer_info).
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have resumed the consumer.
    pub async fn resume_consumer(&self, name: &str) -> Result<PauseResponse, ConsumerError> {
        self.context.pause(self.id(name)?, None).await
    }

    /// Takes the pin of a priority group from the client that has it (2.11).
    ///
    /// # Errors
    ///
    /// As [`consumer_info`](Self::consumer_info); and when the group is none, or not pinned.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have done it.
    pub async fn unpin_consumer(&self, name: &str, group: &str) -> Result<(), ConsumerError> {
        self.context.unpin(self.id(name)?, group).await
    }

    /// Sets a consumer back to what is not acknowledged, or to a sequence (2.14).
    ///
    /// # Errors
    ///
    /// As [`Context::call`](crate::jetstream::Context::call); when the consumer cannot be set to
    /// this sequence; and no answer in time when there is no such consumer.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have done it.
    pub async fn reset_consumer(
        &self,
        name: &str,
        seq: Option<u64>,
    ) -> Result<ConsumerResetResponse, ConsumerResetError> {
        self.context.reset(self.id(name)?, seq).await
    }

    /// The names of all consumers.
    pub fn consumer_names(&self) -> ConsumerNames {
        Pages::new(self.context.clone(), NamesRequest::new(self.name.clone()))
    }

    /// All consumers, with everything there is to know about them.
    pub fn consumers(&self) -> Consumers {
        Pages::new(self.context.clone(), ListRequest::new(self.name.clone()))
    }
}
