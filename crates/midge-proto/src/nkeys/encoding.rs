//! The text form of keys: base32 over bytes that end with a checksum.

use super::NkeyError;
use alloc::string::String;
use base32ct::{Base32UpperUnpadded, Encoding as _};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use zeroize::Zeroizing;

/// Bytes of the checksum at the end.
const CHECKSUM_LEN: usize = 2;

/// The text of a signature as `CONNECT` carries it: base64url without padding.
///
/// ```
/// use midge_proto::nkeys::encode_signature;
///
/// assert_eq!(encode_signature(&[0xfb, 0xff]), "-_8");
/// ```
#[must_use]
pub fn encode_signature(signature: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(signature)
}

/// Sets the last two of `bytes` to the checksum of the others and returns the text of the whole.
pub(super) fn encode<const BYTES: usize>(mut bytes: Zeroizing<[u8; BYTES]>) -> String {
    if let Some((body, checksum)) = bytes.split_last_chunk_mut::<CHECKSUM_LEN>() {
        *checksum = crc16(body).to_le_bytes();
    }
    // One allocation of the final size: no half-grown copy of a secret stays behind.
    Base32UpperUnpadded::encode_string(&bytes[..])
}

/// The bytes of `text`, with the checksum at the end, which was found correct.
pub(super) fn decode<const BYTES: usize>(text: &str) -> Result<Zeroizing<[u8; BYTES]>, NkeyError> {
    let expected = Base32UpperUnpadded::encoded_len(&[0; BYTES]);
    if text.len() != expected {
        return Err(NkeyError::WrongLength { length: text.len(), expected });
    }
    let mut bytes = Zeroizing::new([0; BYTES]);
    let digits = Base32UpperUnpadded::decode(text, &mut bytes[..]);
    let is_whole = digits.is_ok_and(|digits| digits.len() == BYTES);
    // A last digit may say more than fits: there is one text for given bytes.
    if !is_whole || *Zeroizing::new(Base32UpperUnpadded::encode_string(&bytes[..])) != text {
        return Err(NkeyError::InvalidBase32 { position: first_fault(text) });
    }
    match bytes.split_last_chunk::<CHECKSUM_LEN>() {
        Some((body, checksum)) if *checksum == crc16(body).to_le_bytes() => Ok(bytes),
        Some(_) | None => Err(NkeyError::BadChecksum),
    }
}

/// The place of the first byte that is no digit of base32; else of the last one, which says too much.
fn first_fault(text: &str) -> usize {
    let is_digit = |byte: u8| matches!(byte, b'A'..=b'Z' | b'2'..=b'7');
    let fault = text.bytes().position(|byte| !is_digit(byte));
    fault.unwrap_or_else(|| text.len().saturating_sub(1))
}

/// CRC-16/XMODEM: polynomial 0x1021, initial value 0, no reflection, no final xor.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, &byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 { shifted } else { shifted ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_checksum_gives_the_catalogue_value_for_the_check_string() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn decoding_names_the_first_fault() {
        let good = encode(Zeroizing::new([7; 35]));
        assert!(decode::<35>(&good).is_ok());
        assert_eq!(
            decode::<35>(&good[1..]),
            Err(NkeyError::WrongLength { length: 55, expected: 56 })
        );
        let lower = good.to_lowercase();
        assert_eq!(decode::<35>(&lower), Err(NkeyError::InvalidBase32 { position: 0 }));
        let other = if good.ends_with('A') { "B" } else { "A" };
        let foreign = alloc::format!("{}\u{7f}{}", &good[..20], &good[21..]);
        assert_eq!(decode::<35>(&foreign), Err(NkeyError::InvalidBase32 { position: 20 }));
        let damaged = alloc::format!("{}{other}", &good[..55]);
        assert_eq!(decode::<35>(&damaged), Err(NkeyError::BadChecksum));
    }

    #[test]
    fn a_last_digit_that_says_more_than_fits_is_a_fault() {
        let good = encode(Zeroizing::new([0; 36]));
        assert!(decode::<36>(&good).is_ok());
        // The last digit holds three bits of the checksum and two that are zero.
        let same_bytes = good.as_bytes()[57] + 1;
        assert!(same_bytes.is_ascii_uppercase() || same_bytes.is_ascii_digit());
        let same_bytes = char::from(same_bytes);
        let other = alloc::format!("{}{same_bytes}", &good[..57]);
        assert_eq!(decode::<36>(&other), Err(NkeyError::InvalidBase32 { position: 57 }));
    }

    proptest! {
        #[test]
        fn decoding_gives_back_what_was_encoded(body: [u8; 32]) {
            let mut bytes = Zeroizing::new([0; 36]);
            bytes[2..34].copy_from_slice(&body);
            let decoded = decode::<36>(&encode(bytes)).unwrap();
            prop_assert_eq!(&decoded[2..34], &body[..]);
        }

        #[test]
        fn no_text_makes_decoding_panic(text in "\\PC{0,70}|[A-Z2-7]{56}|[A-Z2-7]{58}") {
            let _ = decode::<35>(&text);
            let _ = decode::<36>(&text);
        }
    }
}
