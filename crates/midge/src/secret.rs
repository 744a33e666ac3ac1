//! Texts that must not be left behind in memory.

#[cfg(feature = "nkeys")]
mod file;

use core::fmt;
use core::ops::Deref;
use zeroize::Zeroizing;

/// A secret text: wiped when it is dropped, and never shown.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_wiped_when_it_is_dropped_and_never_shown() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let secret = Secret::from(String::from("sesame"));
        is_wiped(&secret.0);
        assert_eq!((&*secret, format!("{secret:?}").as_str()), ("sesame", "[redacted]"));
    }
}
