//! Messages that are stored as fast as the stream can, with flow control in place of an answer to
//! each (2.14).

use super::ack::PublishAck;
use super::batch::BatchId;
use crate::jetstream::api::{self, ApiError};
use crate::jetstream::error::Error;
use crate::message::Message;
use crate::subject::Subject;
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::fmt::Write;
use serde::Deserialize;

/// What becomes of a fast batch when a message of it is lost or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GapMode {
    /// It goes on.
    Ok,
    /// It ends.
    Fail,
}

/// What a message of a fast batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IngestOperation {
    /// The first one.
    Start,
    /// A further one.
    Append,
    /// The last one.
    Commit,
    /// The end, without being stored.
    CommitWithoutMessage,
    /// A question how far the stream is, with the number of the last message sent.
    Ping,
}

/// Where the stream answers the messages of a fast batch: their reply subjects carry all that it
/// has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestInbox {
    inbox: Subject,
    id: BatchId,
    flow: u16,
    gap: GapMode,
}

impl IngestInbox {
    /// A batch with answers under `inbox`, at least every `flow` messages.
    #[must_use]
    pub const fn new(inbox: Subject, id: BatchId, flow: u16, gap: GapMode) -> Self {
        Self { inbox, id, flow, gap }
    }

    /// What to subscribe to before the first message.
    #[must_use]
    pub fn subscription(&self) -> Subject {
        Subject::from(format!("{}.{}.>", self.inbox, self.id))
    }

    /// The reply subject of a message.
    #[must_use]
    pub fn reply(&self, sequence: u64, operation: IngestOperation) -> Subject {
        let mut reply = String::new();
        self.write_reply(sequence, operation, &mut reply);
        Subject::from(reply)
    }

    /// Appends the reply subject of a message.
    pub fn write_reply(&self, sequence: u64, operation: IngestOperation, reply: &mut String) {
        let gap = match self.gap {
            GapMode::Ok => "ok",
            GapMode::Fail => "fail",
        };
        let operation = match operation {
            IngestOperation::Start => 0,
            IngestOperation::Append => 1,
            IngestOperation::Commit => 2,
            IngestOperation::CommitWithoutMessage => 3,
            IngestOperation::Ping => 4,
        };
        let Self { inbox, id, flow, .. } = self;
        // Writing to a string does not fail.
        let _ = write!(reply, "{inbox}.{id}.{flow}.{gap}.{sequence}.{operation}.$FI");
    }

    /// The number of the message to which the answer with this subject belongs; `None` if it is of
    /// another batch.
    #[must_use]
    pub fn sequence_of(&self, subject: &str) -> Option<u64> {
        let rest = subject.strip_prefix(self.inbox.as_str())?.strip_prefix('.')?;
        let rest = rest.strip_prefix(self.id.as_str())?.strip_prefix('.')?;
        rest.split('.').nth(2)?.parse().ok()
    }
}

/// An answer to a message of a fast batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IngestAnswer {
    /// All up to this message are stored.
    Ack {
        /// The message.
        sequence: u64,
        /// The stream answers the next time after so many more.
        messages: u64,
    },
    /// Messages were lost on the way.
    Gap {
        /// The first of them.
        first_lost: u64,
        /// The first message behind them.
        sequence: u64,
    },
    /// A message was refused.
    Refused {
        /// The message.
        sequence: u64,
        /// Why.
        error: Error,
    },
    /// The batch has ended.
    Done(PublishAck),
}

impl IngestAnswer {
    /// Whether the stream has said it: a status is a server's word that the stream is not there, to
    /// each question anew, so it ends no silence.
    #[must_use]
    pub const fn is_of_stream(answer: &Message) -> bool {
        answer.status.is_none()
    }

    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// When the stream refused the batch, no stream has the subject, or it is no answer.
    pub fn decode(answer: &Message) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        #[serde(default)]
        #[derive(Default)]
        struct Body<'a> {
            r#type: Option<Cow<'a, str>>,
            seq: u64,
            msgs: u64,
            last_seq: u64,
            error: Option<Error>,
        }

        let body: Body<'_> = match serde_json::from_slice(&answer.payload) {
            Ok(body) => body,
            Err(_) => return PublishAck::decode(answer).map(Self::Done),
        };
        let sequence = body.seq;
        match (body.r#type.as_deref(), body.error) {
            (Some("ack"), _) => Ok(Self::Ack { sequence, messages: body.msgs }),
            (Some("gap"), _) => Ok(Self::Gap { first_lost: body.last_seq, sequence }),
            (Some("err"), Some(error)) => Ok(Self::Refused { sequence, error }),
            (Some(other), _) => {
                api::check(answer)?;
                Err(ApiError::malformed(format!("unknown type {other:?}"), &answer.payload))
            }
            (None, _) => PublishAck::decode(answer).map(Self::Done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jetstream::test_messages::{answer, status};

    #[test]
    fn reply_subjects_carry_the_state_of_the_batch() {
        let id = BatchId::new("b1").unwrap();
        let inbox = IngestInbox::new("_INBOX.x".into(), id, 100, GapMode::Ok);
        assert_eq!(inbox.subscription(), "_INBOX.x.b1.>");
        assert_eq!(inbox.reply(1, IngestOperation::Start), "_INBOX.x.b1.100.ok.1.0.$FI");
        assert_eq!(inbox.reply(2, IngestOperation::Append), "_INBOX.x.b1.100.ok.2.1.$FI");
        assert_eq!(inbox.reply(3, IngestOperation::Commit), "_INBOX.x.b1.100.ok.3.2.$FI");
        let end = inbox.reply(4, IngestOperation::CommitWithoutMessage);
        assert_eq!(end, "_INBOX.x.b1.100.ok.4.3.$FI");
        let answered = inbox.reply(7, IngestOperation::Append);
        assert_eq!(inbox.sequence_of(&answered), Some(7));
        for other in ["_INBOX.x.b2.100.ok.7.1.$FI", "_INBOX.x.b1", "_INBOX.x", "a", ""] {
            assert_eq!(inbox.sequence_of(other), None, "{other}");
        }
        let strict = IngestInbox { gap: GapMode::Fail, ..inbox };
        assert_eq!(strict.reply(4, IngestOperation::Ping), "_INBOX.x.b1.100.fail.4.4.$FI");
    }

    #[test]
    fn answers_are_told_apart_by_their_type() {
        let read = |body| IngestAnswer::decode(&answer(body));
        assert_eq!(
            read(r#"{"type":"ack","seq":0,"msgs":10}"#),
            Ok(IngestAnswer::Ack { sequence: 0, messages: 10 })
        );
        assert_eq!(
            read(r#"{"type":"gap","last_seq":3,"seq":7}"#),
            Ok(IngestAnswer::Gap { first_lost: 3, sequence: 7 })
        );
        let Ok(IngestAnswer::Refused { sequence: 9, error }) = read(
            r#"{"type":"err","seq":9,"error":{"code":400,"err_code":10071,"description":"x"}}"#,
        ) else {
            panic!()
        };
        assert_eq!(error.error_code().0, 10071);
        let Ok(IngestAnswer::Done(ack)) = read(r#"{"stream":"S","seq":5,"batch":"b","count":5}"#)
        else {
            panic!()
        };
        assert_eq!(ack.batch_size, Some(5));
        let refused = read(r#"{"error":{"code":400,"err_code":10205,"description":"off"}}"#);
        assert!(matches!(refused, Err(ApiError::JetStream(_))), "{refused:?}");
        assert_eq!(IngestAnswer::decode(&status(503, None)), Err(ApiError::NoResponders));
        for body in ["", "x", "{}", r#"{"type":"new"}"#, r#"{"type":"err"}"#] {
            assert!(matches!(read(body), Err(ApiError::Malformed(_))), "{body}");
        }
    }
}
