//! Sockets of tokio.

use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use midge::SocketOptions;
use midge::proto::Target;
use std::io::{self, IoSlice};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpSocket, TcpStream};

/// A TCP stream or a Unix-domain socket.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix-domain socket.
    #[cfg(unix)]
    Unix(UnixStream),
}

pub(crate) async fn connect(target: Target, options: SocketOptions) -> io::Result<Socket> {
    let address = match target {
        Target::Address(address) => address,
        Target::Name(host, port) => tokio::net::lookup_host((host, port))
            .await?
            .next()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?,
        #[cfg(unix)]
        Target::Path(path) => return UnixStream::connect(path).await.map(Socket::Unix),
        #[cfg(not(unix))]
        Target::Path(_) => return Err(io::ErrorKind::Unsupported.into()),
    };
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(local) = options.local_address {
        socket.bind(local)?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    if let Some(idle) = options.keep_alive {
        let keep_alive = socket2::TcpKeepalive::new().with_time(idle);
        socket2::SockRef::from(&stream).set_tcp_keepalive(&keep_alive)?;
    }
    Ok(Socket::Tcp(stream))
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
        let mut buf = ReadBuf::new(buf);
        poll!(self, poll_read, cx, &mut buf).map_ok(|()| buf.filled().len())
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll!(self, poll_write_vectored, cx, bufs)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll!(self, poll_shutdown, cx)
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }
}
