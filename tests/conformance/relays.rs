//! What stands between a client and its server: pipes in memory, Unix sockets, proxies.
//!
//! All of it runs beside the adapter under test, on an executor of its own.

use bytes::Bytes;
use core::future::Future;
use core::net::{Ipv4Addr, SocketAddr};
use core::pin::Pin;
use core::task::{Context, Poll};
use smol::Async;
use smol::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use std::io;
use std::net::{TcpListener, TcpStream};
use tokio::io::{AsyncRead as _, AsyncWrite as _, DuplexStream, ReadBuf};

/// Carries bytes both ways until both sides have ended.
pub(crate) async fn relay(
    left: impl AsyncRead + AsyncWrite + Unpin,
    right: impl AsyncRead + AsyncWrite + Unpin,
) {
    let (left_in, left_out) = smol::io::split(left);
    let (right_in, right_out) = smol::io::split(right);
    smol::future::zip(carry(left_in, right_out), carry(right_in, left_out)).await;
}

async fn carry(from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    // Broken on either side: the other one hears of an end.
    let _ = smol::io::copy(from, &mut to).await;
    let _ = to.close().await;
}

/// One end of a pipe in memory, with the traits of `futures-io`; the other leads to a server.
pub(crate) struct Pipe(DuplexStream);

impl Pipe {
    pub(crate) async fn to(address: SocketAddr) -> io::Result<Self> {
        let (near, far) = tokio::io::duplex(1000);
        let upstream = Async::<TcpStream>::connect(address).await?;
        smol::spawn(relay(Self(far), upstream)).detach();
        Ok(Self(near))
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        Pin::new(&mut self.0).poll_read(cx, &mut buf).map_ok(|()| buf.filled().len())
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Listens as long as it lives.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    _task: smol::Task<()>,
}

/// Serves every connection by a future of its own.
fn listen<F>(serve: impl Fn(Async<TcpStream>) -> F + Send + 'static) -> Listening
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = Async::<TcpListener>::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.get_ref().local_addr().unwrap();
    let task = smol::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            smol::spawn(serve(stream)).detach();
        }
    });
    Listening { address, _task: task }
}

/// A proxy for HTTP that wants `Basic` credentials if they are given.
pub(crate) fn http_proxy(authorization: Option<&'static str>) -> Listening {
    listen(move |mut down| async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(byte(&mut down).await?);
        }
        let head = String::from_utf8(head).unwrap();
        let target = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
        let line = authorization.map(|text| format!("Proxy-Authorization: Basic {text}\r\n"));
        if line.is_some_and(|line| !head.contains(&line)) {
            return down.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
        }
        let address = smol::net::resolve(target).await?[0];
        let up = Async::<TcpStream>::connect(address).await?;
        down.write_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").await?;
        relay(down, up).await;
        Ok(())
    })
}

/// A proxy for SOCKS5 that wants this login if it is given.
pub(crate) fn socks_proxy(login: Option<(&'static str, &'static str)>) -> Listening {
    listen(move |mut down| async move {
        assert_eq!(byte(&mut down).await?, 5);
        let methods = counted(&mut down).await?;
        match login {
            None => down.write_all(&[5, 0]).await?,
            Some(_) if !methods.contains(&2) => return down.write_all(&[5, 0xff]).await,
            Some((user, password)) => {
                down.write_all(&[5, 2]).await?;
                assert_eq!(byte(&mut down).await?, 1);
                let given = (counted(&mut down).await?, counted(&mut down).await?);
                if given != (user.into(), password.into()) {
                    return down.write_all(&[1, 1]).await;
                }
                down.write_all(&[1, 0]).await?;
            }
        }
        let mut head = [0; 4];
        down.read_exact(&mut head).await?;
        assert_eq!(head[..3], [5, 1, 0]);
        let host = match head[3] {
            1 => {
                let mut address = [0; 4];
                down.read_exact(&mut address).await?;
                Ipv4Addr::from(address).to_string()
            }
            3 => String::from_utf8(counted(&mut down).await?.to_vec()).unwrap(),
            other => panic!("address type {other}"),
        };
        let port = u16::from_be_bytes([byte(&mut down).await?, byte(&mut down).await?]);
        let address = smol::net::resolve((host, port)).await?[0];
        match Async::<TcpStream>::connect(address).await {
            Ok(up) => {
                down.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
                relay(down, up).await;
                Ok(())
            }
            Err(_) => down.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await,
        }
    })
}

async fn byte(stream: &mut Async<TcpStream>) -> io::Result<u8> {
    let mut byte = [0];
    stream.read_exact(&mut byte).await?;
    Ok(byte[0])
}

async fn counted(stream: &mut Async<TcpStream>) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::from(byte(stream).await?)];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes.into())
}

#[cfg(unix)]
pub(crate) use unix::UnixRelay;

#[cfg(unix)]
mod unix {
    use super::{Async, SocketAddr, TcpStream, relay};
    use core::sync::atomic::{AtomicU32, Ordering};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    /// A Unix-domain socket in a folder of its own, whose connections lead to a server: nats-server
    /// listens on none.
    pub(crate) struct UnixRelay {
        folder: PathBuf,
        _task: smol::Task<()>,
    }

    impl UnixRelay {
        pub(crate) fn start(upstream: SocketAddr) -> Self {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("midge-conformance-{}-{number}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&folder).unwrap();
            let listener = Async::<UnixListener>::bind(folder.join(NAME)).unwrap();
            let task = smol::spawn(async move {
                while let Ok((down, _)) = listener.accept().await {
                    let up = Async::<TcpStream>::connect(upstream).await.unwrap();
                    smol::spawn(relay(down, up)).detach();
                }
            });
            Self { folder, _task: task }
        }

        pub(crate) fn url(&self) -> String {
            format!("unix://{}", self.folder.join(NAME).display()).replace(' ', "%20")
        }
    }

    /// With a blank, which a URL has to escape.
    const NAME: &str = "nats server.sock";

    impl Drop for UnixRelay {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
