//! Reading header blocks: `NATS/1.0`, a status perhaps, lines of name and value, a blank line.

use super::error::{HeaderBlockError, HeaderBlockFault};
use super::name::is_header_name;
use crate::status::StatusCode;
use core::ops::Range;
use memchr::memchr;

/// What every block begins with.
pub(super) const VERSION: &[u8] = b"NATS/1.0";

/// The status in the first line of a block and the text behind it.
///
/// A first line that cannot be read has neither.
#[inline]
pub(crate) fn parse_status(block: &[u8]) -> (Option<StatusCode>, Option<&[u8]>) {
    // Most blocks have no status; their ninth byte ends the line.
    match block.get(VERSION.len()) {
        Some(b' ' | b'\t') => {}
        _ => return (None, None),
    }
    let Some(line) = line_at(block, 0) else { return (None, None) };
    match status_line(&block[line.content]) {
        Ok(Some((status, description))) => {
            (Some(status), if description.is_empty() { None } else { Some(description) })
        }
        Ok(None) | Err(_) => (None, None),
    }
}

/// Reads a whole first line: its status and description, if any.
fn status_line(line: &[u8]) -> Result<Option<(StatusCode, &[u8])>, HeaderBlockFault> {
    let Some(rest) = line.strip_prefix(VERSION) else { return Err(HeaderBlockFault::Version) };
    if !matches!(rest.first(), None | Some(b' ' | b'\t')) {
        return Err(HeaderBlockFault::Version);
    }
    let rest = trim(rest);
    let Some((digits, description)) = rest.split_at_checked(3) else {
        return if rest.is_empty() { Ok(None) } else { Err(HeaderBlockFault::Status) };
    };
    if description.first().is_some_and(u8::is_ascii_digit) {
        return Err(HeaderBlockFault::Status);
    }
    match StatusCode::from_bytes(digits) {
        Ok(status) => Ok(Some((status, trim(description)))),
        Err(_) => Err(HeaderBlockFault::Status),
    }
}

struct Line {
    /// The line without its line end.
    content: Range<usize>,
    /// Where the next line begins.
    next: usize,
}

/// The line that begins at `start`; `None` when it has no end.
fn line_at(block: &[u8], start: usize) -> Option<Line> {
    let rest = block.get(start..)?;
    let len = memchr(b'\n', rest)?;
    let content = rest[..len].strip_suffix(b"\r").unwrap_or(&rest[..len]);
    Some(Line { content: start..start + content.len(), next: start + len + 1 })
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Without the blanks around it.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().take_while(|byte| is_blank(**byte)).count();
    let bytes = &bytes[start..];
    let end = bytes.iter().rev().take_while(|byte| is_blank(**byte)).count();
    &bytes[..bytes.len() - end]
}

/// One header: where its name and its value are in the block.
pub(super) struct Field {
    pub(super) name: Range<usize>,
    /// Trimmed; with the line ends inside of it when the value is folded.
    pub(super) value: Range<usize>,
}

/// The headers of a block, one after the other, until the blank line or the first error.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    block: &'a [u8],
    at: usize,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    FirstLine,
    Lines,
    Done,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(block: &'a [u8]) -> Self {
        Self { block, at: 0, state: State::FirstLine }
    }

    /// Where reading stands: behind the blank line when all headers were read.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    fn first_line(&mut self) -> Result<(), HeaderBlockFault> {
        if !self.block.starts_with(VERSION) {
            return Err(HeaderBlockFault::Version);
        }
        let line = line_at(self.block, 0).ok_or(HeaderBlockFault::Unterminated)?;
        status_line(&self.block[line.content])?;
        self.at = line.next;
        Ok(())
    }

    fn field(&mut self) -> Result<Option<Field>, HeaderBlockFault> {
        let line = line_at(self.block, self.at).ok_or(HeaderBlockFault::Unterminated)?;
        let content = &self.block[line.content.clone()];
        match content.first() {
            None => {
                self.at = line.next;
                return Ok(None);
            }
            Some(&byte) if is_blank(byte) => return Err(HeaderBlockFault::Fold),
            Some(_) => {}
        }
        let colon = memchr(b':', content).ok_or(HeaderBlockFault::NoColon)?;
        if !is_header_name(&content[..colon]) {
            return Err(HeaderBlockFault::Name);
        }
        let name = self.at..self.at + colon;
        let mut value = name.end + 1..line.content.end;
        let mut next = line.next;
        while self.block.get(next).is_some_and(|byte| is_blank(*byte)) {
            let fold = line_at(self.block, next).ok_or(HeaderBlockFault::Unterminated)?;
            // A line of nothing but blanks adds nothing, so that none is left at the end.
            if !trim(&self.block[fold.content.clone()]).is_empty() {
                value.end = fold.content.end;
            }
            next = fold.next;
        }
        self.at = next;
        let start = value.start;
        let untrimmed = &self.block[value];
        let leading = untrimmed.iter().take_while(|byte| is_blank(**byte)).count();
        let start = start + leading;
        let value = start..start + trim(untrimmed).len();
        Ok(Some(Field { name, value }))
    }
}

impl Iterator for Fields<'_> {
    type Item = Result<Field, HeaderBlockError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = match self.state {
            State::FirstLine => self.first_line().and_then(|()| self.field()),
            State::Lines => self.field(),
            State::Done => return None,
        };
        self.state = match step {
            Ok(Some(_)) => State::Lines,
            Ok(None) | Err(_) => State::Done,
        };
        step.map_err(|fault| HeaderBlockError::new(fault, self.at)).transpose()
    }
}

/// The headers of a raw block, read where they stand, without allocating.
///
/// Each look walks through the block. A value that is folded over several lines is given with the
/// line ends in it; [`HeaderMap`](crate::header::HeaderMap) joins them.
///
/// # Examples
///
/// ```
/// use midge_proto::header::HeaderView;
///
/// let view = HeaderView::new(b"NATS/1.0\r\nColour: green\r\nColour: blue\r\n\r\n");
/// assert_eq!(view.get("Colour"), Some(&b"green"[..]));
/// assert_eq!(view.get("colour"), None);
/// assert_eq!(view.iter().count(), 2);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HeaderView<'a> {
    block: &'a [u8],
}

impl<'a> HeaderView<'a> {
    /// A view of `block`, which may be anything.
    #[must_use]
    pub const fn new(block: &'a [u8]) -> Self {
        Self { block }
    }

    /// The first value under `name`, compared byte by byte.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// Names and values in the order of the block, up to the first line that cannot be read.
    #[must_use]
    pub const fn iter(&self) -> HeaderViewIter<'a> {
        HeaderViewIter { fields: Fields::new(self.block) }
    }

    /// The status and its description.
    #[must_use]
    pub fn status(&self) -> (Option<StatusCode>, Option<&'a [u8]>) {
        parse_status(self.block)
    }

    /// Reads the whole block.
    ///
    /// # Errors
    ///
    /// When it is not a header block.
    pub fn check(&self) -> Result<(), HeaderBlockError> {
        Fields::new(self.block).try_for_each(|field| field.map(drop))
    }
}

impl<'a> IntoIterator for HeaderView<'a> {
    type Item = (&'a str, &'a [u8]);
    type IntoIter = HeaderViewIter<'a>;

    fn into_iter(self) -> HeaderViewIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &HeaderView<'a> {
    type Item = (&'a str, &'a [u8]);
    type IntoIter = HeaderViewIter<'a>;

    fn into_iter(self) -> HeaderViewIter<'a> {
        self.iter()
    }
}

/// Names and values of a [`HeaderView`].
#[derive(Clone, Debug)]
pub struct HeaderViewIter<'a> {
    fields: Fields<'a>,
}

impl<'a> Iterator for HeaderViewIter<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let field = self.fields.next()?.ok()?;
        let block = self.fields.block;
        // Names are ASCII, or the line would be an error.
        let name = core::str::from_utf8(&block[field.name]).ok()?;
        Some((name, &block[field.value]))
    }
}
