//! What a key stands for.

use core::fmt;

/// What a key stands for: the first letter of its public text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// An account, `A`.
    Account,
    /// A cluster, `C`.
    Cluster,
    /// A module, `M`.
    Module,
    /// A server, `N`.
    Server,
    /// An operator, `O`.
    Operator,
    /// A user, `U`.
    User,
    /// A service, `V`.
    Service,
    /// A curve key for sealed boxes, `X`. It cannot sign.
    Curve,
}

impl KeyKind {
    const ALL: [Self; 8] = [
        Self::Account,
        Self::Cluster,
        Self::Module,
        Self::Server,
        Self::Operator,
        Self::User,
        Self::Service,
        Self::Curve,
    ];

    /// The byte in front of a public key of this kind.
    ///
    /// It is the index of [`letter`](Self::letter) in the alphabet of base32, times eight, so that
    /// the text of the key begins with that letter.
    #[must_use]
    pub const fn prefix_byte(self) -> u8 {
        (self.letter() as u8 - b'A') << 3
    }

    /// The first letter of a public key of this kind.
    ///
    /// ```
    /// use midge_proto::nkeys::KeyKind;
    ///
    /// assert_eq!(KeyKind::User.letter(), 'U');
    /// ```
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Account => 'A',
            Self::Cluster => 'C',
            Self::Module => 'M',
            Self::Server => 'N',
            Self::Operator => 'O',
            Self::User => 'U',
            Self::Service => 'V',
            Self::Curve => 'X',
        }
    }

    pub(super) fn from_prefix_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.prefix_byte() == byte)
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "account",
            Self::Cluster => "cluster",
            Self::Module => "module",
            Self::Server => "server",
            Self::Operator => "operator",
            Self::User => "user",
            Self::Service => "service",
            Self::Curve => "curve",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_bytes_are_those_of_the_format_and_lead_back_to_the_kind() {
        let expected = [0x00, 0x10, 0x60, 0x68, 0x70, 0xA0, 0xA8, 0xB8];
        assert_eq!(KeyKind::ALL.map(KeyKind::prefix_byte), expected);
        for kind in KeyKind::ALL {
            assert_eq!(KeyKind::from_prefix_byte(kind.prefix_byte()), Some(kind));
        }
        for other in [0x08, 0x78, 0x90, 0xC8, 0xFF] {
            assert_eq!(KeyKind::from_prefix_byte(other), None);
        }
    }
}
