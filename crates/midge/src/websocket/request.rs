//! The HTTP request that begins a WebSocket.

use crate::sync::Arc;
use core::fmt;
use midge_proto::{ServerAddr, WebSocketError};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Request;
use tungstenite::http::{HeaderName, HeaderValue, Uri};

pub(crate) type HeadersFn = Arc<dyn Fn() -> Vec<(String, String)> + Send + Sync>;

/// What options say about the request.
#[derive(Clone, Default)]
pub(crate) struct WebSocketOptions {
    headers: Vec<(String, String)>,
    callback: Option<HeadersFn>,
}

impl WebSocketOptions {
    pub(crate) fn add_header(&mut self, name: String, value: String) {
        self.headers.push((name, value));
    }

    pub(crate) fn set_callback(&mut self, callback: HeadersFn) {
        self.callback = Some(callback);
    }

    /// Headers that HTTP does not allow.
    pub(crate) fn check(&self) -> Result<(), WebSocketError> {
        self.headers.iter().try_for_each(|(name, value)| header(name, value).map(|_| ()))
    }

    /// The request for one attempt.
    pub(crate) fn request(&self, server: &ServerAddr) -> Result<Request, WebSocketError> {
        let (scheme, host, port) = (server.scheme(), server.host(), server.port());
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        let text = format!("{scheme}://{open}{host}{close}:{port}{}", server.path());
        let invalid = |error: &dyn fmt::Display| WebSocketError::InvalidRequest(error.to_string());
        let uri: Uri = text.parse().map_err(|error| invalid(&error))?;
        let mut request = uri.into_client_request().map_err(|error| invalid(&error))?;
        let asked = self.callback.as_ref().map_or_else(Vec::new, |callback| callback());
        for (name, value) in self.headers.iter().chain(&asked) {
            let (name, value) = header(name, value)?;
            request.headers_mut().append(name, value);
        }
        Ok(request)
    }
}

/// Headers that the handshake itself sets, in lower case; one of `Sec-WebSocket-Extensions` would
/// promise what is not there.
const RESERVED: [&str; 7] = [
    "host",
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
];

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), WebSocketError> {
    // The value may be a secret.
    let invalid = |why| WebSocketError::InvalidRequest(format!("header \"{name}\": {why}"));
    let read = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("the name"))?;
    if RESERVED.contains(&read.as_str()) {
        return Err(invalid("the handshake sets it"));
    }
    let mut value = HeaderValue::from_str(value).map_err(|_| invalid("the value"))?;
    value.set_sensitive(true);
    Ok((read, value))
}

impl fmt::Debug for WebSocketOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("WebSocketOptions").field("headers", &names).finish_non_exhaustive()
    }
}
