//! One WebSocket between buffers: frames below, the bytes of NATS above.

use crate::layer::{Layer, LayerError, Opened, Outgoing, Received};
use midge_proto::WebSocketError;
use std::io::{self, Read, Write};
use tungstenite::error::ProtocolError;
use tungstenite::handshake::client::{ClientHandshake, Request};
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Bytes, Error, Message, WebSocket};

/// Largest message and frame in bytes: no server sends more at once, as its `max_pending` is 64 MiB
/// by default.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Room in bytes that a WebSocket keeps for reading; larger frames make more.
const READ_BYTES: usize = 16 << 10;

/// The code where a close frame has none (RFC 6455 section 7.4.1).
const NO_CODE: u16 = 1005;

/// A client's WebSocket.
pub(crate) struct WebSocketLayer {
    state: State,
    outgoing: Outgoing,
}

enum State {
    Opening(Box<MidHandshake<ClientHandshake<Pipe>>>),
    Open(Box<WebSocket<Pipe>>),
    Broken,
}

impl WebSocketLayer {
    pub(crate) fn new(request: Request) -> Result<Self, WebSocketError> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let handshake = ClientHandshake::start(Pipe::default(), request, Some(config))
            .map_err(|error| WebSocketError::InvalidRequest(error.to_string()))?;
        let mut layer =
            Self { state: State::Opening(Box::new(handshake)), outgoing: Outgoing::default() };
        layer.shake_hands()?;
        Ok(layer)
    }

    /// Gets the handshake on as far as it goes.
    fn shake_hands(&mut self) -> Result<(), WebSocketError> {
        self.state = match core::mem::replace(&mut self.state, State::Broken) {
            State::Opening(handshake) => match handshake.handshake() {
                Ok((websocket, _)) => State::Open(Box::new(websocket)),
                Err(HandshakeError::Interrupted(handshake)) => State::Opening(Box::new(handshake)),
                Err(HandshakeError::Failure(error)) => return Err(refusal(error)),
            },
            state @ (State::Open(_) | State::Broken) => state,
        };
        self.collect();
        Ok(())
    }

    /// Hands up what was read, control frames apart: pings are answered by themselves.
    fn read(&mut self, up: &mut dyn FnMut(&[u8])) -> Result<(), WebSocketError> {
        let State::Open(websocket) = &mut self.state else { return Ok(()) };
        loop {
            match websocket.read() {
                Ok(Message::Binary(bytes)) => up(&bytes),
                Ok(Message::Text(text)) => up(text.as_bytes()),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Close(frame)) => {
                    // The answer to it goes out with the farewell.
                    let _ = websocket.flush();
                    let (code, reason) = frame.map_or_else(
                        || (NO_CODE, String::new()),
                        |frame| (frame.code.into(), frame.reason.as_str().to_owned()),
                    );
                    return Err(WebSocketError::Closed { code, reason });
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(WebSocketError::Protocol(error.to_string())),
            }
        }
    }

    /// Moves what the WebSocket made to where it is taken from.
    fn collect(&mut self) {
        let pipe = match &mut self.state {
            State::Opening(handshake) => handshake.get_mut().get_mut(),
            State::Open(websocket) => websocket.get_mut(),
            State::Broken => return,
        };
        self.outgoing.bytes_mut().append(&mut pipe.outgoing);
    }
}

impl Layer for WebSocketLayer {
    fn receive(&mut self, bytes: &[u8], up: &mut dyn FnMut(&[u8])) -> Result<Received, LayerError> {
        let was_open = self.is_open();
        match &mut self.state {
            State::Opening(handshake) => handshake.get_mut().get_mut().receive(bytes),
            State::Open(websocket) => websocket.get_mut().receive(bytes),
            State::Broken => return Ok(Received::Data),
        }
        self.shake_hands().map_err(LayerError::WebSocket)?;
        let read = self.read(up);
        self.collect();
        read.map_err(LayerError::WebSocket)?;
        Ok(if self.is_open() && !was_open {
            Received::Open(Opened::WebSocket)
        } else {
            Received::Data
        })
    }

    fn send(&mut self, piece: &[u8]) -> Result<(), LayerError> {
        if let State::Open(websocket) = &mut self.state {
            websocket.send(Message::Binary(Bytes::copy_from_slice(piece))).map_err(|error| {
                LayerError::WebSocket(WebSocketError::Protocol(error.to_string()))
            })?;
        }
        self.collect();
        Ok(())
    }

    fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    fn outgoing_mut(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    fn close(&mut self) {
        if let State::Open(websocket) = &mut self.state {
            let frame = tungstenite::protocol::CloseFrame {
                code: CloseCode::Normal,
                reason: Default::default(),
            };
            // It is only refused where a close frame went out already.
            let _ = websocket.close(Some(frame));
        }
        self.collect();
    }
}

/// Why there is no WebSocket.
fn refusal(error: Error) -> WebSocketError {
    match error {
        Error::Http(response) => WebSocketError::Status { code: response.status().as_u16() },
        Error::Protocol(ProtocolError::SecWebSocketAcceptKeyMismatch) => {
            WebSocketError::NotAccepted("the header Sec-WebSocket-Accept is wrong".to_owned())
        }
        Error::Protocol(ProtocolError::WrongHttpVersion) => WebSocketError::NotAccepted(
            "it answered in HTTP 1.0; a port that wants TLS does so: use a `wss://` address"
                .to_owned(),
        ),
        error => WebSocketError::NotAccepted(error.to_string()),
    }
}

/// What stands for a socket: bytes that came, and bytes to go.
#[derive(Default)]
struct Pipe {
    incoming: Vec<u8>,
    read: usize,
    outgoing: Vec<u8>,
}

impl Pipe {
    fn receive(&mut self, bytes: &[u8]) {
        self.incoming.extend_from_slice(bytes);
    }
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let rest = &self.incoming[self.read..];
        if rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        if self.read == self.incoming.len() {
            self.incoming.clear();
            self.read = 0;
        }
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
