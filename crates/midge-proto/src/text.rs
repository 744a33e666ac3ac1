//! The string type behind subjects, header names and header values.

use alloc::string::String;
use alloc::sync::Arc;
use arrayvec::ArrayString;
use bytes::Bytes;
use bytestring::ByteString;
use core::cmp::Ordering;
use core::hash::{Hash, Hasher};
use core::ops::Range;

/// Bytes that are stored in the value itself.
///
/// `Shared` needs 32 bytes aligned to 8; with the tag and its own length an inline text of 32 bytes
/// fits into the same 40.
pub(crate) const INLINE_BYTES_MAX: usize = 32;

/// Text that is stored in the value itself.
pub(crate) type InlineText = ArrayString<INLINE_BYTES_MAX>;

/// Text that is cheap to copy and needs no allocation when it is short.
///
/// It is UTF-8 except when it came from the wire: then other bytes are kept exactly, beside a text
/// that has U+FFFD in their place. Two texts are the same when their bytes are.
#[derive(Clone)]
pub(crate) enum Text {
    Inline(InlineText),
    Static(&'static str),
    /// A slice of the read chunk, or a long text of the user.
    Shared(ByteString),
    Lossy(Arc<Lossy>),
}

/// What arrived is not UTF-8.
pub(crate) struct Lossy {
    text: String,
    bytes: Bytes,
}

impl Text {
    #[inline]
    pub(crate) const fn from_static(text: &'static str) -> Self {
        Self::Static(text)
    }

    /// A copy of `text`.
    #[inline]
    pub(crate) fn from_str(text: &str) -> Self {
        match ArrayString::from(text) {
            Ok(inline) => Self::Inline(inline),
            Err(_) => Self::Shared(ByteString::from(text)),
        }
    }

    /// Takes over the allocation of `text` unless it is short.
    #[inline]
    pub(crate) fn from_string(text: String) -> Self {
        match ArrayString::from(&text) {
            Ok(inline) => Self::Inline(inline),
            Err(_) => Self::Shared(ByteString::from(text)),
        }
    }

    /// Takes over `bytes` unless they are few.
    pub(crate) fn from_bytes(bytes: Bytes) -> Self {
        if let Some(inline) = inline(&bytes) {
            return Self::Inline(inline);
        }
        match ByteString::try_from(bytes.clone()) {
            Ok(shared) => Self::Shared(shared),
            Err(_) => Self::lossy(bytes),
        }
    }

    /// Text without any bytes, to be set later.
    #[inline]
    pub(crate) const fn new() -> Self {
        Self::Inline(ArrayString::new_const())
    }

    /// The bytes of `chunk` at `range`; empty when the range does not lie in the chunk.
    ///
    /// Few bytes are copied, more of them keep the chunk alive.
    #[inline]
    pub(crate) fn from_chunk(chunk: &Bytes, range: Range<usize>) -> Self {
        let mut text = Self::new();
        text.set_from_chunk(chunk, range);
        text
    }

    /// Turns an empty text into that of [`from_chunk`](Self::from_chunk).
    ///
    /// Short text is written where it stays: a copy of all the inline bytes would have to wait for
    /// the few that were just written, which takes longer than everything else here.
    #[inline]
    pub(crate) fn set_from_chunk(&mut self, chunk: &Bytes, range: Range<usize>) {
        let Some(bytes) = chunk.get(range) else { return };
        if bytes.len() <= INLINE_BYTES_MAX
            && let (Self::Inline(inline), Ok(text)) = (&mut *self, core::str::from_utf8(bytes))
        {
            inline.clear();
            if inline.try_push_str(text).is_ok() {
                return;
            }
        }
        *self = Self::from_chunk_slow(chunk, bytes);
    }

    /// Text that is too long to be inline, or not UTF-8.
    #[inline(never)]
    fn from_chunk_slow(chunk: &Bytes, bytes: &[u8]) -> Self {
        match ByteString::try_from(chunk.slice_ref(bytes)) {
            Ok(shared) => Self::Shared(shared),
            Err(_) => Self::lossy(chunk.slice_ref(bytes)),
        }
    }

    fn lossy(bytes: Bytes) -> Self {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Self::Lossy(Arc::new(Lossy { text, bytes }))
    }

    /// The text, with U+FFFD for what is not UTF-8.
    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Inline(inline) => inline,
            Self::Static(text) => text,
            Self::Shared(shared) => shared,
            Self::Lossy(lossy) => &lossy.text,
        }
    }

    /// The exact bytes.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline(inline) => inline.as_bytes(),
            Self::Static(text) => text.as_bytes(),
            Self::Shared(shared) => shared.as_bytes(),
            Self::Lossy(lossy) => &lossy.bytes,
        }
    }

    pub(crate) fn is_utf8(&self) -> bool {
        !matches!(self, Self::Lossy(_))
    }

    pub(crate) fn into_string(self) -> String {
        match self {
            Self::Shared(shared) => shared.into(),
            Self::Inline(_) | Self::Static(_) | Self::Lossy(_) => String::from(self.as_str()),
        }
    }

    /// A copy that keeps no read chunk alive.
    pub(crate) fn detach(&self) -> Self {
        match self {
            Self::Inline(_) | Self::Static(_) => self.clone(),
            Self::Shared(shared) => Self::from_str(shared),
            Self::Lossy(lossy) => Self::lossy(Bytes::copy_from_slice(&lossy.bytes)),
        }
    }
}

/// `None` when the bytes are too many or not UTF-8.
#[inline]
fn inline(bytes: &[u8]) -> Option<InlineText> {
    if bytes.len() > INLINE_BYTES_MAX {
        return None;
    }
    ArrayString::from(core::str::from_utf8(bytes).ok()?).ok()
}

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn hash(text: &Text) -> u64 {
        let mut hasher = siphasher::sip::SipHasher24::new();
        text.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn a_text_takes_forty_bytes() {
        assert_eq!(size_of::<Text>(), 40);
    }

    #[test]
    fn short_text_is_inline_and_long_text_is_a_slice_of_its_chunk() {
        let chunk = Bytes::from(Vec::from([b'x'; 100]));
        assert!(matches!(Text::from_chunk(&chunk, 1..33), Text::Inline(_)));
        let Text::Shared(shared) = Text::from_chunk(&chunk, 1..34) else { panic!("not shared") };
        assert_eq!(shared.as_bytes().as_ptr(), chunk[1..].as_ptr());
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept_beside_a_readable_text() {
        for bytes in [&b"a.\xff"[..], &[0xff; 40]] {
            let chunk = Bytes::copy_from_slice(bytes);
            for text in [Text::from_chunk(&chunk, 0..bytes.len()), Text::from_bytes(chunk.clone())]
            {
                assert_eq!(text.as_bytes(), bytes);
                assert_eq!(text.as_str(), String::from_utf8_lossy(bytes));
                assert!(text.detach() == text);
                assert!(!text.is_utf8());
            }
        }
    }

    #[test]
    fn a_range_outside_of_the_chunk_gives_an_empty_text() {
        let chunk = Bytes::from_static(b"abc");
        for range in [2..4, 4..5, Range { start: 2, end: 1 }, 0..usize::MAX] {
            assert_eq!(Text::from_chunk(&chunk, range).as_bytes(), b"");
        }
    }

    #[test]
    fn a_detached_text_keeps_no_chunk() {
        let chunk = Bytes::from(Vec::from([b'x'; 100]));
        let text = Text::from_chunk(&chunk, 0..50).detach();
        assert!(chunk.is_unique());
        assert_eq!(text.as_str().len(), 50);
    }

    proptest! {
        #[test]
        fn equality_order_and_hash_follow_the_bytes(
            a in proptest::collection::vec(any::<u8>(), 0..48),
            b in proptest::collection::vec(0_u8..3, 0..40),
        ) {
            let long = Text::from_bytes(Bytes::from(a.clone()));
            let same = Text::from_chunk(&Bytes::from(a.clone()), 0..a.len());
            let other = Text::from_bytes(Bytes::from(b.clone()));
            prop_assert_eq!(long.as_bytes(), &a[..]);
            prop_assert!(long == same && hash(&long) == hash(&same));
            prop_assert_eq!(long.cmp(&other), a.cmp(&b));
            if let Ok(text) = core::str::from_utf8(&a) {
                prop_assert!(Text::from_str(text) == long);
                prop_assert!(Text::from_string(String::from(text)) == long);
                prop_assert_eq!(long.into_string(), text);
            }
        }
    }
}
