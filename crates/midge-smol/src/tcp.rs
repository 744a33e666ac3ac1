//! TCP sockets on the reactor of `async-io`.

use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use midge::SocketOptions;
use midge::proto::Target;
use midge_socket::{address_or_name, begin_connect, finish_connect};
use smol::Async;
use smol::io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice};
use std::net::TcpStream;

/// A TCP stream.
#[derive(Debug)]
pub struct Tcp(Async<TcpStream>);

pub(crate) async fn connect(target: Target, options: SocketOptions) -> io::Result<Tcp> {
    let address = match address_or_name(target) {
        Ok(address) => address,
        Err(name) => *smol::net::resolve(name)
            .await?
            .first()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?,
    };
    let stream = Async::new_nonblocking(begin_connect(address, &options)?)?;
    loop {
        stream.writable().await?;
        if finish_connect(stream.get_ref())? {
            return Ok(Tcp(stream));
        }
    }
}

impl midge::Stream for Tcp {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.0.get_ref().local_addr().ok()
    }
}
