//! Calls of the API: a request goes out, and its answer comes back decoded.

use super::context::Context;
use super::error::{CallError, Fault};
use super::level::Level;
use crate::RequestError;
use crate::request::Request;
use crate::sync::Arc;
use core::fmt;
use core::time::Duration;
use midge_proto::jetstream::{ApiRequest, Requirement, UnsupportedField, account};
use midge_proto::{HeaderMap, Message, OnDisconnect, Subject};

/// A request or answer of the JetStream API, for those who want to see them all.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Trace<'a> {
    /// The subject of the request.
    pub subject: &'a Subject,
    /// What happens.
    pub step: TraceStep<'a>,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TraceStep<'a> {
    /// It is sent.
    Request {
        /// Its headers.
        headers: Option<&'a HeaderMap>,
        /// Its body.
        body: &'a [u8],
    },
    /// Its answer came.
    Answer(&'a Message),
    /// None came.
    Failed(&'a RequestError),
}

/// Sees every call.
#[derive(Clone)]
pub(super) struct Tracer(Arc<dyn Fn(Trace<'_>) + Send + Sync>);

impl Tracer {
    pub(super) fn new(see: impl Fn(Trace<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(see))
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("callback")
    }
}

impl Context {
    /// Sends a request of the API and decodes its answer.
    ///
    /// All other calls are made of this one. It takes also [`CustomRequest`]s, with a body and an
    /// answer of the caller's own.
    ///
    /// # Errors
    ///
    /// The server does not know a part of the request, no answer came in time, nobody answers,
    /// JetStream refused the request, or the answer cannot be read. What only reads is asked again
    /// first where that may help ([`ContextBuilder::api_retry`](super::ContextBuilder::api_retry)),
    /// and on the next connection when this one is lost.
    ///
    /// # Cancel safety
    ///
    /// A dropped future forgets the request; it may be carried out all the same.
    ///
    /// [`CustomRequest`]: midge_proto::jetstream::CustomRequest
    pub async fn call<R: ApiRequest>(&self, request: R) -> Result<R::Response, CallError> {
        self.ask(&request).await
    }

    pub(super) async fn ask<R: ApiRequest, K>(
        &self,
        request: &R,
    ) -> Result<R::Response, CallError<K>> {
        if let Some(requirement) = request.requirement() {
            self.check_level(requirement).await?;
        }
        self.send(request).await
    }

    /// Checks that the server knows what is required. If it cannot be asked, the request is sent:
    /// it carries its level, and servers from 2.12 on look at that.
    pub(super) async fn check_level(&self, required: Requirement) -> Result<(), UnsupportedField> {
        match self.inner.level.get() {
            Level::Known(known) if required.check(known).is_ok() => return Ok(()),
            // Whoever may not ask is not to do so with each message.
            Level::Denied { losses } if losses == self.losses() => return Ok(()),
            // Where the level was too low, the server may have been replaced by a newer one since.
            Level::Unasked | Level::Known(_) | Level::Denied { .. } => {}
        }
        let losses = self.losses();
        let account: Result<_, CallError> = self.send(&account::InfoRequest).await;
        let account = match account {
            Ok(account) => account,
            Err(error) => {
                if matches!(error.fault(), Fault::Request(RequestError::Denied(_))) {
                    self.inner.level.set(Level::Denied { losses });
                }
                return Ok(());
            }
        };
        let level = account.api_level();
        self.inner.level.set(Level::Known(level));
        required.check(level)
    }

    /// Connections that were lost up to now, which tells this one from others.
    fn losses(&self) -> u32 {
        self.inner.client.shared().core.lock().view.losses as u32
    }

    /// Tells the one who wants to see every call.
    pub(super) fn trace(&self, subject: &Subject, step: TraceStep<'_>) {
        if let Some(Tracer(see)) = &self.inner.tracer {
            see(Trace { subject, step });
        }
    }

    /// Asks, and asks again where that may help and changes nothing.
    async fn send<R: ApiRequest, K>(&self, request: &R) -> Result<R::Response, CallError<K>> {
        let mut error = match self.send_once(request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        if self.delay_after(request, &error, 0).is_none() {
            return Err(error);
        }
        let patience = self.inner.client.handle.sleep(self.inner.timeout);
        let repeated = {
            let repeated = core::pin::pin!(self.repeat(request, &mut error));
            patience.race(repeated).await
        };
        match repeated {
            Some(Ok(response)) => Ok(response),
            Some(Err(())) | None => Err(error),
        }
    }

    /// Asks again and again; leaves the last error where the first one was.
    async fn repeat<R: ApiRequest, K>(
        &self,
        request: &R,
        error: &mut CallError<K>,
    ) -> Result<R::Response, ()> {
        let mut attempts = 0;
        while let Some(delay) = self.delay_after(request, error, attempts) {
            attempts += 1;
            self.inner.client.handle.sleep(delay).await;
            match self.send_once(request).await {
                Ok(response) => return Ok(response),
                Err(last) => *error = last,
            }
        }
        Err(())
    }

    fn delay_after<R: ApiRequest, K>(
        &self,
        request: &R,
        error: &CallError<K>,
        attempts: u32,
    ) -> Option<Duration> {
        match error.fault() {
            Fault::Api(error) if request.is_read() => {
                self.inner.api_retry.delay_after(error, attempts)
            }
            _ => None,
        }
    }

    async fn send_once<R: ApiRequest, K>(&self, request: &R) -> Result<R::Response, CallError<K>> {
        let prefix = self.inner.prefix.as_ref().map_err(Fault::clone)?;
        let subject = request.subject(prefix);
        let mut body = Vec::new();
        request.encode(&mut body);
        let headers = request.headers();
        let trace = |step: TraceStep<'_>| self.trace(&subject, step);
        trace(TraceStep::Request { headers: headers.as_ref(), body: &body });
        let message = Request {
            payload: Some(body.into()),
            headers,
            timeout: Some(Some(self.inner.timeout)),
            on_disconnect: match request.is_read() {
                true => OnDisconnect::Resend,
                false => OnDisconnect::Wait,
            },
            ..Request::new()
        };
        let answer = match self.inner.client.send_request(subject.clone(), message).await {
            Ok(answer) => answer,
            Err(error) => {
                trace(TraceStep::Failed(&error));
                return Err(CallError::new(Some(subject), error.into()));
            }
        };
        trace(TraceStep::Answer(&answer));
        request.decode(&answer).map_err(|error| CallError::new(Some(subject), error.into()))
    }
}
