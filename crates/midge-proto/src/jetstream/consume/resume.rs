//! Where an ordered reading was, to go on with elsewhere.

use crate::jetstream::consumer;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// Where an ordered reading was: whoever resumes it, in this process or another, misses nothing and
/// has nothing twice.
///
/// It is a value to be stored: with `serde`, or as the JSON text that [`Display`](fmt::Display)
/// writes and [`FromStr`] reads.
///
/// ```
/// use midge_proto::jetstream::consume::ResumeToken;
/// use midge_proto::jetstream::consumer::Config;
///
/// let token = ResumeToken { stream: "ORDERS".into(), position: Some(41), config: Config::default() };
/// assert_eq!(token.to_string().parse(), Ok(token));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeToken {
    /// The stream.
    pub stream: String,
    /// The sequence of the last message that was read; `None` if none was, and then the reading
    /// begins where it was to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// What is read of the stream.
    #[serde(default)]
    pub config: consumer::Config,
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for ResumeToken {
    type Err = InvalidResumeToken;

    fn from_str(text: &str) -> Result<Self, InvalidResumeToken> {
        use alloc::string::ToString;
        serde_json::from_str(text).map_err(|error| InvalidResumeToken(error.to_string()))
    }
}

/// A text is no [`ResumeToken`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidResumeToken(String);

impl fmt::Display for InvalidResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a place to resume reading at: {}", self.0)
    }
}

impl core::error::Error for InvalidResumeToken {}
