#![forbid(unsafe_code)]
//! TCP sockets set up for midge, without a runtime.
//!
//! Whoever waits for readiness by itself dials in two steps: [`begin_connect`] returns at once, and
//! when the socket is writable, [`finish_connect`] says what became of it.

use core::net::SocketAddr;
use midge::SocketOptions;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};

/// Opens a non-blocking socket set up as `options` say, and begins to connect it.
///
/// # Errors
///
/// What the operating system says at once: no such network, no such local address.
pub fn begin_connect(address: SocketAddr, options: &SocketOptions) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if let Some(local) = options.local_address {
        socket.bind(&local.into())?;
    }
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(idle) = options.keep_alive {
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle))?;
    }
    match socket.connect(&address.into()) {
        Err(error) if !is_under_way(&error) => Err(error),
        Ok(()) | Err(_) => Ok(socket.into()),
    }
}

/// Whether connecting goes on in the background.
fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::EINPROGRESS) {
        return true;
    }
    error.kind() == ErrorKind::WouldBlock
}

/// Whether a socket of [`begin_connect`] is connected by now; to be asked when it is writable.
///
/// # Errors
///
/// Why it could not be connected.
pub fn finish_connect<'s, S>(socket: &'s S) -> io::Result<bool>
where
    SockRef<'s>: From<&'s S>,
{
    let socket = SockRef::from(socket);
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// The addresses of a host; blocks for as long as the operating system takes to look them up.
///
/// # Errors
///
/// What the look-up says.
pub fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_socket_delays_no_small_write_and_does_not_block() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket = begin_connect(address, &SocketOptions::default()).unwrap();
        assert!(socket.nodelay().unwrap());
        let _accepted = listener.accept().unwrap();
        while !finish_connect(&socket).unwrap() {}
        let error = io::Read::read(&mut &socket, &mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}
