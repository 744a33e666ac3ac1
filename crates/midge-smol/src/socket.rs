//! Sockets on the reactor of `async-io`.

use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use midge::SocketOptions;
use midge::proto::Target;
use midge_socket::{begin_connect, finish_connect};
use smol::Async;
use smol::io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;

/// A TCP stream or a Unix-domain socket.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(Async<TcpStream>),
    /// A Unix-domain socket.
    #[cfg(unix)]
    Unix(Async<UnixStream>),
}

pub(crate) async fn connect(target: Target, options: SocketOptions) -> io::Result<Socket> {
    let address = match target {
        Target::Address(address) => address,
        Target::Name(host, port) => *smol::net::resolve((host, port))
            .await?
            .first()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?,
        #[cfg(unix)]
        Target::Path(path) => return Async::<UnixStream>::connect(path).await.map(Socket::Unix),
        #[cfg(not(unix))]
        Target::Path(_) => return Err(io::ErrorKind::Unsupported.into()),
    };
    let stream = Async::new_nonblocking(begin_connect(address, &options)?)?;
    loop {
        stream.writable().await?;
        if finish_connect(stream.get_ref())? {
            return Ok(Socket::Tcp(stream));
        }
    }
}

/// Calls the same method of whichever stream it is.
macro_rules! poll {
    ($socket:expr, $method:ident $(, $argument:expr)*) => {
        match $socket {
            Socket::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl midge::Stream for Socket {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        poll!(self, poll_read, cx, buf)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll!(self, poll_write_vectored, cx, bufs)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll!(self, poll_close, cx)
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.get_ref().local_addr().ok(),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }
}
