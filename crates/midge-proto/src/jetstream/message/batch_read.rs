//! Reading many stored messages, page after page.

use super::get::{BatchGetRequest, BatchPart};
use super::stored::StreamMessage;
use crate::jetstream::api::{ApiError, ApiRequest};
use crate::jetstream::names::StreamName;
use crate::message::Message;
use crate::status::StatusCode;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// Most messages of a page. Nothing holds the server back within one.
const PAGE_MESSAGES: usize = 4096;

/// Most bytes of a page.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Most subjects of a request for last messages: servers give no more answers (ADR-31).
const SUBJECTS_MAX: usize = 1024;

/// Most bytes of their names: half of what servers take as a payload by default.
const SUBJECT_BYTES_MAX: usize = 512 * 1024;

/// How often a page is asked for again without anything coming of it.
const ATTEMPTS_MAX: u32 = 3;

/// Why a read ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchReadEnd {
    /// As many messages came as were asked for.
    Complete,
    /// The stream has no more.
    NoMore,
    /// As many bytes came as were asked for.
    MaxBytes {
        /// Messages that are left.
        pending: u64,
    },
    /// It cannot go on. What came before is good.
    Failed(BatchReadFault),
}

/// Why a read cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchReadFault {
    /// The server refused a page, nobody answers, or the answer is none.
    Api(ApiError),
    /// Nothing was heard in time, again and again.
    Silence,
    /// The connection was lost, again and again.
    Disconnected,
    /// Messages did not come to the reader, again and again.
    Lost,
}

/// What to do for a read.
#[derive(Clone, Debug)]
pub enum BatchReadAction {
    /// Send the request, with a reply subject that ends with a token of this number. Answers to the
    /// one before are not wanted any more.
    Ask {
        /// The number.
        token: u64,
        /// The page.
        request: BatchGetRequest,
    },
    /// Ask for the last sequence of the stream, and then for its subjects that one of the filters
    /// matches, if there are filters: the last messages of more subjects than a request may have are
    /// wanted as they were at one moment.
    ListSubjects {
        /// The filters.
        filters: Vec<String>,
    },
}

/// A read of many messages of a stream, in order, without gaps and duplicates.
///
/// ```text
///          ListSubjects
/// Reading <------------> Listing        Reading --its last page, or a refusal--> Ended
///    | ^
///    '-' end of a page, lost message, silence, lost connection: Ask behind the last message
/// ```
///
/// The caller does what [`poll_action`](Self::poll_action) says, hands over what comes
/// ([`handle_message`](Self::handle_message)), and tells silence, losses of the connection and what
/// the stream has. The pages of last messages are what the stream was at the first of them.
#[derive(Debug)]
pub struct BatchRead {
    /// The page that is read, or will be.
    request: BatchGetRequest,
    /// Messages that are still wanted; `None` for all there are.
    left: Option<usize>,
    /// Bytes limit the whole read to one page.
    by_bytes: bool,
    token: u64,
    /// The last message of this page, and of this request.
    last: Option<u64>,
    attempts: u32,
    /// Subjects for which requests follow.
    further: VecDeque<Subjects>,
    /// Whether the subjects of the request stand for themselves.
    literal: bool,
    action: Option<BatchReadAction>,
    state: State,
}

#[derive(Debug)]
struct Subjects {
    names: Vec<String>,
    literal: bool,
}

#[derive(Debug)]
enum State {
    Reading,
    Listing,
    Ended(BatchReadEnd),
}

impl BatchRead {
    /// The read of what the request asks for: as many messages as its `batch` says, or, of last
    /// messages without one, all; up to its `max_bytes`, if that is set.
    #[must_use]
    pub fn new(mut request: BatchGetRequest) -> Self {
        let left = match request.batch {
            0 if !request.multi_last.is_empty() => None,
            batch => Some(batch),
        };
        // A read of what follows begins somewhere: this one is of the last messages of no subjects.
        let is_of_nothing =
            request.multi_last.is_empty() && request.seq == 0 && request.start_time.is_none();
        let by_bytes = request.max_bytes > 0;
        let subjects = core::mem::take(&mut request.multi_last);
        let further: VecDeque<_> = chunks(subjects, false).collect();
        let has_snapshot = request.up_to_sequence.is_some() || request.up_to_time.is_some();
        let mut read = Self {
            request,
            left,
            by_bytes,
            token: 0,
            last: None,
            attempts: 0,
            further,
            literal: false,
            action: None,
            state: State::Reading,
        };
        if read.left == Some(0) {
            read.state = State::Ended(BatchReadEnd::Complete);
        } else if is_of_nothing {
            read.state = State::Ended(BatchReadEnd::NoMore);
        } else if read.further.len() > 1 && !has_snapshot {
            read.list(Vec::new());
        } else {
            read.next_subjects();
            read.ask();
        }
        read
    }

    /// What to do.
    pub fn poll_action(&mut self) -> Option<BatchReadAction> {
        self.action.take()
    }

    /// Why it ended, once it did.
    #[must_use]
    pub const fn end(&self) -> Option<&BatchReadEnd> {
        match &self.state {
            State::Ended(end) => Some(end),
            State::Reading | State::Listing => None,
        }
    }

    /// The stream that is read.
    #[must_use]
    pub const fn stream(&self) -> &StreamName {
        &self.request.stream
    }

    /// An answer; the message in it goes to the reader.
    pub fn handle_message(&mut self, answer: &Message) -> Option<StreamMessage> {
        let token = answer.subject.rsplit('.').next().and_then(|token| token.parse().ok());
        if token != Some(self.token) || !matches!(self.state, State::Reading) {
            return None;
        }
        match self.request.decode(answer) {
            Ok(BatchPart::Message { message, last_sequence, .. }) => {
                self.take(message, last_sequence)
            }
            Ok(BatchPart::End(end)) => {
                if end.last_sequence > self.last.unwrap_or_default() && end.last_sequence > 0 {
                    // Messages at the end of the page did not come.
                    self.again(BatchReadFault::Lost);
                } else {
                    self.turn(&end);
                }
                None
            }
            Err(error) => {
                self.refused(error);
                None
            }
        }
    }

    /// Nothing was heard for as long as an answer may take.
    pub fn handle_silence(&mut self) {
        self.again(BatchReadFault::Silence);
    }

    /// The connection was lost: answers that were on the way are gone.
    pub fn handle_disconnected(&mut self) {
        self.again(BatchReadFault::Disconnected);
    }

    /// What the stream has: its last sequence, taken before the subjects that the filters match.
    pub fn handle_subjects(&mut self, last_sequence: u64, subjects: Vec<String>) {
        if !matches!(self.state, State::Listing) {
            return;
        }
        self.state = State::Reading;
        if self.request.up_to_sequence.is_none() && self.request.up_to_time.is_none() {
            self.request.up_to_sequence = Some(last_sequence);
        }
        let listed: Vec<_> = chunks(subjects, true).collect();
        for subjects in listed.into_iter().rev() {
            self.further.push_front(subjects);
        }
        self.go_on();
    }

    /// The subjects could not be listed.
    pub fn handle_failure(&mut self) {
        self.state = State::Ended(BatchReadEnd::Failed(BatchReadFault::Silence));
    }

    fn take(&mut self, message: StreamMessage, before: Option<u64>) -> Option<StreamMessage> {
        // 0 is the first one of a page, wherever that begins.
        let missed = before.is_some_and(|before| before > self.last.unwrap_or_default());
        if missed {
            self.again(BatchReadFault::Lost);
            return None;
        }
        if self.last.is_some_and(|last| message.sequence <= last) || self.left == Some(0) {
            return None;
        }
        self.last = Some(message.sequence);
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.attempts = 0;
        Some(message)
    }

    /// A page is over.
    fn turn(&mut self, end: &super::BatchEnd) {
        if self.left == Some(0) {
            self.state = State::Ended(BatchReadEnd::Complete);
        } else if self.by_bytes && end.pending > 0 {
            self.state = State::Ended(BatchReadEnd::MaxBytes { pending: end.pending });
        } else if let Some(next) = self.request.next(end) {
            self.request = next;
            self.ask();
        } else {
            if end.up_to_sequence.is_some() {
                self.request.up_to_sequence = end.up_to_sequence;
                self.request.up_to_time = None;
            }
            self.go_on();
        }
    }

    /// Goes on with the next subjects, if there are.
    fn go_on(&mut self) {
        if self.next_subjects() {
            self.request.seq = 0;
            self.last = None;
            self.ask();
        } else {
            self.state = State::Ended(BatchReadEnd::NoMore);
        }
    }

    fn refused(&mut self, error: ApiError) {
        let code = match &error {
            ApiError::Status { code, .. } => Some(*code),
            ApiError::JetStream(_) | ApiError::NoResponders | ApiError::Malformed(_) => None,
        };
        match code {
            Some(StatusCode::NOT_FOUND) => self.go_on(),
            Some(StatusCode::TOO_MANY_RESULTS) if !self.literal => {
                let filters = core::mem::take(&mut self.request.multi_last);
                self.list(filters);
            }
            Some(_) | None => {
                self.state = State::Ended(BatchReadEnd::Failed(BatchReadFault::Api(error)));
            }
        }
    }

    fn list(&mut self, filters: Vec<String>) {
        self.state = State::Listing;
        self.action = Some(BatchReadAction::ListSubjects { filters });
    }

    fn next_subjects(&mut self) -> bool {
        let Some(subjects) = self.further.pop_front() else { return false };
        self.request.multi_last = subjects.names;
        self.literal = subjects.literal;
        true
    }

    /// Asks for what is behind the last message once more.
    fn again(&mut self, fault: BatchReadFault) {
        match self.state {
            State::Reading => {}
            State::Listing | State::Ended(_) => return,
        }
        self.attempts += 1;
        if self.attempts > ATTEMPTS_MAX {
            self.state = State::Ended(BatchReadEnd::Failed(fault));
            return;
        }
        if let Some(next) = self.last.and_then(|last| last.checked_add(1)) {
            self.request.seq = next;
            self.request.start_time = None;
        }
        if self.left == Some(0) {
            self.state = State::Ended(BatchReadEnd::Complete);
            return;
        }
        self.ask();
    }

    fn ask(&mut self) {
        self.token += 1;
        self.state = State::Reading;
        if self.request.multi_last.is_empty() {
            self.request.batch = self.left.map_or(PAGE_MESSAGES, |left| left.min(PAGE_MESSAGES));
        } else {
            self.request.batch = self.left.unwrap_or_default();
        }
        if !self.by_bytes {
            self.request.max_bytes = PAGE_BYTES;
        }
        let request = self.request.clone();
        self.action = Some(BatchReadAction::Ask { token: self.token, request });
    }
}

/// As many subjects as a request may have, again and again.
fn chunks(subjects: Vec<String>, literal: bool) -> impl Iterator<Item = Subjects> {
    let mut subjects = subjects.into_iter().peekable();
    core::iter::from_fn(move || {
        let mut names = Vec::new();
        let mut bytes = 0;
        while let Some(name) = subjects.peek() {
            bytes += name.len();
            if !names.is_empty() && (names.len() >= SUBJECTS_MAX || bytes > SUBJECT_BYTES_MAX) {
                break;
            }
            names.extend(subjects.next());
        }
        (!names.is_empty()).then_some(Subjects { names, literal })
    })
}

#[cfg(test)]
mod tests;
