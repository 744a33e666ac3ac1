//! Calls about streams.

use super::{
    Context, CreateStreamError, DeleteStreamError, GetStreamByNameError, GetStreamError,
    StreamNames, Streams, UpdateStreamError,
};
use crate::jetstream::error::CallError;
use crate::jetstream::pages::Pages;
use crate::jetstream::stream::Stream;
use core::borrow::Borrow;
use midge_proto::Subject;
use midge_proto::jetstream::stream::{
    Config, CreateRequest, DeleteRequest, DeleteStatus, Info, InfoRequest, ListRequest,
    NamesRequest, UpdateRequest,
};
use midge_proto::jetstream::{ApiError, Error, ErrorCode, StreamName};

impl Context {
    /// Creates a stream. That there is one with the same configuration is no error.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); a name, subject or source that is none, told before anything is
    /// sent; and that there is another stream of this name
    /// ([`ErrorCode::STREAM_NAME_EXIST`]).
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have created the stream.
    pub async fn create_stream<S>(
        &self,
        stream_config: S,
    ) -> Result<Stream<Info>, CreateStreamError>
    where
        Config: From<S>,
    {
        let request = CreateRequest::new(Config::from(stream_config))?;
        self.stream_of(self.ask(&request).await?)
    }

    /// Gives a stream another configuration, as a whole: what is left out has its default.
    ///
    /// # Errors
    ///
    /// As [`create_stream`](Self::create_stream); and that it is not there.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have updated the stream.
    pub async fn update_stream<S: Borrow<Config>>(
        &self,
        config: S,
    ) -> Result<Info, UpdateStreamError> {
        self.ask(&UpdateRequest::new(config.borrow())?).await
    }

    /// Updates a stream, or creates it if it is not there.
    ///
    /// # Errors
    ///
    /// As [`create_stream`](Self::create_stream).
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have updated or created the stream.
    pub async fn create_or_update_stream(&self, config: Config) -> Result<Info, CreateStreamError> {
        let update: Result<_, CreateStreamError> = self.update_stream(&config).await;
        match update {
            Err(error) if error.error_code() == Some(ErrorCode::STREAM_NOT_FOUND) => {
                self.ask(&CreateRequest::new(config)?).await
            }
            update => update,
        }
    }

    /// Looks a stream up.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); the name is none, or there is no such stream
    /// ([`ErrorCode::STREAM_NOT_FOUND`]).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_stream<T: AsRef<str>>(&self, stream: T) -> Result<Stream, GetStreamError> {
        let name = StreamName::new(stream)?;
        let info = self.ask(&InfoRequest::new(name.clone())).await?.info;
        Ok(Stream::new(self.clone(), name, info))
    }

    /// A handle of a stream, without asking whether it is there.
    ///
    /// # Errors
    ///
    /// When the name is none.
    ///
    /// # Cancel safety
    ///
    /// Safe; it never waits.
    pub async fn get_stream_no_info<T: AsRef<str>>(
        &self,
        stream: T,
    ) -> Result<Stream<()>, GetStreamError> {
        Ok(Stream::new(self.clone(), StreamName::new(stream)?, ()))
    }

    /// Looks a stream up, or creates it if it is not there. One that is there stays as it is,
    /// whatever the configuration says.
    ///
    /// # Errors
    ///
    /// As [`create_stream`](Self::create_stream).
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have created the stream.
    pub async fn get_or_create_stream<S: Into<Config>>(
        &self,
        stream_config: S,
    ) -> Result<Stream, CreateStreamError> {
        let config = stream_config.into();
        let request = CreateRequest::new(&config)?;
        let is = |error: &CreateStreamError, code| error.error_code() == Some(code);
        match self.get_stream(&config.name).await.map_err(CallError::of) {
            Err(error) if is(&error, ErrorCode::STREAM_NOT_FOUND) => {}
            found => return found,
        }
        match self.ask(&request).await {
            // Another one was faster.
            Err(error) if is(&error, ErrorCode::STREAM_NAME_EXIST) => {
                self.get_stream(&config.name).await.map_err(CallError::of)
            }
            created => self.stream_of(created?),
        }
    }

    /// Deletes a stream with all that is in it.
    ///
    /// # Errors
    ///
    /// As [`get_stream`](Self::get_stream).
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have deleted the stream.
    pub async fn delete_stream<T: AsRef<str>>(
        &self,
        stream: T,
    ) -> Result<DeleteStatus, DeleteStreamError> {
        self.ask(&DeleteRequest::new(StreamName::new(stream)?)).await
    }

    /// The name of the stream that stores messages on a subject. With wildcards, one of those that
    /// store a subject that matches.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); the subject is none, or no stream has it
    /// ([`GetStreamByNameErrorKind::NotFound`](super::GetStreamByNameErrorKind::NotFound)).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn stream_by_subject<T: Into<String>>(
        &self,
        subject: T,
    ) -> Result<String, GetStreamByNameError> {
        let subject = subject.into();
        Subject::from(subject.as_str()).check_subscribe()?;
        let page = self.ask(&NamesRequest::new().subject_filter(subject)).await?;
        page.items.into_iter().next().ok_or_else(|| {
            let none = Error::new(404, ErrorCode::STREAM_NOT_FOUND, "no stream matches subject");
            CallError::from(ApiError::from(none))
        })
    }

    /// The names of all streams.
    pub fn stream_names(&self) -> StreamNames {
        Pages::new(self.clone(), NamesRequest::new())
    }

    /// All streams, with everything there is to know about them.
    pub fn streams(&self) -> Streams {
        Pages::new(self.clone(), ListRequest::new())
    }

    /// A handle of a stream that the server has just told about.
    fn stream_of<K>(&self, info: Info) -> Result<Stream<Info>, CallError<K>> {
        let name = StreamName::new(&info.config.name)?;
        Ok(Stream::new(self.clone(), name, info))
    }
}
