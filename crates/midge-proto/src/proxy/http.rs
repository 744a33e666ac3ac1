//! HTTP `CONNECT`.

use super::{Progress, Proxy, ProxyError};
use crate::snippet::Snippet;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding};

/// Longest head of an answer in bytes: more than any proxy sends, and little to keep.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// The status that asks for credentials (RFC 9110 section 15.5.8).
const AUTHENTICATION_REQUIRED: u16 = 407;

#[derive(Debug)]
pub(super) struct Http {
    credentials: Credentials,
    /// Bytes of the answer in which its end was looked for.
    seen: usize,
}

#[derive(Debug, Clone, Copy)]
enum Credentials {
    None,
    Sent,
}

impl Http {
    pub(super) fn new(proxy: &Proxy, host: &str, port: u16, out: &mut Vec<u8>) -> Self {
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        let authority = format!("{open}{host}{close}:{port}");
        let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        out.extend_from_slice(request.as_bytes());
        let credentials = match proxy.credentials() {
            None => Credentials::None,
            Some((user, password)) => {
                let text = Base64::encode_string(format!("{user}:{password}").as_bytes());
                let header = format!("Proxy-Authorization: Basic {text}\r\n");
                out.extend_from_slice(header.as_bytes());
                Credentials::Sent
            }
        };
        out.extend_from_slice(b"\r\n");
        Self { credentials, seen: 0 }
    }

    pub(super) fn advance(&mut self, input: &mut Vec<u8>) -> Result<Progress, ProxyError> {
        let start = b"HTTP/1.";
        let shown = input.len().min(start.len());
        if input[..shown] != start[..shown] {
            return Err(ProxyError::NotAProxy(Snippet::new(input)));
        }
        let Some(end) = head_end(input, self.seen) else {
            self.seen = input.len();
            if input.len() > HEAD_BYTES_MAX {
                return Err(ProxyError::AnswerTooLong { limit: HEAD_BYTES_MAX });
            }
            return Ok(Progress::Running);
        };
        let (code, reason) = status(&input[..end])
            .ok_or_else(|| ProxyError::NotAProxy(Snippet::new(&input[..end])))?;
        match (code, self.credentials) {
            (200..=299, _) => {}
            (AUTHENTICATION_REQUIRED, Credentials::None) => {
                return Err(ProxyError::CredentialsRequired);
            }
            (AUTHENTICATION_REQUIRED, Credentials::Sent) => {
                return Err(ProxyError::CredentialsRefused);
            }
            (_, _) => {
                let reason = Snippet::new(reason).as_str().to_string();
                return Err(ProxyError::Status { code, reason });
            }
        }
        input.drain(..end);
        Ok(Progress::Tunneled)
    }
}

/// Where the empty line behind the headers ends; `seen` bytes were looked at before.
fn head_end(input: &[u8], seen: usize) -> Option<usize> {
    // The end may have begun in what was seen: up to two line ends.
    let from = seen.saturating_sub(3);
    let line_ends = input.iter().enumerate().skip(from).filter(|&(_, &byte)| byte == b'\n');
    line_ends.map(|(at, _)| at + 1).find_map(|at| match input.get(at..)? {
        [b'\n', ..] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    })
}

/// Code and words of the status line.
fn status(head: &[u8]) -> Option<(u16, &[u8])> {
    let line = head.split(|&byte| byte == b'\n').next()?.trim_ascii_end();
    let (_, rest) = line.split_at_checked(line.iter().position(|&byte| byte == b' ')?)?;
    let rest = rest.trim_ascii_start();
    let (code, reason) = rest.split_at_checked(3)?;
    if !code.iter().all(u8::is_ascii_digit) || reason.first().is_some_and(|&byte| byte != b' ') {
        return None;
    }
    let code = core::str::from_utf8(code).ok()?.parse().ok()?;
    Some((code, reason.trim_ascii()))
}
