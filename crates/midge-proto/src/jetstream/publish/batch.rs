//! Messages that are stored together.

use crate::header::HeaderMap;
use crate::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_EOB, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID,
    NATS_BATCH_SEQUENCE,
};
use crate::jetstream::level::{ApiLevel, Requirement};
use crate::jetstream::names::{InvalidName, check_batch_id};
use alloc::boxed::Box;
use core::fmt;

/// Longest id of a batch, in bytes (ADR-50).
pub const BATCH_ID_LEN_MAX: usize = 64;

/// Most messages of an atomic batch, unless the server is configured otherwise (ADR-50).
pub const BATCH_MESSAGES_MAX: usize = 1000;

/// The id of a batch: one token of a subject, up to 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BatchId(Box<str>);

impl BatchId {
    /// An id that follows the rules.
    ///
    /// # Errors
    ///
    /// When it is empty, longer than [`BATCH_ID_LEN_MAX`] bytes, or has a blank, a control character
    /// or one of `. * > / \`.
    pub fn new(id: impl AsRef<str>) -> Result<Self, InvalidName> {
        let id = id.as_ref();
        check_batch_id(id)?;
        Ok(Self(id.into()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How a batch is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BatchCommit {
    /// By its last message.
    Final,
    /// By a message that is not stored and does not count (2.14).
    EndOfBatch,
}

/// The place of a message in an atomic batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchPlace {
    /// The batch.
    pub id: BatchId,
    /// Its number, from 1.
    pub sequence: u64,
    /// Whether it commits the batch, and how.
    pub commit: Option<BatchCommit>,
}

impl BatchPlace {
    pub(super) fn requirement(&self) -> Requirement {
        match self.commit {
            Some(BatchCommit::EndOfBatch) => {
                Requirement::new("Nats-Batch-Commit: eob", ApiLevel::V2_14)
            }
            Some(BatchCommit::Final) | None => Requirement::new("Nats-Batch-Id", ApiLevel::V2_12),
        }
    }

    pub(super) fn put_into(&self, headers: &mut HeaderMap) {
        headers.insert(NATS_BATCH_ID, self.id.as_str());
        headers.insert(NATS_BATCH_SEQUENCE, self.sequence);
        match self.commit {
            Some(BatchCommit::Final) => headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL),
            Some(BatchCommit::EndOfBatch) => {
                headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_EOB);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_batches_have_up_to_64_bytes() {
        assert_eq!(BatchId::new("x".repeat(64)).unwrap().as_str().len(), 64);
        for id in ["", &"x".repeat(65), "a b", "a.b", "a*", ">"] {
            assert!(BatchId::new(id).is_err(), "{id:?}");
        }
    }
}
