//! Base64 and base32 (RFC 4648) of signatures, tokens, keys and stored messages.
//!
//! Both are read strictly: no other letters, no blanks, and no bits that the bytes do not need. So
//! there is one text for given bytes, and what was signed cannot be rewritten. They are written here,
//! because a general codec for all bases is 70 KiB of a small program.

use alloc::string::String;
#[cfg(any(feature = "nkeys", feature = "jetstream"))]
use alloc::vec::Vec;

/// The alphabets of base64, which differ in their last two digits.
#[derive(Clone, Copy)]
pub(crate) enum Base64 {
    /// `+` and `/`, padded with `=`.
    Padded,
    /// `-` and `_`, not padded.
    Url,
}

const PADDED: [u8; 64] = digits(*b"+/");
const URL: [u8; 64] = digits(*b"-_");
#[cfg(any(feature = "nkeys", feature = "jetstream"))]
const PADDED_VALUES: [u8; 256] = values(PADDED);
#[cfg(any(feature = "nkeys", feature = "jetstream"))]
const URL_VALUES: [u8; 256] = values(URL);

/// What a byte that is no digit is worth.
#[cfg(any(feature = "nkeys", feature = "jetstream"))]
const NO_DIGIT: u8 = 0xff;

impl Base64 {
    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        let digits = match self {
            Self::Padded => &PADDED,
            Self::Url => &URL,
        };
        let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
        for group in bytes.chunks(3) {
            let mut bits = 0;
            for at in 0..3 {
                bits = bits << 8 | u32::from(group.get(at).copied().unwrap_or(0));
            }
            for at in 0..4 {
                if at <= group.len() {
                    let value = bits >> (18 - 6 * at) & 0x3f;
                    text.push(char::from(digits[value as usize]));
                } else if let Self::Padded = self {
                    text.push('=');
                }
            }
        }
        text
    }

    /// The bytes of a text; `None` if it is none of this form.
    #[cfg(any(feature = "nkeys", feature = "jetstream"))]
    pub(crate) fn decode(self, text: &[u8]) -> Option<Vec<u8>> {
        let (values, text) = match self {
            Self::Padded => (&PADDED_VALUES, without_padding(text)?),
            Self::Url => (&URL_VALUES, text),
        };
        let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
        let groups = text.chunks_exact(4);
        let rest = groups.remainder();
        for group in groups {
            let [a, b, c, d] = [0, 1, 2, 3].map(|at| values[usize::from(group[at])]);
            // The two upper bits are those of `NO_DIGIT` alone.
            if (a | b | c | d) > 0x3f {
                return None;
            }
            bytes.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
        }
        let value = |at: usize| Some(values[usize::from(rest[at])]).filter(|&it| it != NO_DIGIT);
        match rest.len() {
            0 => {}
            2 => {
                let (a, b) = (value(0)?, value(1)?);
                if b & 0xf != 0 {
                    return None;
                }
                bytes.push(a << 2 | b >> 4);
            }
            3 => {
                let (a, b, c) = (value(0)?, value(1)?, value(2)?);
                if c & 3 != 0 {
                    return None;
                }
                bytes.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2]);
            }
            _ => return None,
        }
        Some(bytes)
    }
}

/// The digits of a text whose length is a multiple of four.
#[cfg(any(feature = "nkeys", feature = "jetstream"))]
fn without_padding(text: &[u8]) -> Option<&[u8]> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let one = text.strip_suffix(b"=").unwrap_or(text);
    Some(one.strip_suffix(b"=").unwrap_or(one))
}

/// Digits that `bytes` bytes have in base32 without padding.
#[cfg(feature = "nkeys")]
pub(crate) const fn base32_len(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5)
}

/// Appends the base32 of `bytes`, without padding.
///
/// Keys go through here: neither memory accesses nor branches depend on a digit.
#[cfg(feature = "nkeys")]
pub(crate) fn append_base32(bytes: &[u8], text: &mut String) {
    let (mut bits, mut count) = (0_u32, 0);
    let mut push = |value: u32| {
        let value = (value & 0x1f) as u8;
        // From `Z` to `2` it is 41 down.
        let digit = value + b'A' - u8::from(value > 25) * (b'Z' + 1 - b'2');
        text.push(char::from(digit));
    };
    for &byte in bytes {
        bits = bits << 8 | u32::from(byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            push(bits >> count);
        }
    }
    if count > 0 {
        push(bits << (5 - count));
    }
}

/// Fills `bytes` from the base32 in `text`, which has [`base32_len`] digits.
///
/// # Errors
///
/// The place of the first byte that is no digit, or of the last digit if it says more than fits.
#[cfg(feature = "nkeys")]
pub(crate) fn decode_base32(text: &[u8], bytes: &mut [u8]) -> Result<(), usize> {
    let (mut bits, mut count) = (0_u32, 0);
    let mut bytes = bytes.iter_mut();
    for (position, &digit) in text.iter().enumerate() {
        let letter = digit.wrapping_sub(b'A');
        let number = digit.wrapping_sub(b'2');
        let (is_letter, is_number) = (letter < 26, number < 6);
        if !(is_letter | is_number) {
            return Err(position);
        }
        let value = u8::from(is_letter).wrapping_neg() & letter
            | u8::from(is_number).wrapping_neg() & number.wrapping_add(26);
        bits = bits << 5 | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            match bytes.next() {
                Some(byte) => *byte = (bits >> count) as u8,
                None => return Err(position),
            }
        }
    }
    if bits & ((1 << count) - 1) == 0 { Ok(()) } else { Err(text.len().saturating_sub(1)) }
}

const fn digits(last: [u8; 2]) -> [u8; 64] {
    let mut digits = [0; 64];
    let mut value = 0;
    while value < 64 {
        digits[value as usize] = match value {
            0..26 => b'A' + value,
            26..52 => b'a' + value - 26,
            52..62 => b'0' + value - 52,
            _ => last[value as usize - 62],
        };
        value += 1;
    }
    digits
}

#[cfg(any(feature = "nkeys", feature = "jetstream"))]
const fn values(digits: [u8; 64]) -> [u8; 256] {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 64 {
        values[digits[value as usize] as usize] = value;
        value += 1;
    }
    values
}

#[cfg(all(test, feature = "nkeys", feature = "jetstream"))]
mod tests {
    use super::*;
    use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD};
    use proptest::prelude::*;

    /// Texts near to those of the three forms.
    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let near = proptest::collection::vec(
            proptest::sample::select(&b"ABCZabz019+/-_2 =\n\x80"[..]),
            0..10,
        );
        prop_oneof![near, "[A-Z2-7]{0,20}".prop_map(String::into_bytes)]
    }

    #[test]
    fn the_vectors_of_the_rfc_are_written_and_read() {
        let table = [
            ("", "", ""),
            ("f", "Zg==", "MY"),
            ("fo", "Zm8=", "MZXQ"),
            ("foo", "Zm9v", "MZXW6"),
            ("foob", "Zm9vYg==", "MZXW6YQ"),
            ("fooba", "Zm9vYmE=", "MZXW6YTB"),
            ("foobar", "Zm9vYmFy", "MZXW6YTBOI"),
        ];
        for (bytes, base64, base32) in table {
            let bytes = bytes.as_bytes();
            assert_eq!(Base64::Padded.encode(bytes), base64);
            assert_eq!(Base64::Url.encode(bytes), base64.trim_end_matches('='));
            assert_eq!(Base64::Padded.decode(base64.as_bytes()).as_deref(), Some(bytes));
            let mut text = String::new();
            append_base32(bytes, &mut text);
            assert_eq!(text, base32);
            assert_eq!(text.len(), base32_len(bytes.len()));
        }
        assert_eq!(Base64::Url.encode(&[0xfb, 0xff]), "-_8");
        assert_eq!(Base64::Padded.encode(&[0xfb, 0xff]), "+/8=");
    }

    proptest! {
        #[test]
        fn bytes_have_the_text_that_another_implementation_gives_them(bytes: Vec<u8>) {
            prop_assert_eq!(Base64::Padded.encode(&bytes), BASE64.encode(&bytes));
            prop_assert_eq!(Base64::Url.encode(&bytes), BASE64URL_NOPAD.encode(&bytes));
            let mut text = String::new();
            append_base32(&bytes, &mut text);
            prop_assert_eq!(text, BASE32_NOPAD.encode(&bytes));
        }

        #[test]
        fn texts_are_taken_and_refused_as_by_another_implementation(text in texts()) {
            prop_assert_eq!(Base64::Padded.decode(&text), BASE64.decode(&text).ok());
            prop_assert_eq!(Base64::Url.decode(&text), BASE64URL_NOPAD.decode(&text).ok());
            if let Ok(len) = BASE32_NOPAD.decode_len(text.len()) {
                let mut bytes = alloc::vec![0; len];
                let mut expected = bytes.clone();
                let read = decode_base32(&text, &mut bytes);
                match BASE32_NOPAD.decode_mut(&text, &mut expected) {
                    Ok(_) => prop_assert_eq!((read, bytes), (Ok(()), expected)),
                    Err(partial) => prop_assert_eq!(read, Err(partial.error.position)),
                }
            }
        }

        #[test]
        fn what_was_written_is_read_again(bytes: Vec<u8>) {
            for base in [Base64::Padded, Base64::Url] {
                prop_assert_eq!(base.decode(base.encode(&bytes).as_bytes()), Some(bytes.clone()));
            }
        }
    }
}
