//! The text form of keys: base32 over bytes that end with a checksum.

use super::NkeyError;
use crate::base::{Base64, append_base32, base32_len, decode_base32};
use alloc::string::String;
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
    Base64::Url.encode(signature)
}

/// Sets the last two of `bytes` to the checksum of the others and returns the text of the whole.
pub(super) fn encode<const BYTES: usize>(mut bytes: Zeroizing<[u8; BYTES]>) -> String {
    if let Some((body, checksum)) = bytes.split_last_chunk_mut::<CHECKSUM_LEN>() {
        *checksum = crc16(body).to_le_bytes();
    }
    // One allocation of the final size: no half-grown copy of a secret stays behind.
    let mut text = String::with_capacity(base32_len(BYTES));
    append_base32(&bytes[..], &mut text);
    text
}

/// The bytes of `text`, with the checksum at the end, which was found correct.
pub(super) fn decode<const BYTES: usize>(text: &str) -> Result<Zeroizing<[u8; BYTES]>, NkeyError> {
    let expected = base32_len(BYTES);
    if text.len() != expected {
        return Err(NkeyError::WrongLength { length: text.len(), expected });
    }
    let mut bytes = Zeroizing::new([0; BYTES]);
    decode_base32(text.as_bytes(), &mut bytes[..])
        .map_err(|position| NkeyError::InvalidBase32 { position })?;
    match bytes.split_last_chunk::<CHECKSUM_LEN>() {
        Some((body, checksum)) if *checksum == crc16(body).to_le_bytes() => Ok(bytes),
        Some(_) | None => Err(NkeyError::BadChecksum),
    }
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
        let damaged = alloc::format!("{}{other}", &good[..55]);
        assert_eq!(decode::<35>(&damaged), Err(NkeyError::BadChecksum));
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
