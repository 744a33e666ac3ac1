//! What is said about one message.

use super::AckKind;
use super::error::AckError;
use super::told::{Earlier, Told};
use crate::PublishError;
use crate::jetstream::consumer::Id;
use crate::jetstream::consumer::pull::{Batch, BatchConfig};
use crate::jetstream::context::Context;
use crate::jetstream::error::CallError;
use crate::publish::{publish_over, try_publish};
use crate::request::Request;
use midge_proto::jetstream::message::Info;
use midge_proto::{Refusal, Subject};

/// Says to a consumer what became of a message.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) context: &'a Context,
    pub(super) reply: Option<&'a Subject>,
    pub(super) told: &'a Told,
}

/// Marks a message as told before anything is sent; undone by the drop unless it was sent.
struct Claim<'a> {
    told: &'a Told,
    sent: bool,
}

impl<'a> Claim<'a> {
    fn make(told: &'a Told, kind: &AckKind) -> Result<Self, AckError> {
        let before = if kind.is_final() { told.set() } else { told.get() };
        if before {
            Err(AckError::AlreadyAcknowledged)
        } else {
            Ok(Self { told, sent: !kind.is_final() })
        }
    }

    /// The first final word: not one that was tried before.
    fn make_first(told: &'a Told) -> Result<Self, Earlier> {
        told.set_first().map(|()| Self { told, sent: false })
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.sent {
            self.told.take_back();
        }
    }
}

impl<'a> Word<'a> {
    fn reply(&self) -> Result<&'a Subject, AckError> {
        self.reply.ok_or(AckError::NoReply)
    }

    pub(super) async fn tell(self, kind: AckKind) -> Result<(), AckError> {
        let reply = self.reply()?;
        let claim = Claim::make(self.told, &kind)?;
        self.send(reply, kind, claim).await
    }

    /// Says that it is done, unless something else was said, or was to be said.
    pub(super) async fn ack_unless_said(self) -> Result<(), AckError> {
        let reply = self.reply()?;
        match Claim::make_first(self.told) {
            Ok(claim) => self.send(reply, AckKind::Ack, claim).await,
            Err(Earlier::Said) => Ok(()),
            Err(Earlier::InVain) => Err(AckError::SaidInVain),
        }
    }

    async fn send(
        self,
        reply: &Subject,
        kind: AckKind,
        mut claim: Claim<'_>,
    ) -> Result<(), AckError> {
        let client = &self.context.inner.client;
        let payload = kind.into();
        match try_publish(client.shared(), reply, None, None, &payload) {
            // Only one who has to wait for room needs a subject of its own.
            Err(PublishError::Refused(Refusal::Full)) => {
                client.publish(reply.clone(), payload).await?;
            }
            sent => sent?,
        }
        claim.sent = true;
        Ok(())
    }

    pub(super) async fn confirm(self, kind: AckKind) -> Result<(), AckError> {
        let reply = self.reply()?;
        if !kind.is_confirmable() {
            return Err(AckError::NotConfirmable);
        }
        let mut claim = Claim::make(self.told, &kind)?;
        let inner = &self.context.inner;
        let request = Request::new().payload(kind.into()).timeout(Some(inner.ack_timeout));
        let confirmed = inner.client.send_request(reply.clone(), request).await;
        confirmed.map_err(|error| match error {
            crate::RequestError::Publish(error) => AckError::Publish(error),
            error => AckError::Unconfirmed(error),
        })?;
        claim.sent = true;
        Ok(())
    }

    /// Says that it is being worked on, without waiting for room: one message is small, and late
    /// it is worth nothing.
    pub(super) fn progress(self) -> Result<(), AckError> {
        let reply = self.reply()?;
        let _claim = Claim::make(self.told, &AckKind::Progress)?;
        let shared = self.context.inner.client.shared();
        Ok(publish_over(shared, reply, None, None, &AckKind::Progress.into())?)
    }

    /// Leaves it to the caller to say that it is done; returns where.
    pub(super) fn hand_over(self) -> Result<&'a Subject, AckError> {
        let reply = self.reply()?;
        Claim::make(self.told, &AckKind::Ack)?.sent = true;
        Ok(reply)
    }

    pub(super) fn ack_and_fetch(self, config: BatchConfig) -> Result<Batch, AckError> {
        let reply = self.reply()?;
        let info = Info::parse(reply.as_str()).map_err(|_| AckError::NoReply)?;
        let id = Id::parse(info.stream, info.consumer)
            .map_err(|error| AckError::Fetch(CallError::from(error)))?;
        let mut claim = Claim::make(self.told, &AckKind::Next)?;
        let context = self.context.clone();
        let batch = Batch::instead_of_ack(context, id, reply, config, self.told.known_ack_wait());
        let batch = batch.map_err(AckError::Fetch)?;
        claim.sent = true;
        Ok(batch)
    }
}
