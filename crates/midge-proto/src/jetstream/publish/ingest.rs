//! The conversation about messages that a stream stores as fast as it can (2.14).

mod outcome;

pub use outcome::{IngestEvent, IngestFailure, IngestFault};

use super::ack::PublishAck;
use super::batch::BatchId;
use super::fast_ingest::{GapMode, IngestAnswer, IngestInbox, IngestOperation};
use crate::jetstream::api::ApiError;
use crate::jetstream::error::ErrorCode;
use crate::jetstream::level::{ApiLevel, Requirement};
use crate::message::{Message, OutboundMessage};
use crate::subject::Subject;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

/// Messages between two answers that are asked for by default: as many as the server grants at most.
const FLOW_DEFAULT: u16 = 500;

/// Answers that may be outstanding by default (ADR-50 recommends two).
const OUTSTANDING_DEFAULT: u64 = 2;

/// Most answers that may be outstanding (ADR-50).
const OUTSTANDING_MAX: u64 = 3;

/// Times without a word after which a batch is given up.
const SILENCES_MAX: u32 = 5;

/// Batches in a row that may end without a message being stored.
const VAIN_ROUNDS_MAX: u32 = 3;

/// News that are kept for one who does not ask for them.
const EVENTS_MAX: usize = 64;

/// Longest part of the given id in the ids of the batches; a number follows.
const ID_LEN_MAX: usize = 40;

/// What is agreed about fast ingest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IngestOptions {
    /// After how many messages the stream answers at the latest; 500 by default.
    pub flow: u16,
    /// How many answers may be outstanding, 1 to 3; 2 by default. So many times `flow` messages may
    /// be on the way.
    pub acks_outstanding: u64,
    /// What becomes of the batch when a message is lost or refused; it ends, by default.
    pub gap: GapMode,
}

impl Default for IngestOptions {
    fn default() -> Self {
        let (flow, acks_outstanding) = (FLOW_DEFAULT, OUTSTANDING_DEFAULT);
        Self { flow, acks_outstanding, gap: GapMode::Fail }
    }
}

/// Something to send.
#[derive(Clone, Debug)]
pub struct IngestSend {
    /// The message, without its reply subject.
    pub message: OutboundMessage,
    /// What it is.
    pub operation: IngestOperation,
}

/// Messages on their way into a stream, with flow control in place of an answer to each.
///
/// ```text
///          first message         first answer
/// Beginning ----------> Starting ------------> Open --commit, answered--> Ended
///     ^                    |                    |
///     '--gap, lost batch---+--------------------'    or: refused, silent --> Ended
/// ```
///
/// What is not known to be stored stays here. When a batch ends before its time, what the stream says
/// it has is done, and the rest is sent again in a new batch, in order; where the stream does not say
/// how far it came, that goes for messages with an id only, and others are failures.
///
/// The caller sends what [`poll_send`](Self::poll_send) gives, hands over all answers under the inbox
/// ([`handle_message`](Self::handle_message)), and tells silence and new connections. After any of
/// them there may be something to send.
#[derive(Debug)]
pub struct Ingest {
    options: IngestOptions,
    inbox: Subject,
    name: String,
    round: u64,
    /// Batches since the last message that was stored.
    vain_rounds: u32,
    batch: Option<IngestInbox>,
    state: State,
    /// What is not known to be stored, in order; the first `sent` were sent in this batch.
    waiting: VecDeque<Waiting>,
    sent: usize,
    /// The last number given out in this batch.
    sequence: u64,
    silences: u32,
    ping: Ping,
    commit: Commit,
    rest: Rest,
    added: u64,
    acknowledged: u64,
    last_subject: Subject,
    last_ack: Option<PublishAck>,
    failures: Vec<IngestFailure>,
    events: VecDeque<IngestEvent>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    /// In the batch in which it was sent last.
    sequence: u64,
    message: OutboundMessage,
}

#[derive(Clone, Debug)]
enum State {
    Beginning,
    /// A batch could not begin; the next attempt comes after a silence.
    Resting,
    Starting,
    Open {
        acked: u64,
        every: u64,
        refused: bool,
    },
    Ended(Option<IngestFault>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ping {
    Unwanted,
    Wanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Commit {
    Unwanted,
    Wanted,
    Sent,
}

/// Whether more messages come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    MayCome,
    Nothing,
}

impl Ingest {
    /// With answers under `inbox`, which nothing else uses. The id is to be unique among those of the
    /// stream; it may be cut.
    #[must_use]
    pub fn new(inbox: Subject, id: &BatchId, options: IngestOptions) -> Self {
        let acks_outstanding = options.acks_outstanding.clamp(1, OUTSTANDING_MAX);
        Self {
            options: IngestOptions { acks_outstanding, ..options },
            inbox,
            name: id.as_str().chars().take(ID_LEN_MAX).collect(),
            round: 0,
            vain_rounds: 0,
            batch: None,
            state: State::Beginning,
            waiting: VecDeque::new(),
            sent: 0,
            sequence: 0,
            silences: 0,
            ping: Ping::Unwanted,
            commit: Commit::Unwanted,
            rest: Rest::MayCome,
            added: 0,
            acknowledged: 0,
            last_subject: Subject::from(""),
            last_ack: None,
            failures: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// What to subscribe to before the first message.
    #[must_use]
    pub fn subscription(&self) -> Subject {
        Subject::from(format!("{}.>", self.inbox))
    }

    /// What a server has to know for fast ingest.
    #[must_use]
    pub const fn requirement() -> Requirement {
        Requirement::new("fast ingest", ApiLevel::V2_14)
    }

    /// Whether a message that is added now can be sent now.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.sent == self.waiting.len()
            && self.commit == Commit::Unwanted
            && self.ping == Ping::Unwanted
            && self.may_send()
    }

    /// Takes a message, and returns its number, counted from 0.
    ///
    /// # Errors
    ///
    /// When fast ingest has ended.
    pub fn add(&mut self, message: OutboundMessage) -> Result<u64, IngestFault> {
        if let State::Ended(fault) = &self.state {
            return Err(fault.clone().unwrap_or(IngestFault::Ended));
        }
        let number = self.added;
        self.added += 1;
        self.waiting.push_back(Waiting { number, sequence: 0, message });
        Ok(number)
    }

    /// Ends the batch, which makes the stream tell about every message so far; further messages begin
    /// a new one. A question how far the stream is does not do: it tells of the last regular answer.
    pub fn flush(&mut self) {
        if self.commit == Commit::Unwanted {
            self.commit = Commit::Wanted;
        }
        self.end_if_done();
    }

    /// No more messages come.
    pub fn finish(&mut self) {
        self.rest = Rest::Nothing;
        self.flush();
    }

    /// What to send; its reply subject is written to `reply`.
    pub fn poll_send(&mut self, reply: &mut String) -> Option<IngestSend> {
        if self.is_ended() {
            return None;
        }
        if self.ping == Ping::Wanted && self.batch.is_some() {
            self.ping = Ping::Unwanted;
            self.event(IngestEvent::Asked);
            return Some(self.control(IngestOperation::Ping, reply));
        }
        if !self.may_send() {
            return None;
        }
        if self.sent < self.waiting.len() {
            return self.send_next(reply);
        }
        let is_open = matches!(self.state, State::Open { .. });
        if self.commit == Commit::Wanted && is_open {
            self.commit = Commit::Sent;
            self.sequence += 1;
            return Some(self.control(IngestOperation::CommitWithoutMessage, reply));
        }
        None
    }

    /// The message that [`poll_send`](Self::poll_send) gave out last could not be sent: as if it had
    /// never been added. Returns it with its number.
    pub fn handle_unsent(&mut self) -> Option<(u64, OutboundMessage)> {
        if self.sent == 0 || self.sent > self.waiting.len() {
            return None;
        }
        self.sent -= 1;
        self.sequence -= 1;
        if self.sequence == 0 {
            self.state = State::Beginning;
        }
        let unsent = self.waiting.remove(self.sent)?;
        Some((unsent.number, unsent.message))
    }

    /// An answer. It ends a silence if [it is of the stream](IngestAnswer::is_of_stream).
    pub fn handle_message(&mut self, answer: &Message) {
        let Some(batch) = &self.batch else { return };
        let Some(sequence) = batch.sequence_of(&answer.subject) else { return };
        if self.is_ended() {
            return;
        }
        if IngestAnswer::is_of_stream(answer) {
            self.silences = 0;
        }
        match IngestAnswer::decode(answer) {
            Ok(IngestAnswer::Ack { sequence, messages }) => self.acked(sequence, messages),
            Ok(IngestAnswer::Gap { first_lost, sequence }) => self.gap(first_lost, sequence),
            Ok(IngestAnswer::Refused { sequence, error }) => self.refused(sequence, error.into()),
            Ok(IngestAnswer::Done(ack)) => self.done(ack),
            Err(error) => self.failed(sequence, error),
        }
        self.end_if_done();
    }

    /// Nothing was heard for a while, though something waits.
    pub fn handle_silence(&mut self) {
        match self.state {
            State::Resting => self.state = State::Beginning,
            State::Beginning | State::Starting | State::Open { .. } if self.is_waiting() => {
                self.silences += 1;
                if self.silences >= SILENCES_MAX {
                    self.lose_batch(u64::MAX);
                } else {
                    self.ask();
                }
            }
            State::Beginning | State::Starting | State::Open { .. } | State::Ended(_) => {}
        }
        self.end_if_done();
    }

    /// There is a new connection: what was on the way may be lost.
    pub fn handle_reconnected(&mut self) {
        if self.is_waiting() {
            self.ask();
        }
    }

    /// It cannot go on: all that waits is a failure.
    pub fn handle_failure(&mut self, fault: &IngestFault) {
        self.fail_all(fault);
    }

    /// Whether an answer is waited for.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.is_ended() && (!self.waiting.is_empty() || self.commit == Commit::Sent)
    }

    /// Whether nothing is to come from the stream.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.is_ended() || (self.waiting.is_empty() && self.commit == Commit::Unwanted)
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    /// Messages that are neither stored nor failed.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Messages that are stored.
    #[must_use]
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The answer to the last batch that ended.
    #[must_use]
    pub const fn last_ack(&self) -> Option<&PublishAck> {
        self.last_ack.as_ref()
    }

    /// Takes the failures so far.
    pub fn take_failures(&mut self) -> Vec<IngestFailure> {
        core::mem::take(&mut self.failures)
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<IngestEvent> {
        self.events.pop_front()
    }

    /// Whether the window has room for one more message of this batch.
    fn may_send(&self) -> bool {
        match self.state {
            State::Beginning => true,
            State::Open { acked, every, refused: false } => {
                let window = every.saturating_mul(self.options.acks_outstanding);
                self.sequence < acked.saturating_add(window)
            }
            State::Open { refused: true, .. }
            | State::Resting
            | State::Starting
            | State::Ended(_) => false,
        }
    }

    fn send_next(&mut self, reply: &mut String) -> Option<IngestSend> {
        let operation = match self.state {
            State::Beginning => {
                self.begin_batch();
                self.state = State::Starting;
                IngestOperation::Start
            }
            State::Resting | State::Starting | State::Open { .. } | State::Ended(_) => {
                IngestOperation::Append
            }
        };
        self.sequence += 1;
        let waiting = self.waiting.get_mut(self.sent)?;
        waiting.sequence = self.sequence;
        self.sent += 1;
        if self.last_subject != waiting.message.subject {
            self.last_subject = waiting.message.subject.clone();
        }
        let message = waiting.message.clone();
        self.write_reply(operation, reply);
        Some(IngestSend { message, operation })
    }

    fn begin_batch(&mut self) {
        self.round += 1;
        self.sequence = 0;
        let IngestOptions { flow, gap, .. } = self.options;
        // Of the characters of an id that is one already.
        let id = BatchId::new(format!("{}-{}", self.name, self.round)).ok();
        self.batch = id.map(|id| IngestInbox::new(self.inbox.clone(), id, flow, gap));
    }

    fn control(&self, operation: IngestOperation, reply: &mut String) -> IngestSend {
        self.write_reply(operation, reply);
        let message = OutboundMessage {
            subject: self.last_subject.clone(),
            reply: None,
            payload: Bytes::new(),
            headers: None,
        };
        IngestSend { message, operation }
    }

    fn write_reply(&self, operation: IngestOperation, reply: &mut String) {
        reply.clear();
        if let Some(batch) = &self.batch {
            batch.write_reply(self.sequence, operation, reply);
        }
    }

    /// All messages of the batch up to this one are stored, but for those that are failures already.
    fn stored_up_to(&mut self, sequence: u64) {
        while self.sent > 0 && self.waiting.front().is_some_and(|it| it.sequence <= sequence) {
            self.waiting.pop_front();
            self.sent -= 1;
            self.acknowledged += 1;
            self.vain_rounds = 0;
        }
    }

    fn acked(&mut self, sequence: u64, messages: u64) {
        let every = messages.max(1);
        let sequence = sequence.min(self.sequence);
        self.state = match self.state {
            State::Starting => State::Open { acked: sequence, every, refused: false },
            State::Open { acked, refused, .. } => {
                State::Open { acked: acked.max(sequence), every, refused }
            }
            State::Beginning | State::Resting | State::Ended(_) => return,
        };
        self.stored_up_to(sequence);
    }

    fn gap(&mut self, first_lost: u64, next: u64) {
        let messages = next.saturating_sub(first_lost);
        self.event(IngestEvent::Gap { messages });
        match self.options.gap {
            // The end of the batch follows, and tells what is stored.
            GapMode::Fail => {}
            GapMode::Ok => {
                self.stored_up_to(first_lost.saturating_sub(1));
                while self.waiting.front().is_some_and(|it| it.sequence < next) && self.sent > 0 {
                    self.fail_at(0, &IngestFault::Lost);
                }
                if self.commit == Commit::Sent && next > self.sequence {
                    // It was the last one sent.
                    self.commit = Commit::Wanted;
                }
            }
        }
    }

    fn refused(&mut self, sequence: u64, error: ApiError) {
        let sent = self.waiting.iter().take(self.sent);
        let Some(at) = sent.into_iter().position(|it| it.sequence == sequence) else { return };
        let number = self.waiting.get(at).map_or(0, |it| it.number);
        self.event(IngestEvent::Refused { number });
        self.fail_at(at, &IngestFault::Api(error));
        if let (GapMode::Fail, State::Open { refused, .. }) = (self.options.gap, &mut self.state) {
            *refused = true;
        }
    }

    /// A batch has ended; it says how far it came.
    fn done(&mut self, ack: PublishAck) {
        let was_refused = matches!(self.state, State::Open { refused: true, .. });
        self.stored_up_to(ack.batch_size.unwrap_or_default());
        self.last_ack = Some(ack);
        if was_refused {
            self.fail_all(&IngestFault::Ended);
        } else if self.commit == Commit::Sent && self.waiting.is_empty() {
            self.reset();
        } else {
            self.begin_again(&IngestFault::Lost);
        }
    }

    /// An answer to a message that is an error of the batch.
    fn failed(&mut self, sequence: u64, error: ApiError) {
        let code = error.as_jetstream().map(crate::jetstream::Error::error_code);
        match self.state {
            State::Open { refused: true, .. } => self.fail_all(&IngestFault::Ended),
            // The stream forgot the batch, or another server leads it: this message is not stored,
            // and no later one.
            State::Starting | State::Open { .. }
                if code == Some(ErrorCode::BATCH_PUBLISH_UNKNOWN_BATCH_ID) =>
            {
                self.lose_batch(sequence);
            }
            // Nobody is there, now: a new leader says how far it came when it is asked.
            State::Open { .. } if error == ApiError::NoResponders => {}
            State::Starting if error.is_retryable() => {
                if self.begin_again(&IngestFault::Api(error)) {
                    self.state = State::Resting;
                }
            }
            // A newer server may say more; if it says nothing else, that is silence.
            State::Starting | State::Open { .. } if matches!(error, ApiError::Malformed(_)) => {}
            State::Starting | State::Open { .. } => self.fail_all(&IngestFault::Api(error)),
            State::Beginning | State::Resting | State::Ended(_) => {}
        }
    }

    /// The batch is lost without a word on how far it came; from `refused` on nothing is stored.
    fn lose_batch(&mut self, refused: u64) {
        let mut at = 0;
        while at < self.sent {
            let Some(waiting) = self.waiting.get(at) else { break };
            if waiting.message.message_id().is_some() || waiting.sequence >= refused {
                at += 1;
            } else {
                self.fail_at(at, &IngestFault::Uncertain);
            }
        }
        self.begin_again(&IngestFault::Silence);
    }

    /// What is not stored goes into a new batch, unless too many came to nothing.
    fn begin_again(&mut self, fault: &IngestFault) -> bool {
        self.vain_rounds += 1;
        if self.vain_rounds > VAIN_ROUNDS_MAX {
            self.fail_all(fault);
            return false;
        }
        if self.sent > 0 {
            let messages = self.sent as u64;
            self.event(IngestEvent::Again { messages });
        }
        self.reset();
        true
    }

    /// No batch is open.
    fn reset(&mut self) {
        self.sent = 0;
        self.sequence = 0;
        self.silences = 0;
        self.ping = Ping::Unwanted;
        self.batch = None;
        self.state = State::Beginning;
        if self.commit == Commit::Sent {
            self.commit = Commit::Wanted;
        }
    }

    /// Asks how far the stream is.
    fn ask(&mut self) {
        if self.sequence > 0 && self.batch.is_some() {
            self.ping = Ping::Wanted;
        }
    }

    fn fail_at(&mut self, at: usize, fault: &IngestFault) {
        let Some(Waiting { number, message, .. }) = self.waiting.remove(at) else { return };
        if at < self.sent {
            self.sent -= 1;
        }
        self.failures.push(IngestFailure { number, message, fault: fault.clone() });
    }

    fn fail_all(&mut self, fault: &IngestFault) {
        while !self.waiting.is_empty() {
            self.fail_at(0, fault);
        }
        self.state = State::Ended(Some(fault.clone()));
    }

    /// Nothing is to be committed where no batch is open.
    fn end_if_done(&mut self) {
        let idle = matches!(self.state, State::Beginning | State::Resting);
        if self.commit == Commit::Wanted && idle && self.waiting.is_empty() {
            self.commit = Commit::Unwanted;
            if self.rest == Rest::Nothing {
                self.state = State::Ended(None);
            }
        }
    }

    fn event(&mut self, event: IngestEvent) {
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}

#[cfg(test)]
mod tests;
