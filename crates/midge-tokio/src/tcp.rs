//! TCP sockets of tokio.

use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use midge::SocketOptions;
use midge::proto::Target;
use std::io::{self, IoSlice};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

/// A TCP stream.
#[derive(Debug)]
pub struct Tcp(TcpStream);

pub(crate) async fn connect(target: Target, options: SocketOptions) -> io::Result<Tcp> {
    let address = match target {
        Target::Address(address) => address,
        Target::Name(host, port) => tokio::net::lookup_host((host, port))
            .await?
            .next()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?,
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
    Ok(Tcp(stream))
}

impl midge::Stream for Tcp {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        Pin::new(&mut self.0).poll_read(cx, &mut buf).map_ok(|()| buf.filled().len())
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()
    }
}
