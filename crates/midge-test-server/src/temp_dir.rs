use std::path::{Path, PathBuf};
use std::{fs, io, process};

/// A folder of its own below the system's temporary folder, removed with all it holds on drop.
#[derive(Debug)]
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new(purpose: &str) -> io::Result<Self> {
        let random = random_u64()?;
        let name = format!("midge-{purpose}-{}-{random:016x}", process::id());
        let path = std::env::temp_dir().join(name);
        // Fails if the folder exists, so nobody else's files are ever used or removed.
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and a leftover folder does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn random_u64() -> io::Result<u64> {
    let mut bytes = [0; 8];
    random_bytes(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

pub(crate) fn random_bytes(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_and_its_content_are_gone_after_drop() {
        let dir = TempDir::new("unit").unwrap();
        let path = dir.path().to_path_buf();
        fs::write(path.join("file"), b"x").unwrap();
        assert!(path.is_dir());
        drop(dir);
        assert!(!path.exists());
    }
}
