//! What the micro benches of decoder and encoder measure, and what criterion calls it.

/// Payloads in bytes at which whole frames are decoded and encoded.
pub const SIZES: [usize; 4] = [16, 128, 1024, 64 * 1024];

/// The least size of a block of frames in bytes: what a client has read and not yet handed on.
pub const BLOCK_BYTES: usize = 256 * 1024;

/// The shorter of the two lengths in bytes at which the decoder gets one byte at a time.
pub const SHORT: usize = 8 * 1024;

/// The longer one: cost that grows with the square of the length is 8 times as much a byte here.
pub const LONG: usize = 8 * SHORT;

/// A group of benches: one for each size or length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Frames that are there as a whole.
    Decode,
    /// Frames appended to a buffer.
    Encode,
    /// A message that comes one byte at a time.
    BytewiseMessage,
    /// A control line that comes one byte at a time; INFO is the one that may be long.
    BytewiseInfo,
}

impl Group {
    /// Its name, of which criterion makes a folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Encode => "encode",
            Self::BytewiseMessage => "bytewise-message",
            Self::BytewiseInfo => "bytewise-info",
        }
    }
    /// What a table calls it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Decode => "decode MSG",
            Self::Encode => "encode PUB",
            Self::BytewiseMessage => "decode MSG, one byte at a time",
            Self::BytewiseInfo => "decode INFO, one byte at a time",
        }
    }

    /// Whether one frame comes one byte at a time, and what counts is the time of a byte.
    #[must_use]
    pub fn is_bytewise(self) -> bool {
        match self {
            Self::Decode | Self::Encode => false,
            Self::BytewiseMessage | Self::BytewiseInfo => true,
        }
    }
}
