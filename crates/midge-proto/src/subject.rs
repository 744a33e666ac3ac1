//! Subjects: where messages go and where they come from.

mod names;
mod rules;
#[cfg(feature = "serde")]
mod serde_impls;

use crate::text::{InlineText, Text};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use bytes::Bytes;
use core::fmt;
use core::ops::{Deref, Range};
use core::str::{FromStr, Utf8Error};
pub use names::{InvalidInboxPrefix, InvalidQueueGroup, check_inbox_prefix, check_queue_group};
pub use rules::{InvalidSubject, SUBJECT_LEN_MAX, SubjectError, SubjectFault};
use rules::{Validity, classify};

/// The subject of a message, or a filter with wildcards to subscribe to.
///
/// Up to 32 bytes are kept in the value itself, longer ones are shared: a clone never copies them.
///
/// The conversions from strings cannot fail, so a subject may hold text that no server would take.
/// Whether it does is found out once, when it is made; sending then looks at the answer
/// ([`check_publish`](Self::check_publish), [`check_subscribe`](Self::check_subscribe)), and no
/// text gets on the wire that the check refused. [`validated`](Self::validated) tells at once.
///
/// # Bytes and text
///
/// Servers route subjects that are not UTF-8. A received one keeps its exact bytes
/// ([`as_bytes`](Self::as_bytes)), and a reply to it goes to these; its text has U+FFFD in place of
/// what cannot be read. Comparing and hashing go by the bytes.
///
/// # Examples
///
/// ```
/// use midge_proto::Subject;
///
/// const ORDERS: Subject = Subject::from_static_validated("orders.new");
///
/// assert!(ORDERS.starts_with("orders."));
/// assert!(ORDERS.check_publish().is_ok());
///
/// let filter = Subject::from("orders.*");
/// assert!(filter.check_subscribe().is_ok());
/// assert!(filter.check_publish().is_err());
///
/// assert!(Subject::validated("two words").is_err());
/// ```
#[derive(Clone)]
pub struct Subject {
    text: Text,
    validity: Validity,
}

impl Subject {
    /// A subject out of a literal, without copying it.
    #[inline]
    #[must_use]
    pub const fn from_static(subject: &'static str) -> Self {
        Self { text: Text::from_static(subject), validity: validity(subject.as_bytes()) }
    }

    /// A subject out of a literal that must be one to publish or subscribe to.
    ///
    /// # Panics
    ///
    /// When the subject is invalid; in a `const` that is an error of the compiler.
    #[must_use]
    pub const fn from_static_validated(subject: &'static str) -> Self {
        let subject = Self::from_static(subject);
        assert!(!matches!(subject.validity, Validity::Invalid), "invalid subject");
        subject
    }

    /// A subject that can at least be subscribed to.
    ///
    /// # Errors
    ///
    /// When the text has an empty token, whitespace or control characters, a `>` that is not the
    /// last token, or is empty or longer than [`SUBJECT_LEN_MAX`].
    pub fn validated(subject: impl AsRef<str>) -> Result<Self, InvalidSubject> {
        let subject = subject.as_ref();
        match classify(subject.as_bytes()) {
            Ok(validity) => Ok(Self { text: Text::from_str(subject), validity }),
            Err(fault) => Err(InvalidSubject::new(fault, subject.as_bytes())),
        }
    }

    /// A subject out of bytes that are UTF-8.
    ///
    /// # Errors
    ///
    /// When they are not.
    pub fn from_utf8<T: Into<Bytes>>(subject: T) -> Result<Self, Utf8Error> {
        let bytes = subject.into();
        core::str::from_utf8(&bytes)?;
        let validity = validity(&bytes);
        Ok(Self { text: Text::from_bytes(bytes), validity })
    }

    /// A subject to publish to in which wildcard tokens are meant literally. Few are: that of the
    /// creation of a consumer ends with the filter of the consumer.
    #[cfg(feature = "jetstream")]
    pub(crate) fn literal(subject: String) -> Self {
        let subject = Self::from(subject);
        match subject.validity {
            Validity::Filter => Self { validity: Validity::Literal, ..subject },
            Validity::Literal | Validity::Invalid | Validity::Unchecked => subject,
        }
    }

    /// A subject that [`set_from_chunk`](Self::set_from_chunk) is to fill in.
    #[inline]
    pub(crate) const fn unset() -> Self {
        Self { text: Text::new(), validity: Validity::Unchecked }
    }

    /// Makes this one the subject that stands in a frame.
    #[inline]
    pub(crate) fn set_from_chunk(&mut self, chunk: &Bytes, range: Range<usize>) {
        self.text.set_from_chunk(chunk, range);
    }

    /// The text; where the bytes are not UTF-8 it has U+FFFD.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The bytes as they are on the wire.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Whether the bytes are UTF-8; if not, [`as_str`](Self::as_str) differs from them.
    #[must_use]
    pub fn is_utf8(&self) -> bool {
        self.text.is_utf8()
    }

    /// The text as a `String`.
    #[must_use]
    pub fn into_string(self) -> String {
        self.text.into_string()
    }

    /// Whether it can be subscribed to; publishing needs one without wildcards besides.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        matches!(self.resolved(), Validity::Literal | Validity::Filter)
    }

    /// Whether a message can be sent to it.
    ///
    /// A server takes wildcard tokens in published subjects as literal ones. That is refused here,
    /// because such a message reaches hardly anyone it was meant for.
    ///
    /// # Errors
    ///
    /// As for [`validated`](Self::validated), and when a token is a wildcard.
    #[inline]
    pub fn check_publish(&self) -> Result<(), InvalidSubject> {
        if matches!(self.validity, Validity::Literal) {
            return Ok(());
        }
        self.check_publish_slow()
    }

    #[cold]
    fn check_publish_slow(&self) -> Result<(), InvalidSubject> {
        let fault = match classify(self.as_bytes()) {
            Ok(Validity::Literal) => return Ok(()),
            Ok(Validity::Filter | Validity::Invalid | Validity::Unchecked) => {
                SubjectFault::Wildcard
            }
            Err(fault) => fault,
        };
        Err(InvalidSubject::new(fault, self.as_bytes()))
    }

    /// Whether it can be subscribed to.
    ///
    /// # Errors
    ///
    /// As for [`validated`](Self::validated).
    #[inline]
    pub fn check_subscribe(&self) -> Result<(), InvalidSubject> {
        if matches!(self.validity, Validity::Literal | Validity::Filter) {
            return Ok(());
        }
        self.check_subscribe_slow()
    }

    #[cold]
    fn check_subscribe_slow(&self) -> Result<(), InvalidSubject> {
        match classify(self.as_bytes()) {
            Ok(_) => Ok(()),
            Err(fault) => Err(InvalidSubject::new(fault, self.as_bytes())),
        }
    }

    /// Whether it can be put on a control line at all: not empty, and without bytes that would end
    /// an argument or a line there.
    ///
    /// # Errors
    ///
    /// When it could not be sent without changing the meaning of the line.
    pub fn check_framing(&self) -> Result<(), InvalidSubject> {
        let fault = match self.as_bytes() {
            [] => SubjectFault::Empty,
            bytes if bytes.iter().any(|&byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) => {
                SubjectFault::Control
            }
            _ => return Ok(()),
        };
        Err(InvalidSubject::new(fault, self.as_bytes()))
    }

    /// Whether a token is `*` or the last one `>`.
    #[must_use]
    pub fn has_wildcards(&self) -> bool {
        self.resolved() == Validity::Filter
    }

    fn resolved(&self) -> Validity {
        match self.validity {
            Validity::Unchecked => validity(self.as_bytes()),
            known @ (Validity::Literal | Validity::Filter | Validity::Invalid) => known,
        }
    }

    /// A copy that keeps no read chunk alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { text: self.text.detach(), validity: self.validity }
    }
}

/// The subject of the message before, unless that was long: a subscription mostly has the same one
/// again, and then its text is not checked again.
#[derive(Clone, Debug, Default)]
pub struct LatestSubject(InlineText);

impl LatestSubject {
    /// Becomes `subject` if that is short: a longer one would keep its chunk alive.
    pub fn set(&mut self, subject: &Subject) {
        if let Text::Inline(text) = &subject.text {
            self.0 = *text;
        }
    }

    /// The subject that has these bytes, if it is this one.
    #[inline]
    pub(crate) fn again(&self, bytes: &[u8]) -> Option<Subject> {
        if self.0.as_bytes() != bytes {
            return None;
        }
        Some(Subject { text: Text::Inline(self.0), validity: Validity::Unchecked })
    }
}

const fn validity(subject: &[u8]) -> Validity {
    match classify(subject) {
        Ok(validity) => validity,
        Err(_) => Validity::Invalid,
    }
}

impl Deref for Subject {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Subject {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for Subject {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

// `Borrow<str>` would let a lossy subject be found under a text it is not equal to.
impl PartialEq for Subject {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Subject {}

impl PartialEq<str> for Subject {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Subject {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialOrd for Subject {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Subject {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl core::hash::Hash for Subject {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl From<&str> for Subject {
    fn from(subject: &str) -> Self {
        Self { text: Text::from_str(subject), validity: validity(subject.as_bytes()) }
    }
}

impl From<String> for Subject {
    fn from(subject: String) -> Self {
        let validity = validity(subject.as_bytes());
        Self { text: Text::from_string(subject), validity }
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.into_string()
    }
}

impl TryFrom<Bytes> for Subject {
    type Error = Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Utf8Error> {
        Self::from_utf8(bytes)
    }
}

impl FromStr for Subject {
    type Err = InvalidSubject;

    fn from_str(subject: &str) -> Result<Self, InvalidSubject> {
        Self::validated(subject)
    }
}

/// What can name a subject in a call: literals, strings and [`Subject`]s.
///
/// Cloning a [`Subject`] is cheap, so a program that sends to one subject again and again makes it
/// once.
pub trait ToSubject {
    /// The subject.
    fn to_subject(&self) -> Subject;

    /// The subject, made of the value itself where that saves a copy.
    #[inline]
    fn into_subject(self) -> Subject
    where
        Self: Sized,
    {
        self.to_subject()
    }
}

impl ToSubject for Subject {
    #[inline]
    fn to_subject(&self) -> Subject {
        self.clone()
    }

    #[inline]
    fn into_subject(self) -> Subject {
        self
    }
}

impl ToSubject for &Subject {
    #[inline]
    fn to_subject(&self) -> Subject {
        Subject::clone(self)
    }
}

impl ToSubject for &'static str {
    #[inline]
    fn to_subject(&self) -> Subject {
        Subject::from_static(self)
    }
}

impl ToSubject for String {
    fn to_subject(&self) -> Subject {
        Subject::from(self.as_str())
    }
}

impl ToSubject for &String {
    fn to_subject(&self) -> Subject {
        Subject::from(self.as_str())
    }
}

impl ToSubject for Arc<str> {
    fn to_subject(&self) -> Subject {
        Subject::from(&**self)
    }
}

impl ToSubject for Cow<'_, str> {
    fn to_subject(&self) -> Subject {
        Subject::from(&**self)
    }
}

#[cfg(test)]
mod tests;
