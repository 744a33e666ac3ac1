//! The conversation about a batch that is stored as a whole or not at all (2.12).

use super::ack::PublishAck;
use super::batch::{BATCH_MESSAGES_MAX, BatchCommit, BatchId, BatchPlace};
use crate::header::{HeaderName, NATS_EXPECTED_LAST_MESSAGE_ID, NATS_EXPECTED_LAST_SEQUENCE};
use crate::jetstream::api::{self, ApiError};
use crate::jetstream::level::{ApiLevel, Requirement};
use crate::message::{Message, OutboundMessage};
use crate::subject::Subject;
use alloc::format;
use bytes::Bytes;
use core::fmt;

/// What is agreed about a batch before its first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchOptions {
    /// Whether the stream answers the first message before the second one is sent: so a stream that
    /// takes no batches is found out with one message. It does by default.
    pub ack_first: bool,
    /// After how many messages the stream answers again; 0, the default, for not before the end.
    pub ack_every: u64,
    /// Most messages; 1000 by default, as servers allow unless they are configured otherwise.
    pub messages_max: u64,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self { ack_first: true, ack_every: 0, messages_max: BATCH_MESSAGES_MAX as u64 }
    }
}

/// What the stream says to a message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BatchAnswer {
    /// Nothing.
    Nothing,
    /// That it has it, waiting for the rest.
    Staged,
    /// That it stored the batch.
    Committed,
}

/// A message of a batch, to be sent.
#[derive(Clone, Debug)]
pub struct BatchMessage {
    /// The message. It wants a reply subject unless there is [no answer](BatchAnswer::Nothing).
    pub message: OutboundMessage,
    /// Its number, from 1.
    pub number: u64,
    /// The answer to wait for before anything else of the batch is sent.
    pub answer: BatchAnswer,
}

/// What is wrong with the use of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchFault {
    /// The batch would have more messages than it may; none of them is stored.
    TooManyMessages {
        /// As many as it may have.
        limit: u64,
    },
    /// There is nothing to commit.
    Empty,
    /// It was committed, or given up after an error.
    Over,
    /// A call about it was dropped before it was done, so nobody knows what the stream has.
    Interrupted,
    /// The connection was lost after the first message; what the stream has of it is not known, and
    /// it forgets the batch.
    Disconnected,
    /// A header that this message of a batch must not have.
    Header(HeaderName),
}

impl fmt::Display for BatchFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyMessages { limit } => {
                write!(f, "a batch has at most {limit} messages; nothing of it is stored")
            }
            Self::Empty => f.write_str("a batch without messages cannot be committed"),
            Self::Over => f.write_str("the batch was committed or given up already"),
            Self::Interrupted => f.write_str(
                "a call about the batch was dropped before it was done; begin a new one",
            ),
            Self::Disconnected => {
                f.write_str("the connection was lost in the middle of the batch; begin a new one")
            }
            Self::Header(name) => match *name == NATS_EXPECTED_LAST_SEQUENCE {
                true => write!(f, "only the first message of a batch may have {name}"),
                false => write!(f, "no message of a batch may have {name}"),
            },
        }
    }
}

impl core::error::Error for BatchFault {}

/// A batch that is stored as a whole or not at all.
///
/// ```text
/// Open --add, commit--> Sending --sent or answered--> Open
///   ^                      | |
///   |                      | '--committed--> Over
///   '--- a new batch       '--any error----> Over
/// ```
///
/// Each [`BatchMessage`] is sent by the caller, who then says so ([`handle_sent`](Self::handle_sent)),
/// hands over the answer ([`handle_answer`](Self::handle_answer)) or says that there is none
/// ([`handle_failure`](Self::handle_failure)). Numbers have no gaps: whatever comes between, the
/// stream refuses the batch rather than storing a part of it.
#[derive(Debug)]
pub struct AtomicBatch {
    id: BatchId,
    options: BatchOptions,
    /// Messages that were sent.
    sent: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// `subject` is that of the last message, where an end can be sent.
    Open {
        subject: Option<Subject>,
    },
    Sending {
        subject: Subject,
        commits: Commits,
    },
    Over,
}

/// Whether the message on its way ends the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Commits {
    No,
    /// With so many messages to be stored.
    All(u64),
}

impl AtomicBatch {
    /// A batch without messages. The id is to be unique among those of the stream.
    #[must_use]
    pub const fn new(id: BatchId, options: BatchOptions) -> Self {
        Self { id, options, sent: 0, state: State::Open { subject: None } }
    }

    /// One more message.
    ///
    /// # Errors
    ///
    /// When it would be one too many, the batch is over, or the message has a header that it must not
    /// have. All but the last end the batch.
    pub fn add(&mut self, message: OutboundMessage) -> Result<BatchMessage, BatchFault> {
        self.check_headers(&message)?;
        self.place(message, None)
    }

    /// The last message.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn commit(&mut self, message: OutboundMessage) -> Result<BatchMessage, BatchFault> {
        self.check_headers(&message)?;
        self.place(message, Some(BatchCommit::Final))
    }

    /// The end behind the last message, which is not stored itself (2.14).
    ///
    /// # Errors
    ///
    /// When there are no messages, or the batch is over.
    pub fn commit_added(&mut self) -> Result<BatchMessage, BatchFault> {
        let subject = match &self.state {
            State::Open { subject: Some(subject) } => subject.clone(),
            State::Open { subject: None } => return Err(BatchFault::Empty),
            State::Sending { .. } => return Err(self.end(BatchFault::Interrupted)),
            State::Over => return Err(BatchFault::Over),
        };
        let message =
            OutboundMessage { subject, reply: None, payload: Bytes::new(), headers: None };
        self.place(message, Some(BatchCommit::EndOfBatch))
    }

    /// The message was sent, and there is no answer to wait for.
    pub fn handle_sent(&mut self) {
        self.open_again();
    }

    /// The answer came; with [`BatchAnswer::Committed`] it is the result of the batch.
    ///
    /// # Errors
    ///
    /// The stream refused the message, and with it the batch; or the answer is none.
    pub fn handle_answer(&mut self, answer: &Message) -> Result<Option<PublishAck>, ApiError> {
        let commits = match &self.state {
            State::Sending { commits, .. } => *commits,
            State::Open { .. } | State::Over => return Ok(None),
        };
        let result = match commits {
            Commits::No => self.read_staged(answer).map(|()| None),
            Commits::All(messages) => self.read_ack(answer, messages).map(Some),
        };
        match (&result, commits) {
            (Ok(_), Commits::No) => self.open_again(),
            (Ok(_), Commits::All(_)) | (Err(_), _) => self.state = State::Over,
        }
        result
    }

    /// The message was not sent, or no answer came: the batch is over. The stream forgets what it has
    /// of it (10 s after the last message, unless the server is configured otherwise).
    pub fn handle_failure(&mut self) {
        self.state = State::Over;
    }

    /// The connection was lost: a batch with messages is over.
    ///
    /// # Errors
    ///
    /// When it is.
    pub fn handle_disconnected(&mut self) -> Result<(), BatchFault> {
        match self.state {
            State::Open { .. } if self.sent == 0 => Ok(()),
            State::Open { .. } | State::Sending { .. } => Err(self.end(BatchFault::Disconnected)),
            State::Over => Ok(()),
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &BatchId {
        &self.id
    }

    /// Messages so far.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Most messages.
    #[must_use]
    pub const fn messages_max(&self) -> u64 {
        self.options.messages_max
    }

    /// Whether it was committed or given up.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// What a server has to know for any batch.
    #[must_use]
    pub const fn requirement() -> Requirement {
        Requirement::new("Nats-Batch-Id", ApiLevel::V2_12)
    }

    /// What a server has to know for [`commit_added`](Self::commit_added).
    #[must_use]
    pub const fn end_requirement() -> Requirement {
        Requirement::new("Nats-Batch-Commit: eob", ApiLevel::V2_14)
    }

    fn place(
        &mut self,
        mut message: OutboundMessage,
        commit: Option<BatchCommit>,
    ) -> Result<BatchMessage, BatchFault> {
        match &self.state {
            State::Open { .. } => {}
            State::Sending { .. } => return Err(self.end(BatchFault::Interrupted)),
            State::Over => return Err(BatchFault::Over),
        }
        let number = self.sent + 1;
        let stored = match commit {
            Some(BatchCommit::EndOfBatch) => self.sent,
            Some(BatchCommit::Final) | None => number,
        };
        let limit = self.options.messages_max;
        if stored > limit {
            return Err(self.end(BatchFault::TooManyMessages { limit }));
        }
        let place = BatchPlace { id: self.id.clone(), sequence: number, commit };
        place.put_into(message.headers.get_or_insert_default());
        let (commits, answer) = match commit {
            Some(_) => (Commits::All(stored), BatchAnswer::Committed),
            None if self.wants_answer(number) => (Commits::No, BatchAnswer::Staged),
            None => (Commits::No, BatchAnswer::Nothing),
        };
        self.sent = number;
        self.state = State::Sending { subject: message.subject.clone(), commits };
        Ok(BatchMessage { message, number, answer })
    }

    const fn wants_answer(&self, number: u64) -> bool {
        let BatchOptions { ack_first, ack_every, .. } = self.options;
        (ack_first && number == 1) || (ack_every > 0 && number.is_multiple_of(ack_every))
    }

    /// What the stream would refuse, and for messages without an answer only by forgetting the batch.
    fn check_headers(&self, message: &OutboundMessage) -> Result<(), BatchFault> {
        let Some(headers) = &message.headers else { return Ok(()) };
        if headers.get(NATS_EXPECTED_LAST_MESSAGE_ID).is_some() {
            return Err(BatchFault::Header(NATS_EXPECTED_LAST_MESSAGE_ID));
        }
        if self.sent > 0 && headers.get(NATS_EXPECTED_LAST_SEQUENCE).is_some() {
            return Err(BatchFault::Header(NATS_EXPECTED_LAST_SEQUENCE));
        }
        Ok(())
    }

    fn read_staged(&self, answer: &Message) -> Result<(), ApiError> {
        if answer.status.is_none() && answer.payload.is_empty() {
            return Ok(());
        }
        api::check(answer)?;
        // An ordinary acknowledgement: the headers of batches mean nothing to the server.
        Err(ApiError::malformed("a message of a batch was stored by itself", &answer.payload))
    }

    fn read_ack(&self, answer: &Message, messages: u64) -> Result<PublishAck, ApiError> {
        let ack = PublishAck::decode(answer)?;
        if ack.batch_id.as_deref() != Some(self.id.as_str()) || ack.batch_size != Some(messages) {
            let fault = format!("not the end of batch {} with {messages} messages", self.id);
            return Err(ApiError::malformed(fault, &answer.payload));
        }
        Ok(ack)
    }

    fn open_again(&mut self) {
        match core::mem::replace(&mut self.state, State::Over) {
            State::Sending { subject, commits: Commits::No } => {
                self.state = State::Open { subject: Some(subject) };
            }
            // A commit has an answer, and it decides.
            same @ (State::Open { .. } | State::Sending { .. } | State::Over) => self.state = same,
        }
    }

    fn end(&mut self, fault: BatchFault) -> BatchFault {
        self.state = State::Over;
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::HeaderMap;
    use crate::jetstream::test_messages::{answer, status};
    use alloc::string::String;
    use alloc::vec::Vec;

    fn batch(options: BatchOptions) -> AtomicBatch {
        AtomicBatch::new(BatchId::new("b").unwrap(), options)
    }

    fn message(subject: &str) -> OutboundMessage {
        OutboundMessage {
            subject: subject.into(),
            reply: None,
            payload: Bytes::from_static(b"x"),
            headers: None,
        }
    }

    fn with_header(name: HeaderName) -> OutboundMessage {
        let mut headers = HeaderMap::new();
        headers.insert(name, "1");
        OutboundMessage { headers: Some(headers), ..message("a") }
    }

    #[track_caller]
    fn lines(sent: &BatchMessage) -> Vec<String> {
        let headers = sent.message.headers.as_ref().unwrap();
        headers.iter().map(|(name, value)| alloc::format!("{name}: {value}")).collect()
    }

    /// Adds a message, and has it staged or sent.
    #[track_caller]
    fn put(batch: &mut AtomicBatch) -> BatchAnswer {
        let sent = batch.add(message("a")).unwrap();
        match sent.answer {
            BatchAnswer::Nothing => batch.handle_sent(),
            BatchAnswer::Staged => {
                assert_eq!(batch.handle_answer(&answer("")), Ok(None));
            }
            BatchAnswer::Committed => panic!("not asked for"),
        }
        sent.answer
    }

    const DONE_2: &str = r#"{"stream":"S","seq":9,"batch":"b","count":2}"#;

    #[test]
    fn messages_are_numbered_and_the_last_one_commits() {
        let mut batch = batch(BatchOptions::default());
        let first = batch.add(message("a")).unwrap();
        assert_eq!((first.number, first.answer), (1, BatchAnswer::Staged));
        assert_eq!(lines(&first), ["Nats-Batch-Id: b", "Nats-Batch-Sequence: 1"]);
        assert_eq!(batch.handle_answer(&answer("")), Ok(None));
        let last = batch.commit(message("a")).unwrap();
        assert_eq!(last.answer, BatchAnswer::Committed);
        assert_eq!(lines(&last)[1..], ["Nats-Batch-Sequence: 2", "Nats-Batch-Commit: 1"]);
        let ack = batch.handle_answer(&answer(DONE_2)).unwrap().unwrap();
        assert_eq!((ack.sequence, ack.batch_size), (9, Some(2)));
        assert!(batch.is_over());
        assert_eq!(batch.add(message("a")).unwrap_err(), BatchFault::Over);
    }

    #[test]
    fn an_end_that_is_not_stored_goes_to_the_last_subject_and_does_not_count() {
        let mut batch = batch(BatchOptions { messages_max: 2, ..BatchOptions::default() });
        assert_eq!(batch.commit_added().unwrap_err(), BatchFault::Empty);
        put(&mut batch);
        put(&mut batch);
        let end = batch.commit_added().unwrap();
        assert_eq!((&*end.message.subject, end.number), ("a", 3));
        assert_eq!(lines(&end)[2], "Nats-Batch-Commit: eob");
        assert!(batch.handle_answer(&answer(DONE_2)).unwrap().is_some());
    }

    #[test]
    fn answers_are_asked_for_as_agreed() {
        use BatchAnswer::{Nothing, Staged};
        for (ack_first, ack_every, expected) in [
            (true, 0, [Staged, Nothing, Nothing, Nothing]),
            (false, 0, [Nothing, Nothing, Nothing, Nothing]),
            (false, 2, [Nothing, Staged, Nothing, Staged]),
            (true, 3, [Staged, Nothing, Staged, Nothing]),
        ] {
            let options = BatchOptions { ack_first, ack_every, ..BatchOptions::default() };
            let mut batch = batch(options);
            let found = core::array::from_fn(|_| put(&mut batch));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn one_message_too_many_ends_the_batch() {
        let mut batch = batch(BatchOptions { messages_max: 2, ..BatchOptions::default() });
        put(&mut batch);
        put(&mut batch);
        let fault = batch.add(message("a")).unwrap_err();
        assert_eq!(fault, BatchFault::TooManyMessages { limit: 2 });
        assert_eq!(batch.commit_added().unwrap_err(), BatchFault::Over);
    }

    #[test]
    fn a_refusal_in_the_middle_ends_the_batch() {
        let mut batch = batch(BatchOptions::default());
        batch.add(message("a")).unwrap();
        let refusal = answer(r#"{"error":{"code":400,"err_code":10174,"description":"off"}}"#);
        let error = batch.handle_answer(&refusal).unwrap_err();
        assert_eq!(error.as_jetstream().unwrap().error_code().0, 10174);
        assert_eq!(batch.add(message("a")).unwrap_err(), BatchFault::Over);
    }

    #[test]
    fn answers_that_are_none_end_the_batch() {
        let alone = answer(r#"{"stream":"S","seq":1}"#);
        for wrong in
            [alone, status(503, None), status(412, Some("Required Api Level")), answer("x")]
        {
            let mut batch = batch(BatchOptions::default());
            batch.add(message("a")).unwrap();
            assert!(batch.handle_answer(&wrong).is_err(), "{wrong:?}");
            assert!(batch.is_over());
        }
        for wrong in [
            "",
            r#"{"stream":"S","seq":9}"#,
            r#"{"stream":"S","seq":9,"batch":"b","count":1}"#,
            r#"{"stream":"S","seq":9,"batch":"c","count":2}"#,
        ] {
            let mut batch = batch(BatchOptions::default());
            put(&mut batch);
            batch.commit(message("a")).unwrap();
            assert!(batch.handle_answer(&answer(wrong)).is_err(), "{wrong:?}");
            assert!(batch.is_over());
        }
    }

    #[test]
    fn a_call_that_was_dropped_and_a_lost_connection_end_the_batch() {
        let mut dropped = batch(BatchOptions::default());
        dropped.add(message("a")).unwrap();
        assert_eq!(dropped.add(message("a")).unwrap_err(), BatchFault::Interrupted);
        assert!(dropped.is_over());

        let mut cut = batch(BatchOptions::default());
        assert_eq!(cut.handle_disconnected(), Ok(()), "nothing was sent before");
        put(&mut cut);
        assert_eq!(cut.handle_disconnected(), Err(BatchFault::Disconnected));
        assert!(cut.is_over());

        let mut unanswered = batch(BatchOptions::default());
        unanswered.add(message("a")).unwrap();
        unanswered.handle_failure();
        assert_eq!(unanswered.commit(message("a")).unwrap_err(), BatchFault::Over);
    }

    #[test]
    fn headers_that_would_spoil_the_batch_are_refused_before() {
        let mut batch = batch(BatchOptions::default());
        let id = NATS_EXPECTED_LAST_MESSAGE_ID;
        assert_eq!(batch.add(with_header(id.clone())).unwrap_err(), BatchFault::Header(id));
        let sequence = NATS_EXPECTED_LAST_SEQUENCE;
        batch.add(with_header(sequence.clone())).unwrap();
        batch.handle_answer(&answer("")).unwrap();
        let fault = batch.add(with_header(sequence.clone())).unwrap_err();
        assert_eq!(fault, BatchFault::Header(sequence));
        assert!(!batch.is_over(), "another message may take its place");
        put(&mut batch);
    }
}
