//! What a connection is told, as a recording holds it.
//!
//! The form of the text is in [`playback`](super::playback).

use super::{Config, Connection, DialId, Peer, Secrets, WebSocketError, Writing};
use crate::connect_info::Auth;
use crate::decoder::{DecodeError, Frame};
use crate::outbox::{Chunk, Fence};
use crate::proxy::ProxyError;
use crate::server_addr::ServerAddr;
use crate::subscriptions::Change;
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

/// What a recording holds of one call.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "recording"), allow(dead_code))]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "recording", serde(rename_all = "snake_case"))]
pub(super) enum Input {
    Begin { config: Box<Config>, seed: [u8; 32] },
    Resolved(Result<Vec<String>, String>),
    Dialed { dial: DialId, secured: Option<String> },
    DialFailed { dial: DialId, text: String },
    Tunneled,
    ProxyFailed(ProxyError),
    Upgraded,
    WebSocketFailed(WebSocketError),
    Plaintext(Vec<u8>),
    Secured(Peer),
    TlsFailed(String),
    Authenticated(Result<RecordedAuth, String>),
    ServerChosen(Option<(ServerAddr, Option<Duration>)>),
    DelayChosen(Duration),
    Read,
    Frame(RecordedFrame),
    ReadDone,
    DecodeError(DecodeError),
    Disconnected(Option<String>),
    ChunkBegun { len: usize, publishes: u32, fences: Vec<(u64, u32)> },
    ChunkWritten,
    TakeUnfenced,
    Writing(Writing),
    ReadingPaused(bool),
    TakeControl,
    Replay,
    Subscriptions(Vec<Change>),
    SetServers(Vec<ServerAddr>),
    SetPingInterval(Duration),
    SetMaxPingsOut(u32),
    SetSecrets(Secrets),
    SetMaxPayload(usize),
    ForceReconnect,
    Close,
    Dropped,
    Timeout,
}

#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "recording"), allow(dead_code))]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "recording", serde(rename_all = "snake_case"))]
pub(super) enum RecordedFrame {
    Info(String),
    Error(Vec<u8>),
    Ping,
    Pong,
    Ok,
    Message(u64),
}

/// What authentication provided, without its letters.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "recording"), allow(dead_code))]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct RecordedAuth {
    jwt: Option<usize>,
    nkey: Option<String>,
    signature: Option<usize>,
    username: Option<usize>,
    password: Option<usize>,
    token: Option<usize>,
}

impl RecordedAuth {
    fn of(auth: &Auth) -> Self {
        let len = |text: &Option<String>| text.as_ref().map(String::len);
        Self {
            jwt: len(&auth.jwt),
            nkey: auth.nkey.clone(),
            signature: auth.signature.as_ref().map(Vec::len),
            username: len(&auth.username),
            password: len(&auth.password),
            token: len(&auth.token),
        }
    }

    #[cfg(feature = "recording")]
    pub(super) fn masked(&self) -> Auth {
        let text = |len: Option<usize>| len.map(|len| "x".repeat(len));
        Auth {
            jwt: text(self.jwt),
            nkey: self.nkey.clone(),
            signature: self.signature.map(|len| alloc::vec![0; len]),
            username: text(self.username),
            password: text(self.password),
            token: text(self.token),
        }
    }
}

impl Input {
    pub(super) fn resolved(result: &Result<Vec<SocketAddr>, String>) -> Self {
        let texts =
            |addresses: &Vec<SocketAddr>| addresses.iter().map(ToString::to_string).collect();
        Self::Resolved(result.as_ref().map(texts).map_err(Clone::clone))
    }

    pub(super) fn authenticated(result: &Result<Auth, String>) -> Self {
        Self::Authenticated(result.as_ref().map(RecordedAuth::of).map_err(Clone::clone))
    }

    pub(super) fn frame(frame: &Frame, buf: &[u8]) -> Self {
        let bytes = |range: &core::ops::Range<usize>| buf.get(range.clone()).unwrap_or_default();
        Self::Frame(match frame {
            Frame::Info(range) => {
                RecordedFrame::Info(String::from_utf8_lossy(bytes(range)).into_owned())
            }
            Frame::Error(range) => RecordedFrame::Error(bytes(range).to_vec()),
            Frame::Ping => RecordedFrame::Ping,
            Frame::Pong => RecordedFrame::Pong,
            Frame::Ok => RecordedFrame::Ok,
            Frame::Message { sid, .. } => RecordedFrame::Message(sid.get()),
        })
    }

    pub(super) fn chunk_begun(chunk: &Chunk) -> Self {
        let fence = |fence: &Fence| (fence.id.0, fence.publishes_before);
        let fences = chunk.fences().iter().map(fence).collect();
        Self::ChunkBegun { len: chunk.len(), publishes: chunk.publishes(), fences }
    }
}

impl Connection {
    /// Writes an input down where a recording was asked for.
    #[cfg(feature = "recording")]
    #[inline]
    pub(super) fn record(&mut self, now: Instant, input: impl FnOnce() -> Input) {
        if let Some(log) = &mut self.log {
            let changes = self.subscriptions.take_changes();
            if !changes.is_empty() {
                log.push(now, Input::Subscriptions(changes));
            }
            log.push(now, input());
        }
    }

    /// Nothing is recorded without the feature.
    #[cfg(not(feature = "recording"))]
    #[inline]
    pub(super) fn record(&mut self, _: Instant, _: impl FnOnce() -> Input) {}
}
