//! A little program outside of the workspace, as a user of a client would have it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use midge_benches::Result;
use midge_benches::process::output;

use crate::tools::Tools;

/// A temporary folder for programs that share what they build; it is gone when this is.
pub(crate) struct Folder(PathBuf);

/// A package called `hello` with one program.
pub(crate) struct Hello {
    folder: PathBuf,
    target: PathBuf,
}

/// How the program is optimized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As by `--release`, stripped.
    Release,
    /// The same with link-time optimization of all crates.
    Lto,
}

impl Folder {
    /// A folder of which nobody else has one of this name.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let name = format!("midge-benches-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind in a temporary folder does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Hello {
    /// Writes the package into a folder of its own called `name`; `dependencies` are lines of its manifest.
    pub(crate) fn write(
        tools: &Tools,
        folder: &Folder,
        name: &str,
        program: &str,
        dependencies: &[&str],
    ) -> Result<Self> {
        let (folder, target) = (folder.0.join(name), folder.0.join("target"));
        std::fs::create_dir_all(folder.join("src"))?;
        std::fs::write(folder.join("src").join("main.rs"), program)?;
        std::fs::write(folder.join("Cargo.toml"), manifest(&dependencies.join("\n")))?;
        // The same versions of what all use; cargo drops what the program does not need.
        let lock = tools.workspace().join("Cargo.lock");
        if lock.exists() {
            std::fs::copy(lock, folder.join("Cargo.lock"))?;
        }
        Ok(Self { folder, target })
    }

    /// The manifest's line for one of our own adapters: `nats`, with TLS by ring and with nkeys.
    pub(crate) fn adapter(tools: &Tools, package: &str) -> String {
        let path = tools.workspace().join("crates").join(package);
        let features = r#"default-features = false, features = ["ring", "nkeys"]"#;
        format!(r#"nats = {{ package = "{package}", path = {path:?}, {features} }}"#)
    }

    /// Crates in its tree, over edges of these kinds.
    pub(crate) fn crates(&self, edges: &str) -> Result<usize> {
        let tree = output(self.cargo().args(["tree", "--edges", edges, "--prefix", "none"]))?;
        let crates: BTreeSet<&str> = tree
            .lines()
            .map(|line| line.trim_end_matches(" (*)"))
            .filter(|line| !line.is_empty() && !line.starts_with("hello "))
            .collect();
        Ok(crates.len())
    }

    /// Builds the program and returns its size in bytes.
    pub(crate) fn build(&self, profile: Profile) -> Result<u64> {
        let profile = match profile {
            Profile::Release => "release",
            Profile::Lto => "lto",
        };
        output(self.cargo().args(["build", "--quiet", "--profile", profile]))?;
        Ok(std::fs::metadata(self.target.join(profile).join("hello"))?.len())
    }

    /// A cargo that works in the package, whatever the environment says about targets and wrappers.
    fn cargo(&self) -> Command {
        let mut cargo = Tools::cargo();
        cargo.current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
        for name in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS"] {
            cargo.env_remove(name);
        }
        cargo
    }
}

fn manifest(dependencies: &str) -> String {
    format!(
        r#"[package]
name = "hello"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
{dependencies}

[profile.release]
strip = true

[profile.lto]
inherits = "release"
lto = true
"#
    )
}

/// Lines of code in a folder's Rust files: neither blank nor only a comment.
pub(crate) fn lines_of_code(folder: &Path) -> Result<usize> {
    let mut lines = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            lines += lines_of_code(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            lines += count_code(&std::fs::read_to_string(path)?);
        }
    }
    Ok(lines)
}

fn count_code(text: &str) -> usize {
    let code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    text.lines().map(str::trim).filter(code).count()
}

#[cfg(test)]
mod tests {
    use super::count_code;

    #[test]
    fn blanks_and_comments_are_no_code() {
        let text = "//! Docs.\n\n/// More.\nfn main() {\n    // Why.\n    run(); // too\n}\n";
        assert_eq!(count_code(text), 3);
    }
}
