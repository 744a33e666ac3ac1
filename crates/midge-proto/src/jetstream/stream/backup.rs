//! How a backup of a stream comes in chunks, and how it goes back.

use super::info::Info;
use crate::jetstream::api::{self, ApiError};
use crate::message::Message;
use crate::status::StatusCode;
use crate::subject::Subject;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use core::time::Duration;

/// How long the server may be silent while it sends a backup, unless something else is set.
///
/// It reads whole blocks of messages from its disk between two chunks, which takes seconds at most;
/// it gives up by itself after 5 s without acknowledgements.
pub const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of a chunk that goes back, unless something else is set: as large as those that servers
/// send by default.
pub const RESTORE_CHUNK_SIZE: usize = 128 * 1024;

/// Chunks that may be on their way back at a time, unless something else is set: one megabyte of
/// the default size, as much as a connection between continents holds in flight at 10 MB/s.
pub const RESTORE_WINDOW: usize = 8;

/// Follows a backup as it comes: checks that no chunk is left out, and tells its end from a failure.
///
/// ```
/// use midge_proto::jetstream::stream::{SnapshotPart, SnapshotReader};
/// # use midge_proto::Message;
/// # fn example(mut next: impl FnMut() -> Message, mut publish_empty: impl FnMut(midge_proto::Subject))
/// # -> Result<(), midge_proto::jetstream::stream::SnapshotFailure> {
/// let mut reader = SnapshotReader::new();
/// let mut backup = Vec::new();
/// while let SnapshotPart::Chunk { data, acknowledge } = reader.handle_message(&next())? {
///     backup.extend_from_slice(&data);
///     acknowledge.into_iter().for_each(&mut publish_empty);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct SnapshotReader {
    chunks: u64,
    bytes: u64,
    state: Reading,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reading {
    #[default]
    Chunks,
    /// The chunk that ends the data is there.
    LastChunk,
    Ended,
}

/// What a message of a backup is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotPart {
    /// The next bytes.
    Chunk {
        /// The bytes.
        data: Bytes,
        /// Where an empty message has to go once there is room for another chunk.
        acknowledge: Option<Subject>,
    },
    /// That was all.
    End,
}

impl SnapshotReader {
    /// Nothing has come yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A message came to the subject that the backup was asked to.
    ///
    /// # Errors
    ///
    /// When the server gave up, or a chunk is missing: what came so far is no backup.
    pub fn handle_message(&mut self, message: &Message) -> Result<SnapshotPart, SnapshotFailure> {
        if message.payload.is_empty() {
            return self.handle_end(message);
        }
        if self.state != Reading::Chunks {
            return Err(SnapshotFailure::BehindTheEnd);
        }
        let expected = self.chunks + 1;
        match message.reply.as_ref().map(index) {
            Some(Some(found)) if found != expected => {
                return Err(SnapshotFailure::Gap { expected, found });
            }
            Some(_) => {}
            None => self.state = Reading::LastChunk,
        }
        self.chunks = expected;
        self.bytes += message.payload.len() as u64;
        let data = message.payload.clone();
        Ok(SnapshotPart::Chunk { data, acknowledge: message.reply.clone() })
    }

    fn handle_end(&mut self, message: &Message) -> Result<SnapshotPart, SnapshotFailure> {
        let description = message.description.as_deref().unwrap_or_default();
        let says = |text: &str| description.eq_ignore_ascii_case(text);
        match message.status {
            None | Some(StatusCode::END_OF_BATCH) => {
                self.state = Reading::Ended;
                Ok(SnapshotPart::End)
            }
            Some(StatusCode::TIMEOUT) if says("No Flow Response") => {
                Err(SnapshotFailure::NoFlowResponse)
            }
            Some(StatusCode::TIMEOUT) if says("No Interest") => Err(SnapshotFailure::NoInterest),
            Some(code) => Err(SnapshotFailure::Status { code, description: description.into() }),
        }
    }

    /// Whether the end has come.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state == Reading::Ended
    }

    /// Chunks that have come.
    #[must_use]
    pub const fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Bytes that have come.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// The number of a chunk, the last token of the subject of its acknowledgement; `None` if that was
/// rewritten on its way here.
fn index(reply: &Subject) -> Option<u64> {
    reply.rsplit('.').next()?.parse().ok()
}

/// Why a backup is none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotFailure {
    /// A chunk was lost on its way here.
    Gap {
        /// The number of the chunk that should have come.
        expected: u64,
        /// The number of that which came.
        found: u64,
    },
    /// A chunk came behind the last one.
    BehindTheEnd,
    /// Chunks were not taken for so long that the server gave up (5 s).
    NoFlowResponse,
    /// The server found nobody to send to.
    NoInterest,
    /// The server gave up for another reason.
    Status {
        /// Its number.
        code: StatusCode,
        /// What the server says.
        description: String,
    },
    /// Nothing came for so long.
    Silent(Duration),
    /// The connection was lost, or a message was dropped, so that something may be missing.
    Interrupted,
}

impl fmt::Display for SnapshotFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { expected, found } => {
                write!(f, "chunk {expected} of the backup is missing: chunk {found} came")
            }
            Self::BehindTheEnd => f.write_str("a chunk came behind the last one of the backup"),
            Self::NoFlowResponse => {
                f.write_str("the server gave up the backup: for 5 s no chunk was taken")
            }
            Self::NoInterest => f.write_str("the server found nobody to send the backup to"),
            Self::Status { code, description } => write!(
                f,
                "the server gave up the backup with status {code} \"{}\"",
                description.escape_debug()
            ),
            Self::Silent(time) => write!(f, "no part of the backup came for {time:?}"),
            Self::Interrupted => {
                f.write_str("the connection was lost or messages were dropped during the backup")
            }
        }
    }
}

impl core::error::Error for SnapshotFailure {}

/// Cuts a backup into chunks and says when the next one may be sent.
///
/// Each step is a request to [`Restore::deliver_subject`](super::Restore::deliver_subject), in the
/// order in which they are told; answers come in the same order.
#[derive(Clone, Debug)]
pub struct RestoreWriter {
    chunk_size: usize,
    window: usize,
    queue: VecDeque<Bytes>,
    /// The beginning of a chunk.
    partial: Vec<u8>,
    under_way: usize,
    state: Writing,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Open,
    Finishing,
    /// All is sent, and the stream is waited for.
    EndSent,
    Ended,
}

/// What is to be requested next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreStep {
    /// A chunk.
    Chunk(Bytes),
    /// The end, an empty request.
    End,
}

/// What an answer tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restored {
    /// The server has one chunk more.
    Chunk,
    /// The stream is there.
    Stream(alloc::boxed::Box<Info>),
}

impl RestoreWriter {
    /// Sends chunks of so many bytes, and so many of them at a time; both are at least 1.
    #[must_use]
    pub fn new(chunk_size: usize, window: usize) -> Self {
        Self {
            chunk_size: chunk_size.max(1),
            window: window.max(1),
            queue: VecDeque::new(),
            partial: Vec::new(),
            under_way: 0,
            state: Writing::Open,
            bytes: 0,
        }
    }

    /// Whether more should be given. What is given all the same waits in memory.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.queue.is_empty() && self.under_way < self.window
    }

    /// More of the backup.
    pub fn push(&mut self, mut data: Bytes) {
        while !data.is_empty() {
            let missing = self.chunk_size - self.partial.len();
            if self.partial.is_empty() && data.len() >= missing {
                self.queue.push_back(data.split_to(missing));
                continue;
            }
            self.partial.extend_from_slice(&data.split_to(missing.min(data.len())));
            if self.partial.len() == self.chunk_size {
                self.queue.push_back(core::mem::take(&mut self.partial).into());
            }
        }
    }

    /// That was all of the backup.
    pub fn finish(&mut self) {
        if self.state == Writing::Open {
            self.state = Writing::Finishing;
            if !self.partial.is_empty() {
                self.queue.push_back(core::mem::take(&mut self.partial).into());
            }
        }
    }

    /// What is to be sent next; `None` until there is more, or an answer.
    pub fn poll_step(&mut self) -> Option<RestoreStep> {
        if self.under_way >= self.window {
            return None;
        }
        if let Some(chunk) = self.queue.pop_front() {
            self.under_way += 1;
            return Some(RestoreStep::Chunk(chunk));
        }
        // Behind the last answer, so that the error of a chunk is told as that.
        (self.state == Writing::Finishing && self.under_way == 0).then(|| {
            self.under_way = 1;
            self.state = Writing::EndSent;
            RestoreStep::End
        })
    }

    /// The answer to the oldest step without one; `len` is the length of what it sent.
    ///
    /// # Errors
    ///
    /// When the server gave up.
    pub fn handle_answer(&mut self, answer: &Message, len: usize) -> Result<Restored, ApiError> {
        self.under_way = self.under_way.saturating_sub(1);
        if self.state == Writing::EndSent {
            self.state = Writing::Ended;
            return api::decode(answer).map(Restored::Stream);
        }
        if answer.status.is_some() || !answer.payload.is_empty() {
            api::check(answer)?;
        }
        self.bytes += len as u64;
        Ok(Restored::Chunk)
    }

    /// Bytes that the server has.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jetstream::test_messages::{answer, status};
    use alloc::format;

    fn chunk(body: &str, number: Option<u64>) -> Message {
        let reply = number.map(|number| format!("$JS.SNAPSHOT.ACK.S.id.4.{number}").into());
        Message { reply, ..answer(body) }
    }

    #[track_caller]
    fn expect_chunk(reader: &mut SnapshotReader, message: &Message) {
        let part = reader.handle_message(message).unwrap();
        let acknowledge = message.reply.clone();
        assert_eq!(part, SnapshotPart::Chunk { data: message.payload.clone(), acknowledge });
    }

    #[test]
    fn a_backup_comes_chunk_by_chunk_to_its_end() {
        for end in [status(204, None), answer("")] {
            let mut reader = SnapshotReader::new();
            expect_chunk(&mut reader, &chunk("abcd", Some(1)));
            expect_chunk(&mut reader, &chunk("efgh", Some(2)));
            expect_chunk(&mut reader, &chunk("i", None));
            assert!(!reader.is_ended());
            assert_eq!(reader.handle_message(&end), Ok(SnapshotPart::End));
            assert!(reader.is_ended());
            assert_eq!((reader.chunks(), reader.bytes()), (3, 9));
        }
    }

    #[test]
    fn a_chunk_that_is_left_out_or_too_many_is_told() {
        let mut reader = SnapshotReader::new();
        expect_chunk(&mut reader, &chunk("abcd", Some(1)));
        let gap = reader.handle_message(&chunk("ijkl", Some(3)));
        assert_eq!(gap, Err(SnapshotFailure::Gap { expected: 2, found: 3 }));

        let mut reader = SnapshotReader::new();
        expect_chunk(&mut reader, &chunk("a", None));
        let more = reader.handle_message(&chunk("b", None));
        assert_eq!(more, Err(SnapshotFailure::BehindTheEnd));

        let mut reader = SnapshotReader::new();
        let mut rewritten = chunk("abcd", Some(1));
        rewritten.reply = Some("over.there".into());
        expect_chunk(&mut reader, &rewritten);
    }

    #[test]
    fn each_way_to_give_up_has_its_name() {
        for (code, text, failure) in [
            (408, "No Flow Response", SnapshotFailure::NoFlowResponse),
            (408, "no interest", SnapshotFailure::NoInterest),
            (
                408,
                "x",
                SnapshotFailure::Status { code: StatusCode::TIMEOUT, description: "x".into() },
            ),
            (
                500,
                "disk\u{7}",
                SnapshotFailure::Status {
                    code: StatusCode::INTERNAL_ERROR,
                    description: "disk\u{7}".into(),
                },
            ),
        ] {
            let told = SnapshotReader::new().handle_message(&status(code, Some(text)));
            let Err(told) = told else { panic!("{told:?}") };
            assert_eq!(told, failure);
            assert!(!format!("{told}").contains('\u{7}'));
        }
    }

    fn steps(writer: &mut RestoreWriter) -> Vec<String> {
        core::iter::from_fn(|| writer.poll_step())
            .map(|step| match step {
                RestoreStep::Chunk(data) => String::from_utf8(data.to_vec()).unwrap(),
                RestoreStep::End => "END".into(),
            })
            .collect()
    }

    #[test]
    fn what_is_given_is_cut_into_chunks_and_sent_as_answers_come() {
        let mut writer = RestoreWriter::new(4, 2);
        assert!(writer.has_room() && steps(&mut writer).is_empty());
        writer.push("ab".into());
        assert!(steps(&mut writer).is_empty(), "half a chunk waits for the rest");
        writer.push("cdefghij".into());
        writer.push("".into());
        writer.push("klm".into());
        assert_eq!(steps(&mut writer), ["abcd", "efgh"], "no more than two at a time");
        assert!(!writer.has_room());
        assert_eq!(writer.handle_answer(&answer(""), 4), Ok(Restored::Chunk));
        assert_eq!(steps(&mut writer), ["ijkl"]);
        writer.finish();
        assert_eq!(writer.handle_answer(&answer(""), 4), Ok(Restored::Chunk));
        assert_eq!(steps(&mut writer), ["m"], "the end waits for all answers");
        for len in [4, 1] {
            assert_eq!(writer.handle_answer(&answer(""), len), Ok(Restored::Chunk));
        }
        assert_eq!(steps(&mut writer), ["END"]);
        assert_eq!(writer.bytes(), 13);
        let stream = writer.handle_answer(&answer(r#"{"config":{"name":"S"}}"#), 0).unwrap();
        let Restored::Stream(info) = stream else { panic!("{stream:?}") };
        assert_eq!(info.config.name, "S");
        assert!(steps(&mut writer).is_empty());
    }

    #[test]
    fn a_server_that_gives_up_is_an_error_at_a_chunk_and_at_the_end() {
        let refusal = r#"{"error":{"code":500,"err_code":10062,"description":"restore failed"}}"#;
        for end in [false, true] {
            let mut writer = RestoreWriter::new(4, 8);
            if end {
                writer.finish();
            } else {
                writer.push("abcd".into());
            }
            assert_eq!(steps(&mut writer).len(), 1);
            let error = writer.handle_answer(&answer(refusal), 4).unwrap_err();
            assert_eq!(error.as_jetstream().unwrap().error_code().0, 10062);
            assert_eq!(writer.bytes(), 0);
        }
        let mut writer = RestoreWriter::new(4, 8);
        writer.push("abcd".into());
        assert_eq!(steps(&mut writer).len(), 1);
        let gone = writer.handle_answer(&status(503, None), 4);
        assert_eq!(gone, Err(ApiError::NoResponders));
    }

    #[test]
    fn sizes_of_zero_are_taken_as_one() {
        let mut writer = RestoreWriter::new(0, 0);
        writer.push("ab".into());
        assert_eq!(steps(&mut writer), ["a"]);
    }
}
