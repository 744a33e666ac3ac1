//! Queue groups and inbox prefixes: other things that stand where subjects do.

use super::rules::{Validity, classify, is_control};
use super::{SUBJECT_LEN_MAX, SubjectFault};
use crate::snippet::Snippet;
use alloc::boxed::Box;
use core::fmt;

/// A queue group name that cannot go on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidQueueGroup {
    fault: SubjectFault,
    value: Box<str>,
}

impl InvalidQueueGroup {
    /// What is wrong with it.
    #[must_use]
    pub const fn fault(&self) -> SubjectFault {
        self.fault
    }
}

impl fmt::Display for InvalidQueueGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid queue group \"{}\": {}", self.value, self.fault)
    }
}

impl core::error::Error for InvalidQueueGroup {}

/// Checks the name of a queue group.
///
/// A server takes any token, dots and wildcard characters included, so these pass.
///
/// # Errors
///
/// When the name is empty, too long, or has whitespace or control characters.
///
/// # Examples
///
/// ```
/// use midge_proto::check_queue_group;
///
/// assert!(check_queue_group("workers").is_ok());
/// assert!(check_queue_group("two words").is_err());
/// ```
pub fn check_queue_group(name: &str) -> Result<(), InvalidQueueGroup> {
    let fault = if name.is_empty() {
        SubjectFault::Empty
    } else if name.len() > SUBJECT_LEN_MAX {
        SubjectFault::TooLong
    } else if name.bytes().any(is_control) {
        SubjectFault::Control
    } else {
        return Ok(());
    };
    Err(InvalidQueueGroup { fault, value: Snippet::new(name.as_bytes()).as_str().into() })
}

/// An inbox prefix under which no replies could be received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidInboxPrefix {
    fault: SubjectFault,
    value: Box<str>,
}

impl InvalidInboxPrefix {
    /// What is wrong with it.
    #[must_use]
    pub const fn fault(&self) -> SubjectFault {
        self.fault
    }
}

impl fmt::Display for InvalidInboxPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid inbox prefix \"{}\": {}", self.value, self.fault)
    }
}

impl core::error::Error for InvalidInboxPrefix {}

/// Bytes that an inbox adds to its prefix: two ids of 22 characters and their dots.
const INBOX_SUFFIX_LEN: usize = 2 * (22 + 1);

/// Checks a prefix of reply subjects, such as `_INBOX`.
///
/// # Errors
///
/// When the prefix is empty or too long, begins or ends with a dot, or has an empty token,
/// a wildcard, whitespace or control characters.
///
/// # Examples
///
/// ```
/// use midge_proto::check_inbox_prefix;
///
/// assert!(check_inbox_prefix("_INBOX.billing").is_ok());
/// assert!(check_inbox_prefix("_INBOX.").is_err());
/// assert!(check_inbox_prefix("_INBOX.*").is_err());
/// ```
pub fn check_inbox_prefix(prefix: &str) -> Result<(), InvalidInboxPrefix> {
    let fault = match classify(prefix.as_bytes()) {
        Ok(Validity::Literal) if prefix.len() + INBOX_SUFFIX_LEN > SUBJECT_LEN_MAX => {
            SubjectFault::TooLong
        }
        Ok(Validity::Literal) => return Ok(()),
        Ok(Validity::Filter | Validity::Invalid | Validity::Unchecked) => SubjectFault::Wildcard,
        Err(fault) => fault,
    };
    Err(InvalidInboxPrefix { fault, value: Snippet::new(prefix.as_bytes()).as_str().into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn queue_groups_are_single_words() {
        for good in ["q", "a.b", "*", ">", "grüße", "_sys_"] {
            assert_eq!(check_queue_group(good), Ok(()), "{good}");
        }
        for (bad, fault) in [
            ("", SubjectFault::Empty),
            ("a b", SubjectFault::Control),
            ("a\tb", SubjectFault::Control),
            ("a\r\nPING", SubjectFault::Control),
            ("a\u{7f}", SubjectFault::Control),
            (&"x".repeat(5000), SubjectFault::TooLong),
        ] {
            assert_eq!(check_queue_group(bad).unwrap_err().fault(), fault, "{bad:?}");
        }
    }

    #[test]
    fn inbox_prefixes_are_literal_subjects() {
        for good in ["_INBOX", "a.b.c", "team*"] {
            assert_eq!(check_inbox_prefix(good), Ok(()), "{good}");
        }
        for (bad, fault) in [
            ("", SubjectFault::Empty),
            (".a", SubjectFault::EmptyToken),
            ("a.", SubjectFault::EmptyToken),
            ("a..b", SubjectFault::EmptyToken),
            ("a.*", SubjectFault::Wildcard),
            ("a.>", SubjectFault::Wildcard),
            (">.a", SubjectFault::MisplacedWildcard),
            ("a b", SubjectFault::Control),
            (&"x".repeat(SUBJECT_LEN_MAX - 40), SubjectFault::TooLong),
        ] {
            assert_eq!(check_inbox_prefix(bad).unwrap_err().fault(), fault, "{bad:?}");
        }
    }

    #[test]
    fn errors_name_the_value_escaped() {
        assert_eq!(
            check_queue_group("a\r\n").unwrap_err().to_string(),
            "invalid queue group \"a\\r\\n\": whitespace or a control character"
        );
        assert_eq!(
            check_inbox_prefix("a.").unwrap_err().to_string(),
            "invalid inbox prefix \"a.\": a token between dots is empty"
        );
    }
}
