//! The status codes that servers put into the first line of a header block.

use core::fmt;
use core::num::NonZeroU16;
use core::str::FromStr;

/// A status of three digits, such as 503: nobody listens to the subject of a request.
///
/// # Examples
///
/// ```
/// use midge_proto::StatusCode;
///
/// let status: StatusCode = "503".parse()?;
/// assert_eq!(status, StatusCode::NO_RESPONDERS);
/// assert!(status.is_server_error());
/// # Ok::<(), midge_proto::InvalidStatusCode>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(NonZeroU16);

/// Not a status: it must be a number from 100 to 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidStatusCode {}

impl fmt::Display for InvalidStatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status code must be a number from 100 to 999")
    }
}

impl core::error::Error for InvalidStatusCode {}

const fn code(code: u16) -> StatusCode {
    match NonZeroU16::new(code) {
        Some(code) => StatusCode(code),
        None => panic!("a status code is not 0"),
    }
}

impl StatusCode {
    /// 100: an idle heartbeat of a consumer, or a flow control request if it has a reply subject.
    pub const IDLE_HEARTBEAT: Self = code(100);
    /// 200: what a message without a status counts as.
    pub const OK: Self = code(200);
    /// 204: the end of a batched direct get.
    pub const END_OF_BATCH: Self = code(204);
    /// 400: the pull request is malformed.
    pub const BAD_REQUEST: Self = code(400);
    /// 404: there are no messages, or not this one.
    pub const NOT_FOUND: Self = code(404);
    /// 408: the pull request expired, or a direct get was malformed.
    pub const TIMEOUT: Self = code(408);
    /// 409: the server ended the pull request: consumer deleted, leader changed, limits.
    pub const REQUEST_TERMINATED: Self = code(409);
    /// 412: the server does not have the JetStream API level the request asks for.
    pub const PRECONDITION_FAILED: Self = code(412);
    /// 413: a batched direct get has too many results.
    pub const TOO_MANY_RESULTS: Self = code(413);
    /// 423: the pin id of a pull request is not that of the pinned client.
    pub const PIN_ID_MISMATCH: Self = code(423);
    /// 429: the server takes no more requests of this kind for the moment.
    pub const TOO_MANY_REQUESTS: Self = code(429);
    /// 500: JetStream failed.
    pub const INTERNAL_ERROR: Self = code(500);
    /// 503: nobody listens to the subject of the request.
    pub const NO_RESPONDERS: Self = code(503);

    /// A status out of a number.
    ///
    /// # Errors
    ///
    /// When it does not have three digits.
    pub const fn from_u16(code: u16) -> Result<Self, InvalidStatusCode> {
        match NonZeroU16::new(code) {
            Some(number) if code >= 100 && code <= 999 => Ok(Self(number)),
            _ => Err(InvalidStatusCode {}),
        }
    }

    /// A status out of three ASCII digits.
    ///
    /// # Errors
    ///
    /// When they are not, or when the first of them is 0.
    pub const fn from_bytes(digits: &[u8]) -> Result<Self, InvalidStatusCode> {
        let &[a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = digits else {
            return Err(InvalidStatusCode {});
        };
        let [a, b, c] = [a - b'0', b - b'0', c - b'0'];
        Self::from_u16(a as u16 * 100 + b as u16 * 10 + c as u16)
    }

    /// The number.
    #[must_use]
    pub const fn as_u16(&self) -> u16 {
        self.0.get()
    }

    /// From 100 to 199.
    #[must_use]
    pub const fn is_informational(&self) -> bool {
        self.as_u16() / 100 == 1
    }

    /// From 200 to 299.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.as_u16() / 100 == 2
    }

    /// From 300 to 399.
    #[must_use]
    pub const fn is_redirection(&self) -> bool {
        self.as_u16() / 100 == 3
    }

    /// From 400 to 499.
    #[must_use]
    pub const fn is_client_error(&self) -> bool {
        self.as_u16() / 100 == 4
    }

    /// From 500 to 599.
    #[must_use]
    pub const fn is_server_error(&self) -> bool {
        self.as_u16() / 100 == 5
    }
}

impl Default for StatusCode {
    fn default() -> Self {
        Self::OK
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<StatusCode> for u16 {
    fn from(status: StatusCode) -> Self {
        status.as_u16()
    }
}

impl From<&Self> for StatusCode {
    fn from(status: &Self) -> Self {
        *status
    }
}

impl PartialEq<u16> for StatusCode {
    fn eq(&self, other: &u16) -> bool {
        self.as_u16() == *other
    }
}

impl PartialEq<StatusCode> for u16 {
    fn eq(&self, other: &StatusCode) -> bool {
        *self == other.as_u16()
    }
}

impl TryFrom<u16> for StatusCode {
    type Error = InvalidStatusCode;

    fn try_from(code: u16) -> Result<Self, InvalidStatusCode> {
        Self::from_u16(code)
    }
}

impl TryFrom<&[u8]> for StatusCode {
    type Error = InvalidStatusCode;

    fn try_from(digits: &[u8]) -> Result<Self, InvalidStatusCode> {
        Self::from_bytes(digits)
    }
}

impl TryFrom<&str> for StatusCode {
    type Error = InvalidStatusCode;

    fn try_from(digits: &str) -> Result<Self, InvalidStatusCode> {
        Self::from_bytes(digits.as_bytes())
    }
}

impl FromStr for StatusCode {
    type Err = InvalidStatusCode;

    fn from_str(digits: &str) -> Result<Self, InvalidStatusCode> {
        Self::from_bytes(digits.as_bytes())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for StatusCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.as_u16())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for StatusCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_u16(<u16 as serde::Deserialize>::deserialize(deserializer)?)
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn three_digits_are_a_status_and_nothing_else_is() {
        for number in 100..=999 {
            let status = StatusCode::from_u16(number).unwrap();
            assert_eq!(status.to_string().parse(), Ok(status));
            assert_eq!(status, number);
        }
        for text in ["", "50", "5030", "099", "000", "+50", "5 3", "abc", "٥٠٣"] {
            assert_eq!(StatusCode::try_from(text), Err(InvalidStatusCode {}), "{text:?}");
        }
        for number in [0, 1, 99, 1000, u16::MAX] {
            assert_eq!(StatusCode::from_u16(number), Err(InvalidStatusCode {}));
        }
    }

    #[test]
    fn the_first_digit_is_the_class() {
        assert!(StatusCode::IDLE_HEARTBEAT.is_informational());
        assert!(StatusCode::OK.is_success() && !StatusCode::OK.is_informational());
        assert!(StatusCode::from_u16(301).unwrap().is_redirection());
        assert!(StatusCode::NOT_FOUND.is_client_error());
        assert!(StatusCode::NO_RESPONDERS.is_server_error());
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serde_writes_the_number_and_checks_it() {
        assert_eq!(serde_json::to_string(&StatusCode::NOT_FOUND).unwrap(), "404");
        assert_eq!(serde_json::from_str::<StatusCode>("404").unwrap(), StatusCode::NOT_FOUND);
        assert!(serde_json::from_str::<StatusCode>("4").is_err());
    }
}
