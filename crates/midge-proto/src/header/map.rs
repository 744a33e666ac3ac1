//! The headers of a message.

use super::block::{Fields, HeaderView, VERSION};
use super::error::{HeaderBlockError, HeaderBlockFault, InvalidHeader};
use super::name::{AsHeaderName, HeaderName, IntoHeaderName};
use super::value::{HeaderValue, IntoHeaderValue};
use alloc::boxed::Box;
use alloc::vec::{self, Vec};
use bytes::Bytes;
use core::{fmt, mem, slice};
use memchr::memchr;
use once_cell::race::OnceBox;

/// The headers of a message, in order; a name may occur several times.
///
/// Names are compared byte by byte: NATS headers are case-sensitive.
///
/// Received headers stay the bytes they were until somebody looks at them. A block that cannot be
/// read gives an empty map, and [`headers_error`](Self::headers_error) tells why.
///
/// Sending a received map, or one made by [`from_raw`](Self::from_raw), writes its block as it is,
/// except for the status, which is the server's answer to someone else.
///
/// # Unlike `async-nats`
///
/// [`iter`](Self::iter) gives one pair for each value, in the order they were added, and
/// [`len`](Self::len) counts these. Two maps are equal when they have the same pairs in the same
/// order. Names and values that cannot be sent do not panic: [`check`](Self::check) refuses them.
///
/// # Examples
///
/// ```
/// use midge_proto::HeaderMap;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("Attempt", 1);
/// headers.append("Colour", "green");
/// headers.append("Colour", "blue");
///
/// assert_eq!(headers.get("Colour").map(|value| value.as_str()), Some("green"));
/// assert_eq!(headers.get_last("Colour").map(|value| value.as_str()), Some("blue"));
/// assert_eq!(headers.len(), 3);
///
/// let mut block = Vec::new();
/// headers.encode(&mut block);
/// assert_eq!(block, b"NATS/1.0\r\nAttempt: 1\r\nColour: green\r\nColour: blue\r\n\r\n");
/// ```
#[derive(Clone)]
pub struct HeaderMap {
    inner: Inner,
}

#[derive(Clone)]
enum Inner {
    Built(Built),
    Raw(Raw),
}

#[derive(Clone, Default)]
struct Built {
    entries: Vec<(HeaderName, HeaderValue)>,
    /// Whether an entry cannot be sent.
    faulty: bool,
}

impl Built {
    fn push(&mut self, name: HeaderName, value: HeaderValue) {
        self.faulty |= !is_sendable(&name, &value);
        self.entries.push((name, value));
    }

    /// To be called when an entry went away.
    fn recheck(&mut self) {
        if self.faulty {
            self.faulty = !self.entries.iter().all(|(name, value)| is_sendable(name, value));
        }
    }
}

fn is_sendable(name: &HeaderName, value: &HeaderValue) -> bool {
    name.check().is_ok() && value.check().is_ok()
}

fn check_entry(name: &HeaderName, value: &HeaderValue) -> Result<(), InvalidHeader> {
    name.check()?;
    value.check().map_err(|error| InvalidHeader::Value { name: name.as_str().into(), error })
}

struct Raw {
    block: Bytes,
    parsed: OnceBox<Parsed>,
}

/// Not a derive: the block is shared, and the copy parses it again if it is looked at.
impl Clone for Raw {
    fn clone(&self) -> Self {
        Self::new(self.block.clone())
    }
}

struct Parsed {
    entries: Vec<(HeaderName, HeaderValue)>,
    error: Option<HeaderBlockError>,
}

impl Raw {
    const fn new(block: Bytes) -> Self {
        Self { block, parsed: OnceBox::new() }
    }

    fn parsed(&self) -> &Parsed {
        self.parsed.get_or_init(|| {
            let mut entries = Vec::new();
            for field in Fields::new(&self.block) {
                match field {
                    Ok(field) => entries.push((
                        HeaderName::from_chunk(&self.block, field.name),
                        HeaderValue::from_chunk(&self.block, field.value),
                    )),
                    Err(error) => {
                        return Box::new(Parsed { entries: Vec::new(), error: Some(error) });
                    }
                }
            }
            Box::new(Parsed { entries, error: None })
        })
    }

    /// What follows the first line, if the rest of the block can be sent as it is.
    fn lines(&self) -> Option<&[u8]> {
        if !self.block.ends_with(BLANK_LINE) || self.parsed().error.is_some() {
            return None;
        }
        let end = memchr(b'\n', &self.block)?;
        // Behind the line end in front of the blank line nothing is left.
        self.block.get(end + 1..).filter(|lines| !lines.is_empty())
    }
}

/// The end of the last line and the blank line.
const BLANK_LINE: &[u8] = b"\r\n\r\n";

impl HeaderMap {
    /// A map without headers.
    #[must_use]
    pub const fn new() -> Self {
        Self { inner: Inner::Built(Built { entries: Vec::new(), faulty: false }) }
    }

    /// Headers of a message that was received; the block may be anything.
    #[must_use]
    pub(crate) const fn received(block: Bytes) -> Self {
        Self { inner: Inner::Raw(Raw::new(block)) }
    }

    /// Headers given as the block they are on the wire, to be sent without building a map.
    ///
    /// # Errors
    ///
    /// When the bytes are not one block from `NATS/1.0` to the blank line, with CR LF at its end.
    pub fn from_raw(block: Bytes) -> Result<Self, HeaderBlockError> {
        let mut fields = Fields::new(&block);
        for field in fields.by_ref() {
            field?;
        }
        if fields.position() < block.len() {
            return Err(HeaderBlockError::new(HeaderBlockFault::TrailingBytes, fields.position()));
        }
        if !block.ends_with(BLANK_LINE) {
            return Err(HeaderBlockError::new(HeaderBlockFault::Unterminated, block.len()));
        }
        Ok(Self::received(block))
    }

    /// The bytes of a received block, readable or not, or those given to
    /// [`from_raw`](Self::from_raw); `None` when the map was built or changed.
    #[must_use]
    pub fn raw(&self) -> Option<&[u8]> {
        match &self.inner {
            Inner::Built(_) => None,
            Inner::Raw(raw) => Some(&raw.block),
        }
    }

    /// The raw block, to be read without allocating; `None` where [`raw`](Self::raw) is.
    #[must_use]
    pub fn view(&self) -> Option<HeaderView<'_>> {
        self.raw().map(HeaderView::new)
    }

    /// Why the received block could not be read.
    #[must_use]
    pub fn headers_error(&self) -> Option<&HeaderBlockError> {
        match &self.inner {
            Inner::Built(_) => None,
            Inner::Raw(raw) => raw.parsed().error.as_ref(),
        }
    }

    fn entries(&self) -> &[(HeaderName, HeaderValue)] {
        match &self.inner {
            Inner::Built(built) => &built.entries,
            Inner::Raw(raw) => &raw.parsed().entries,
        }
    }

    /// The map as one that was built, for changing it.
    fn built(&mut self) -> &mut Built {
        if let Inner::Raw(raw) = &self.inner {
            let mut built = Built::default();
            for (name, value) in &raw.parsed().entries {
                built.push(name.clone(), value.clone());
            }
            self.inner = Inner::Built(built);
        }
        match &mut self.inner {
            Inner::Built(built) => built,
            Inner::Raw(_) => unreachable!("the map was built above"),
        }
    }

    /// Whether there are no headers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// The number of values; a name with two values counts twice.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Sets a header: its other values are dropped, and it keeps the place of the first of them.
    pub fn insert<K: IntoHeaderName, V: IntoHeaderValue>(&mut self, name: K, value: V) {
        self.put(name.into_header_name(), value.into_header_value());
    }

    /// Sets a header that can be sent.
    ///
    /// # Errors
    ///
    /// When name or value cannot be sent; the map is as it was.
    pub fn try_insert<K: IntoHeaderName, V: IntoHeaderValue>(
        &mut self,
        name: K,
        value: V,
    ) -> Result<(), InvalidHeader> {
        let (name, value) = (name.into_header_name(), value.into_header_value());
        check_entry(&name, &value)?;
        self.put(name, value);
        Ok(())
    }

    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        let built = self.built();
        let Some(first) = built.entries.iter().position(|(other, _)| *other == name) else {
            built.push(name, value);
            return;
        };
        let mut index = 0;
        built.entries.retain(|(other, _)| {
            index += 1;
            index <= first + 1 || *other != name
        });
        built.faulty |= !is_sendable(&name, &value);
        built.entries[first] = (name, value);
        built.recheck();
    }

    /// Adds a value to those the header has.
    pub fn append<K: IntoHeaderName, V: IntoHeaderValue>(&mut self, name: K, value: V) {
        self.built().push(name.into_header_name(), value.into_header_value());
    }

    /// Adds a value that can be sent.
    ///
    /// # Errors
    ///
    /// When name or value cannot be sent; the map is as it was.
    pub fn try_append<K: IntoHeaderName, V: IntoHeaderValue>(
        &mut self,
        name: K,
        value: V,
    ) -> Result<(), InvalidHeader> {
        let (name, value) = (name.into_header_name(), value.into_header_value());
        check_entry(&name, &value)?;
        self.built().push(name, value);
        Ok(())
    }

    /// Drops all values of a header and gives the first of them.
    pub fn remove<K: AsHeaderName>(&mut self, name: K) -> Option<HeaderValue> {
        let name = name.as_header_name();
        // A map without such a header keeps its raw block.
        if !self.entries().iter().any(|(other, _)| other == name) {
            return None;
        }
        let built = self.built();
        let mut first = None;
        built.entries.retain_mut(|(other, value)| {
            if other != name {
                return true;
            }
            if first.is_none() {
                first = Some(mem::take(value));
            }
            false
        });
        built.recheck();
        first
    }

    /// Drops all headers.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The first value of a header.
    pub fn get<K: AsHeaderName>(&self, name: K) -> Option<&HeaderValue> {
        let name = name.as_header_name();
        self.entries().iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The last value of a header.
    pub fn get_last<K: AsHeaderName>(&self, name: K) -> Option<&HeaderValue> {
        let name = name.as_header_name();
        self.entries().iter().rev().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// All values of a header, in order.
    pub fn get_all<K: AsHeaderName>(&self, name: K) -> GetAll<'_, K> {
        GetAll { entries: self.entries().iter(), name }
    }

    /// Whether the header has a value.
    pub fn contains_key<K: AsHeaderName>(&self, name: K) -> bool {
        self.get(name).is_some()
    }

    /// Names and values, in the order they were added or received.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { entries: self.entries().iter() }
    }

    /// Whether all of it can be sent. The answer is known already, except that a received block
    /// has to be read once.
    ///
    /// # Errors
    ///
    /// When a name or value cannot be sent, or the received block is none.
    #[inline]
    pub fn check(&self) -> Result<(), InvalidHeader> {
        match &self.inner {
            Inner::Built(built) if !built.faulty => Ok(()),
            Inner::Built(_) | Inner::Raw(_) => self.check_slow(),
        }
    }

    #[cold]
    fn check_slow(&self) -> Result<(), InvalidHeader> {
        if let Inner::Raw(raw) = &self.inner {
            if let Some(error) = raw.parsed().error {
                return Err(InvalidHeader::Block(error));
            }
            if raw.lines().is_some() {
                return Ok(());
            }
        }
        self.entries().iter().try_for_each(|(name, value)| check_entry(name, value))
    }

    fn raw_lines(&self) -> Option<&[u8]> {
        match &self.inner {
            Inner::Built(_) => None,
            Inner::Raw(raw) => raw.lines(),
        }
    }

    /// Bytes that [`encode`](Self::encode) writes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let mut len = VERSION.len() + 2;
        if let Some(lines) = self.raw_lines() {
            return len + lines.len();
        }
        for (name, value) in sendable(self.entries()) {
            len += name.as_str().len() + 2 + value.as_bytes().len() + 2;
        }
        len + 2
    }

    /// Appends the block to `out`, without a status.
    ///
    /// What [`check`](Self::check) refuses is left out.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(VERSION);
        out.extend_from_slice(b"\r\n");
        if let Some(lines) = self.raw_lines() {
            out.extend_from_slice(lines);
            return;
        }
        for (name, value) in sendable(self.entries()) {
            out.extend_from_slice(name.as_str().as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    /// A copy that keeps no read chunk alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        match &self.inner {
            Inner::Raw(raw) => Self::received(Bytes::copy_from_slice(&raw.block)),
            Inner::Built(built) => Self {
                inner: Inner::Built(Built {
                    entries: built
                        .entries
                        .iter()
                        .map(|(name, value)| (name.detached(), value.detached()))
                        .collect(),
                    faulty: built.faulty,
                }),
            },
        }
    }
}

/// The last line of defence against a line end in a block: nothing but a check stands in front.
fn sendable(
    entries: &[(HeaderName, HeaderValue)],
) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
    entries.iter().filter(|(name, value)| is_sendable(name, value))
}

impl Default for HeaderMap {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for HeaderMap {
    fn eq(&self, other: &Self) -> bool {
        self.entries() == other.entries()
    }
}

impl Eq for HeaderMap {}

impl fmt::Debug for HeaderMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: IntoHeaderName, V: IntoHeaderValue> Extend<(K, V)> for HeaderMap {
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, headers: T) {
        let built = self.built();
        for (name, value) in headers {
            built.push(name.into_header_name(), value.into_header_value());
        }
    }
}

impl<K: IntoHeaderName, V: IntoHeaderValue> FromIterator<(K, V)> for HeaderMap {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(headers: T) -> Self {
        let mut map = Self::new();
        map.extend(headers);
        map
    }
}

impl IntoIterator for HeaderMap {
    type Item = (HeaderName, HeaderValue);
    type IntoIter = IntoIter;

    fn into_iter(mut self) -> IntoIter {
        IntoIter { entries: mem::take(&mut self.built().entries).into_iter() }
    }
}

impl<'a> IntoIterator for &'a HeaderMap {
    type Item = (&'a HeaderName, &'a HeaderValue);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// All names and values of a [`HeaderMap`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    entries: slice::Iter<'a, (HeaderName, HeaderValue)>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a HeaderName, &'a HeaderValue);

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(|(name, value)| (name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.entries.next_back().map(|(name, value)| (name, value))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// All names and values of a [`HeaderMap`] that was given up.
#[derive(Clone, Debug)]
pub struct IntoIter {
    entries: vec::IntoIter<(HeaderName, HeaderValue)>,
}

impl Iterator for IntoIter {
    type Item = (HeaderName, HeaderValue);

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for IntoIter {}

/// The values of one header.
#[derive(Clone, Debug)]
pub struct GetAll<'a, K> {
    entries: slice::Iter<'a, (HeaderName, HeaderValue)>,
    name: K,
}

impl<'a, K: AsHeaderName> Iterator for GetAll<'a, K> {
    type Item = &'a HeaderValue;

    fn next(&mut self) -> Option<&'a HeaderValue> {
        let name = self.name.as_header_name();
        self.entries.find(|(other, _)| other == name).map(|(_, value)| value)
    }
}
