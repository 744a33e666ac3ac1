//! What JetStream says when it refuses something.

use super::error_codes::{ERROR_CODES, ErrorCodeInfo};
use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A refusal by JetStream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    #[serde(default)]
    code: usize,
    #[serde(default)]
    err_code: ErrorCode,
    #[serde(default)]
    description: String,
}

impl Error {
    /// A refusal with a code like those of HTTP, a number of its own, and a text.
    #[must_use]
    pub fn new(code: usize, err_code: ErrorCode, description: impl Into<String>) -> Self {
        Self { code, err_code, description: description.into() }
    }

    /// The rough class, like a status of HTTP: 404 is what is not there.
    #[must_use]
    pub const fn code(&self) -> usize {
        self.code
    }

    /// The number of the error, which stays the same from one version of the server to the next; 0
    /// when an old server gave none.
    #[must_use]
    pub const fn error_code(&self) -> ErrorCode {
        self.err_code
    }

    /// The same as [`error_code`](Self::error_code).
    #[must_use]
    pub const fn kind(&self) -> ErrorCode {
        self.err_code
    }

    /// The text of the server, for people: it may change from one version to the next.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether the same request may succeed later: the server was busy, or its leader changed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.err_code.is_retryable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.description.escape_debug();
        write!(f, "{text} (code {}, error {})", self.code, self.err_code)
    }
}

impl core::error::Error for Error {}

/// The number of an error of JetStream; the constants name those that nats-server 2.15 knows.
///
/// ```
/// use midge_proto::jetstream::ErrorCode;
///
/// let code = ErrorCode(10059);
/// assert_eq!(code, ErrorCode::STREAM_NOT_FOUND);
/// assert_eq!(code.info().map(|info| info.name), Some("JSStreamNotFoundErr"));
/// assert_eq!(ErrorCode(4711).info(), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(pub u64);

impl ErrorCode {
    /// The number.
    #[must_use]
    pub const fn error_code(self) -> u64 {
        self.0
    }

    /// All codes that are known, by their numbers.
    #[must_use]
    pub fn all() -> &'static [ErrorCodeInfo] {
        &ERROR_CODES
    }

    /// What is known of the code; `None` for one of a newer server.
    #[must_use]
    pub fn info(self) -> Option<&'static ErrorCodeInfo> {
        let at = ERROR_CODES.binary_search_by_key(&self, |info| info.error_code).ok()?;
        ERROR_CODES.get(at)
    }

    /// Whether the same request may succeed later; false for codes that are not known.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        self.info().is_some_and(|info| info.retryable)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.info() {
            Some(info) => write!(f, "{} ({})", self.0, info.name),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl From<u64> for ErrorCode {
    fn from(code: u64) -> Self {
        Self(code)
    }
}

impl From<ErrorCode> for u64 {
    fn from(code: ErrorCode) -> Self {
        code.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    #[test]
    fn known_codes_have_a_name_and_unknown_ones_are_kept() {
        assert_eq!(ErrorCode::all().len(), 226);
        let busy = ErrorCode::CLUSTER_NOT_AVAILABLE;
        assert!(busy.is_retryable() && !ErrorCode::STREAM_NOT_FOUND.is_retryable());
        assert_eq!(format!("{busy:?}"), "10008 (JSClusterNotAvailErr)");
        let unknown: Error =
            serde_json::from_str(r#"{"code":400,"err_code":19999,"description":"new\n","x":1}"#)
                .unwrap();
        assert_eq!(unknown.error_code(), ErrorCode(19999));
        assert_eq!(unknown.to_string(), "new\\n (code 400, error 19999)");
        assert!(!unknown.is_retryable());
        let old: Error = serde_json::from_str(r#"{"code":500,"description":"old"}"#).unwrap();
        assert_eq!((old.code(), old.error_code()), (500, ErrorCode(0)));
    }

    #[test]
    fn the_table_is_in_order_so_that_each_code_is_found() {
        for info in ErrorCode::all() {
            assert_eq!(info.error_code.info(), Some(info));
        }
    }
}
