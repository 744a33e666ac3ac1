//! A message on its way into a stream.

use super::batch::BatchPlace;
use super::counter::Increment;
use super::schedule::{self, InvalidSchedule, Scheduling};
use super::ttl::{InvalidTtl, MessageTtl};
use crate::header::{HeaderMap, IntoHeaderName, IntoHeaderValue, InvalidHeader};
use crate::header::{
    NATS_EXPECTED_LAST_MESSAGE_ID, NATS_EXPECTED_LAST_SEQUENCE,
    NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE_SUBJECT,
    NATS_EXPECTED_STREAM, NATS_INCREMENT, NATS_MESSAGE_ID, NATS_MESSAGE_TTL, NATS_ROLLUP,
};
use crate::jetstream::level::{ApiLevel, Requirement};
use crate::message::OutboundMessage;
use crate::subject::{InvalidSubject, Subject, ToSubject};
use alloc::string::ToString;
use bytes::Bytes;
use core::fmt;

/// Which older messages a message deletes when it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rollup {
    /// Those of its subject.
    Subject,
    /// Those of the stream.
    All,
}

/// A message on its way into a stream, with what the stream is to check and do.
///
/// ```
/// use midge_proto::jetstream::message::PublishMessage;
///
/// let message = PublishMessage::build()
///     .payload("hello".into())
///     .message_id("order-17")
///     .expected_last_subject_sequence(0)
///     .outbound_message("orders.17");
/// assert_eq!(message.headers.unwrap().len(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct PublishMessage {
    payload: Bytes,
    headers: HeaderMap,
    requirement: Option<Requirement>,
    /// The first thing in it that the stream would refuse.
    fault: Option<InvalidPublishMessage>,
}

impl PublishMessage {
    /// A message without payload and headers.
    #[must_use]
    pub fn build() -> Self {
        Self::default()
    }

    /// The body.
    #[must_use]
    pub fn payload(mut self, payload: Bytes) -> Self {
        self.payload = payload;
        self
    }

    /// The headers, in place of all that was set before: call it first.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// One more header.
    #[must_use]
    pub fn header<N: IntoHeaderName, V: IntoHeaderValue>(mut self, name: N, value: V) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The id by which the stream knows a message it has already, within its duplicate window.
    #[must_use]
    pub fn message_id<T: AsRef<str>>(self, id: T) -> Self {
        self.header(NATS_MESSAGE_ID, id.as_ref())
    }

    /// The stream that has to store it.
    #[must_use]
    pub fn expected_stream<T: AsRef<str>>(self, stream: T) -> Self {
        self.header(NATS_EXPECTED_STREAM, stream.as_ref())
    }

    /// The last sequence that the stream has to have before it.
    #[must_use]
    pub fn expected_last_sequence(self, last_sequence: u64) -> Self {
        self.header(NATS_EXPECTED_LAST_SEQUENCE, last_sequence)
    }

    /// The id that the last message of the stream has to have.
    #[must_use]
    pub fn expected_last_message_id<T: AsRef<str>>(self, last_message_id: T) -> Self {
        self.header(NATS_EXPECTED_LAST_MESSAGE_ID, last_message_id.as_ref())
    }

    /// The last sequence that its subject has to have before it; 0 for none.
    #[must_use]
    pub fn expected_last_subject_sequence(self, subject_sequence: u64) -> Self {
        self.header(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, subject_sequence)
    }

    /// The same for another subject than its own; it may have wildcards.
    #[must_use]
    pub fn expected_last_sequence_of_subject<T: AsRef<str>>(
        mut self,
        subject: T,
        subject_sequence: u64,
    ) -> Self {
        let subject = Subject::from(subject.as_ref());
        self.check(subject.check_subscribe());
        self.expected_last_subject_sequence(subject_sequence)
            .header(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE_SUBJECT, subject.as_str())
    }

    /// How long the stream keeps it: a second or more, or for ever (2.11).
    #[must_use]
    pub fn ttl(mut self, ttl: impl Into<MessageTtl>) -> Self {
        let ttl = ttl.into();
        self.check(ttl.check());
        self.require(Some(Requirement::new("Nats-TTL", ApiLevel::V2_11)));
        self.header(NATS_MESSAGE_TTL, ttl.to_string())
    }

    /// Which older messages it deletes.
    #[must_use]
    pub fn rollup(self, rollup: Rollup) -> Self {
        let value = match rollup {
            Rollup::Subject => "sub",
            Rollup::All => "all",
        };
        self.header(NATS_ROLLUP, value)
    }

    /// Adds to the counter that its subject is; there must be no payload (2.12).
    #[must_use]
    pub fn increment(mut self, by: impl Into<Increment>) -> Self {
        self.require(Some(Requirement::new("Nats-Incr", ApiLevel::V2_12)));
        self.header(NATS_INCREMENT, by.into().as_str())
    }

    /// Makes it a schedule: the stream publishes its payload, and headers that are not about the
    /// schedule, when that says so (2.12).
    #[must_use]
    pub fn schedule(mut self, scheduling: Scheduling) -> Self {
        self.check(scheduling.check());
        self.require(scheduling.requirement());
        scheduling.put_into(&mut self.headers);
        self
    }

    /// Cancels the schedule on `subject` when it is stored, on another subject (2.14).
    #[must_use]
    pub fn cancel_schedule(mut self, subject: impl ToSubject) -> Self {
        let subject = subject.into_subject();
        self.check(subject.check_publish());
        self.require(Some(Requirement::new("Nats-Schedule-Next: purge", ApiLevel::V2_14)));
        schedule::cancel(&subject, &mut self.headers);
        self
    }

    /// Its place in an atomic batch (2.12).
    #[must_use]
    pub fn batch(mut self, place: &BatchPlace) -> Self {
        self.require(Some(place.requirement()));
        place.put_into(&mut self.headers);
        self
    }

    fn require(&mut self, requirement: Option<Requirement>) {
        self.requirement = Requirement::newer(self.requirement, requirement);
    }

    fn check<E: Into<InvalidPublishMessage>>(&mut self, result: Result<(), E>) {
        if let Err(error) = result {
            self.fault.get_or_insert_with(|| error.into());
        }
    }

    /// The part that needs the newest server; `None` when any will do. Streams store a message with
    /// headers they do not know, and do nothing about them: only the client can tell.
    #[must_use]
    pub const fn requirement(&self) -> Option<Requirement> {
        self.requirement
    }

    /// The message for this subject, as far as it can be told to be one that a stream takes.
    ///
    /// # Errors
    ///
    /// When a lifetime, schedule, subject or header in it is none that a stream would take.
    pub fn try_outbound_message<S: ToSubject>(
        self,
        subject: S,
    ) -> Result<OutboundMessage, InvalidPublishMessage> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.headers.check()?;
        let message = self.outbound_message(subject);
        message.subject.check_publish()?;
        Ok(message)
    }

    /// The message for this subject, whether or not a stream takes it.
    #[must_use]
    pub fn outbound_message<S: ToSubject>(self, subject: S) -> OutboundMessage {
        OutboundMessage {
            subject: subject.into_subject(),
            reply: None,
            payload: self.payload,
            headers: (!self.headers.is_empty()).then_some(self.headers),
        }
    }
}

/// A message that no stream would take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPublishMessage {
    /// It would be kept for less than a second.
    Ttl(InvalidTtl),
    /// Its schedule is none.
    Schedule(InvalidSchedule),
    /// A subject is none.
    Subject(InvalidSubject),
    /// A header is none.
    Header(InvalidHeader),
}

impl fmt::Display for InvalidPublishMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ttl(error) => error.fmt(f),
            Self::Schedule(error) => error.fmt(f),
            Self::Subject(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for InvalidPublishMessage {}

impl From<InvalidTtl> for InvalidPublishMessage {
    fn from(error: InvalidTtl) -> Self {
        Self::Ttl(error)
    }
}

impl From<InvalidSchedule> for InvalidPublishMessage {
    fn from(error: InvalidSchedule) -> Self {
        Self::Schedule(error)
    }
}

impl From<InvalidSubject> for InvalidPublishMessage {
    fn from(error: InvalidSubject) -> Self {
        Self::Subject(error)
    }
}

impl From<InvalidHeader> for InvalidPublishMessage {
    fn from(error: InvalidHeader) -> Self {
        Self::Header(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jetstream::{BatchCommit, BatchId, Schedule};
    use alloc::string::String;
    use alloc::vec::Vec;
    use core::time::Duration;

    fn lines(message: &OutboundMessage) -> Vec<String> {
        let headers = message.headers.as_ref().unwrap();
        headers.iter().map(|(name, value)| alloc::format!("{name}: {value}")).collect()
    }

    #[test]
    fn each_wish_is_a_header() {
        let message = PublishMessage::build()
            .header("Colour", "red")
            .payload("x".into())
            .message_id("id")
            .expected_stream("S")
            .expected_last_sequence(1)
            .expected_last_message_id("before")
            .expected_last_sequence_of_subject("a.>", 2)
            .ttl(Duration::from_secs(3))
            .rollup(Rollup::Subject)
            .try_outbound_message("a.b")
            .unwrap();
        assert_eq!((&*message.subject, &*message.payload), ("a.b", &b"x"[..]));
        let expected = [
            "Colour: red",
            "Nats-Msg-Id: id",
            "Nats-Expected-Stream: S",
            "Nats-Expected-Last-Sequence: 1",
            "Nats-Expected-Last-Msg-Id: before",
            "Nats-Expected-Last-Subject-Sequence: 2",
            "Nats-Expected-Last-Subject-Sequence-Subject: a.>",
            "Nats-TTL: 3s",
            "Nats-Rollup: sub",
        ];
        assert_eq!(lines(&message), expected);
        assert_eq!(PublishMessage::build().outbound_message("a").headers, None);
    }

    #[test]
    fn batches_counters_and_cancellations_are_headers_too() {
        let place = BatchPlace {
            id: BatchId::new("b").unwrap(),
            sequence: 2,
            commit: Some(BatchCommit::Final),
        };
        let committing = PublishMessage::build().batch(&place);
        assert_eq!(committing.requirement().unwrap().level(), ApiLevel::V2_12);
        let expected = ["Nats-Batch-Id: b", "Nats-Batch-Sequence: 2", "Nats-Batch-Commit: 1"];
        assert_eq!(lines(&committing.outbound_message("a")), expected);
        let end = BatchPlace { commit: Some(BatchCommit::EndOfBatch), ..place };
        let ending = PublishMessage::build().batch(&end);
        assert_eq!(ending.requirement().unwrap().level(), ApiLevel::V2_14);
        assert_eq!(lines(&ending.outbound_message("a"))[2], "Nats-Batch-Commit: eob");

        let counting = PublishMessage::build().increment(-5);
        assert_eq!(counting.requirement().unwrap().field(), "Nats-Incr");
        assert_eq!(lines(&counting.outbound_message("a")), ["Nats-Incr: -5"]);

        let cancelling = PublishMessage::build().cancel_schedule("schedules.1");
        assert_eq!(cancelling.requirement().unwrap().level(), ApiLevel::V2_14);
        let expected = ["Nats-Schedule-Next: purge", "Nats-Scheduler: schedules.1"];
        assert_eq!(lines(&cancelling.outbound_message("a")), expected);
    }

    #[test]
    fn what_no_stream_would_take_is_refused() {
        let build = PublishMessage::build;
        let short = Duration::from_millis(5);
        let schedule = Scheduling::new(Schedule::Every(short), "t");
        for (message, subject) in [
            (build().ttl(short), "a"),
            (build().schedule(schedule), "a"),
            (build().cancel_schedule("a.*"), "a"),
            (build().expected_last_sequence_of_subject("a b", 1), "a"),
            (build().header("A", "b\r\nc"), "a"),
            (build(), "a.*"),
            (build(), ""),
        ] {
            assert!(message.clone().try_outbound_message(subject).is_err(), "{message:?}");
        }
        assert!(build().ttl(MessageTtl::Never).try_outbound_message("a").is_ok());
    }
}
