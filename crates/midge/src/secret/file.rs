//! Secrets in files.

use super::Secret;
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;
use zeroize::Zeroizing;

/// Longest file of a secret in bytes: many times that of a JWT that servers still take.
const FILE_BYTES_MAX: usize = 64 << 10;

impl Secret {
    /// Reads a whole file, whose name is in the error.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let named = |error: Error| Error::new(error.kind(), format!("{}: {error}", path.display()));
        read_text(File::open(path).map_err(named)?).map_err(named)
    }
}

fn read_text(mut file: impl Read) -> Result<Secret> {
    // Large enough from the start: a buffer that grows leaves its old places unwiped.
    let mut bytes = Zeroizing::new(vec![0; FILE_BYTES_MAX + 1]);
    let mut len = 0;
    loop {
        match file.read(&mut bytes[len..]) {
            Ok(0) => break,
            Ok(count) => len += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if len > FILE_BYTES_MAX {
        let text = format!("longer than the {FILE_BYTES_MAX} bytes that a secret may have");
        return Err(Error::new(ErrorKind::InvalidData, text));
    }
    let text = core::str::from_utf8(&bytes[..len])
        .map_err(|_| Error::new(ErrorKind::InvalidData, "not a text in UTF-8"))?;
    Ok(Secret::from(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_whole() {
        let secret = read_text(&b"sesame"[..]).unwrap();
        assert_eq!(&*secret, "sesame");
        let longest = vec![b'x'; FILE_BYTES_MAX];
        assert_eq!(read_text(&longest[..]).unwrap().len(), FILE_BYTES_MAX);
    }

    #[test]
    fn what_is_too_long_or_no_text_is_an_error_without_any_of_it() {
        let endless = std::io::repeat(b'x');
        let error = read_text(endless).unwrap_err();
        assert!(error.to_string().starts_with("longer than"), "{error}");
        let error = read_text(&b"sesame\xff"[..]).unwrap_err();
        assert!(!error.to_string().contains("sesame"), "{error}");
        let error = Secret::read(Path::new("/no/such/file")).unwrap_err();
        assert!(error.to_string().starts_with("/no/such/file: "), "{error}");
    }
}
