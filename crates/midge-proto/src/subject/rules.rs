//! What may stand in a subject, and why something may not.

use crate::snippet::Snippet;
use alloc::boxed::Box;
use core::fmt;

/// Longest subject we send, in bytes.
///
/// The server takes control lines with 4096 bytes of arguments (`max_control_line`, by default) and
/// closes the connection after a longer one. 32 bytes are left for the other arguments: a
/// subscription id of up to 20 digits, or two sizes of 9, and the blanks between.
pub const SUBJECT_LEN_MAX: usize = 4096 - 32;

/// Why a subject is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubjectFault {
    /// It has no bytes at all.
    Empty,
    /// It begins or ends with a dot or has two dots in a row.
    EmptyToken,
    /// It has a blank, a tab, a line end or another control byte: on the wire it would end there.
    Control,
    /// `>` is a token of its own but not the last one.
    MisplacedWildcard,
    /// A message cannot be sent to a wildcard.
    Wildcard,
    /// It is longer than [`SUBJECT_LEN_MAX`] bytes.
    TooLong,
}

impl fmt::Display for SubjectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::EmptyToken => "a token between dots is empty",
            Self::Control => "whitespace or a control character",
            Self::MisplacedWildcard => "\">\" is not the last token",
            Self::Wildcard => "a wildcard cannot be published to",
            Self::TooLong => "too long",
        })
    }
}

/// A subject that cannot go on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSubject {
    fault: SubjectFault,
    /// The beginning of the subject, escaped.
    value: Box<str>,
}

/// The name of [`InvalidSubject`] in code written for `async-nats`.
pub type SubjectError = InvalidSubject;

impl InvalidSubject {
    #[cold]
    pub(crate) fn new(fault: SubjectFault, value: &[u8]) -> Self {
        Self { fault, value: Snippet::new(value).as_str().into() }
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn fault(&self) -> SubjectFault {
        self.fault
    }
}

impl fmt::Display for InvalidSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid subject \"{}\": {}", self.value, self.fault)
    }
}

impl core::error::Error for InvalidSubject {}

/// What is known of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    /// Can be published and subscribed to.
    Literal,
    /// Can be subscribed to.
    Filter,
    Invalid,
    /// It came from the wire, and few of those are ever sent back.
    Unchecked,
}

/// The rules, in one pass.
#[inline]
pub(super) const fn classify(subject: &[u8]) -> Result<Validity, SubjectFault> {
    if subject.is_empty() {
        return Err(SubjectFault::Empty);
    }
    if subject.len() > SUBJECT_LEN_MAX {
        return Err(SubjectFault::TooLong);
    }
    let mut validity = Validity::Literal;
    let mut token = 0;
    let mut at = 0;
    while at <= subject.len() {
        if at == subject.len() || subject[at] == b'.' {
            match at - token {
                0 => return Err(SubjectFault::EmptyToken),
                // Beside other bytes of a token, `*` and `>` are ordinary characters.
                1 if subject[token] == b'*' => validity = Validity::Filter,
                1 if subject[token] == b'>' => {
                    if at < subject.len() {
                        return Err(SubjectFault::MisplacedWildcard);
                    }
                    validity = Validity::Filter;
                }
                _ => {}
            }
            token = at + 1;
        } else if is_control(subject[at]) {
            return Err(SubjectFault::Control);
        }
        at += 1;
    }
    Ok(validity)
}

/// Bytes that would end an argument of a control line, or that nobody can read.
pub(super) const fn is_control(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f
}
