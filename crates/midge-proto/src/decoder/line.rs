//! What both parsers share: finding a line end once, cutting a line into arguments, numbers.

use super::DecodeError;
use crate::sid::Sid;
use crate::snippet::Snippet;
use core::ops::Range;

/// Digits of a size on the wire.
///
/// The server takes at most nine and hands a publisher's digits on unchanged, leading zeros too.
pub(super) const SIZE_DIGITS_MAX: usize = 9;

/// Looks for the end of the line at the front of a buffer, and never twice at the same byte.
#[derive(Clone, Debug, Default)]
pub(super) struct LineScanner {
    /// Bytes of the unfinished line that hold no LF.
    scanned: usize,
}

impl LineScanner {
    /// Whether nothing of the line was looked at yet.
    #[inline]
    pub(super) fn is_fresh(&self) -> bool {
        self.scanned == 0
    }

    /// The length of the first line with its LF, or `None` when `rest` ends before it.
    ///
    /// `limit` counts the line end in.
    #[inline]
    pub(super) fn find(&mut self, rest: &[u8], limit: usize) -> Result<Option<usize>, DecodeError> {
        let unseen = rest.get(self.scanned..).unwrap_or_default();
        match memchr::memchr(b'\n', unseen) {
            Some(at) if self.scanned + at < limit => {
                let len = self.scanned + at + 1;
                self.scanned = 0;
                Ok(Some(len))
            }
            None if rest.len() < limit => {
                self.scanned = rest.len();
                Ok(None)
            }
            Some(_) | None => Err(DecodeError::LineTooLong { limit }),
        }
    }
}

/// The arguments of a control line: up to five ranges of the line, and how many there were.
pub(super) struct Arguments {
    ranges: [(u32, u32); ARGUMENTS_MAX],
    count: usize,
}

/// `HMSG` has the most: subject, sid, reply, header length, total length.
pub(super) const ARGUMENTS_MAX: usize = 5;

impl Arguments {
    /// Cuts `line`, from byte `from` on, at runs of SP and TAB; `None` when there are more than five.
    #[inline]
    pub(super) fn split(line: &[u8], from: usize) -> Option<Self> {
        let mut arguments = Self { ranges: [(0, 0); ARGUMENTS_MAX], count: 0 };
        let mut at = from;
        loop {
            while at < line.len() && is_blank(line[at]) {
                at += 1;
            }
            if at == line.len() {
                return Some(arguments);
            }
            let start = at;
            while at < line.len() && !is_blank(line[at]) {
                at += 1;
            }
            *arguments.ranges.get_mut(arguments.count)? = (start as u32, (at - start) as u32);
            arguments.count += 1;
        }
    }

    #[inline]
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Start and length of argument `index` within the line.
    #[inline]
    pub(super) fn range(&self, index: usize) -> (u32, u32) {
        self.ranges[index]
    }

    #[inline]
    pub(super) fn bytes<'a>(&self, line: &'a [u8], index: usize) -> &'a [u8] {
        let (start, len) = self.ranges[index];
        &line[start as usize..(start + len) as usize]
    }
}

#[inline]
pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The line without its LF and one CR before it.
#[inline]
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A size in bytes: one to nine decimal digits.
#[inline]
pub(super) fn size(digits: &[u8]) -> Option<usize> {
    if digits.len() > SIZE_DIGITS_MAX {
        return None;
    }
    usize::try_from(decimal(digits)?).ok()
}

/// A subscription id: a decimal number from 1.
#[inline]
pub(super) fn sid(digits: &[u8]) -> Option<Sid> {
    Sid::new(decimal(digits)?)
}

#[inline]
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut number = 0u64;
    for &digit in digits {
        let value = digit.wrapping_sub(b'0');
        if value > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(value))?;
    }
    Some(number)
}

#[cold]
pub(super) fn invalid_arguments(line: &[u8]) -> DecodeError {
    DecodeError::InvalidArguments { line: Snippet::new(line) }
}

#[cold]
pub(super) fn unknown_operation(line: &[u8]) -> DecodeError {
    DecodeError::UnknownOperation { line: Snippet::new(line) }
}

/// Checks a message's announced lengths against the limit and each other.
#[inline]
pub(super) fn check_lengths(headers: usize, total: usize, limit: usize) -> Result<(), DecodeError> {
    // Offsets of frames are 32 bits wide.
    let limit = limit.min(1 << 30);
    if total > limit {
        return Err(DecodeError::MessageTooLarge { size: total, limit });
    }
    if headers > total {
        return Err(DecodeError::HeadersLongerThanMessage { headers, total });
    }
    Ok(())
}

/// The range, within the buffer, of what follows the verb without outer blanks.
///
/// `verb` is the verb's length and `start` is where the line stands in the buffer.
pub(super) fn trimmed(line: &[u8], verb: usize, start: usize) -> Range<usize> {
    let rest = &line[verb..];
    let leading = rest.iter().take_while(|&&byte| is_blank(byte)).count();
    let trailing = rest[leading..].iter().rev().take_while(|&&byte| is_blank(byte)).count();
    start + verb + leading..start + line.len() - trailing
}

/// Checks the two bytes behind a message; `None` when they are not all there.
///
/// `rest` begins right behind the counted bytes. A wrong first byte is an error at once, and the
/// error shows only bytes that every cut of the input has: the outcome must not depend on it.
#[inline]
pub(super) fn terminator(rest: &[u8]) -> Result<Option<()>, DecodeError> {
    let found = match rest {
        [b'\r', b'\n', ..] => return Ok(Some(())),
        [] | [b'\r'] => return Ok(None),
        [b'\r', ..] => &rest[..2],
        [_, ..] => &rest[..1],
    };
    Err(DecodeError::MissingTerminator { found: Snippet::new(found) })
}
