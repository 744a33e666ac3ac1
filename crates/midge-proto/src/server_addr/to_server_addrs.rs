//! Everything that names servers.

use super::{InvalidServerAddr, InvalidServerAddrKind, ServerAddr};
use alloc::string::String;
use alloc::vec::{self, Vec};

/// Everything that names servers: texts, addresses, and lists of them.
///
/// A text may hold several addresses with commas between.
///
/// ```
/// use midge_proto::{InvalidServerAddr, ServerAddr, ToServerAddrs};
///
/// fn count(servers: impl ToServerAddrs) -> Result<usize, InvalidServerAddr> {
///     Ok(servers.to_server_addrs()?.count())
/// }
///
/// # fn main() -> Result<(), InvalidServerAddr> {
/// assert_eq!(count("localhost")?, 1);
/// assert_eq!(count("nats://a,nats://b")?, 2);
/// assert_eq!(count(vec!["nats://a", "nats://b,nats://c"])?, 3);
/// assert_eq!(count("nats://a".parse::<ServerAddr>()?)?, 1);
/// # Ok(())
/// # }
/// ```
pub trait ToServerAddrs {
    /// What [`to_server_addrs`](Self::to_server_addrs) gives.
    type Iter: Iterator<Item = ServerAddr>;

    /// The addresses, in order; at least one.
    ///
    /// # Errors
    ///
    /// When there is none, or the first that is not valid.
    fn to_server_addrs(&self) -> Result<Self::Iter, InvalidServerAddr>;
}

impl ToServerAddrs for ServerAddr {
    type Iter = core::option::IntoIter<Self>;

    fn to_server_addrs(&self) -> Result<Self::Iter, InvalidServerAddr> {
        Ok(Some(self.clone()).into_iter())
    }
}

impl ToServerAddrs for str {
    type Iter = vec::IntoIter<ServerAddr>;

    fn to_server_addrs(&self) -> Result<Self::Iter, InvalidServerAddr> {
        Ok(ServerAddr::parse_list(self)?.into_iter())
    }
}

impl ToServerAddrs for String {
    type Iter = vec::IntoIter<ServerAddr>;

    fn to_server_addrs(&self) -> Result<Self::Iter, InvalidServerAddr> {
        self.as_str().to_server_addrs()
    }
}

impl<T: ToServerAddrs + ?Sized> ToServerAddrs for &T {
    type Iter = T::Iter;

    fn to_server_addrs(&self) -> Result<Self::Iter, InvalidServerAddr> {
        (**self).to_server_addrs()
    }
}

impl<T: AsRef<str>> ToServerAddrs for [T] {
    type Iter = vec::IntoIter<ServerAddr>;

    fn to_server_addrs(&self) -> Result<Self::Iter, InvalidServerAddr> {
        let mut addrs = Vec::with_capacity(self.len());
        for text in self {
            addrs.append(&mut ServerAddr::parse_list(text.as_ref())?);
        }
        at_least_one(addrs)
    }
}

impl<T: AsRef<str>, const N: usize> ToServerAddrs for [T; N] {
    type Iter = vec::IntoIter<ServerAddr>;

    fn to_server_addrs(&self) -> Result<Self::Iter, InvalidServerAddr> {
        self.as_slice().to_server_addrs()
    }
}

impl<T: AsRef<str>> ToServerAddrs for Vec<T> {
    type Iter = vec::IntoIter<ServerAddr>;

    fn to_server_addrs(&self) -> Result<Self::Iter, InvalidServerAddr> {
        self.as_slice().to_server_addrs()
    }
}

impl ToServerAddrs for [ServerAddr] {
    type Iter = vec::IntoIter<ServerAddr>;

    fn to_server_addrs(&self) -> Result<Self::Iter, InvalidServerAddr> {
        at_least_one(self.to_vec())
    }
}

impl<const N: usize> ToServerAddrs for [ServerAddr; N] {
    type Iter = vec::IntoIter<ServerAddr>;

    fn to_server_addrs(&self) -> Result<Self::Iter, InvalidServerAddr> {
        self.as_slice().to_server_addrs()
    }
}

impl ToServerAddrs for Vec<ServerAddr> {
    type Iter = vec::IntoIter<ServerAddr>;

    fn to_server_addrs(&self) -> Result<Self::Iter, InvalidServerAddr> {
        self.as_slice().to_server_addrs()
    }
}

fn at_least_one(addrs: Vec<ServerAddr>) -> Result<vec::IntoIter<ServerAddr>, InvalidServerAddr> {
    if addrs.is_empty() {
        return Err(InvalidServerAddr::new("", InvalidServerAddrKind::Empty));
    }
    Ok(addrs.into_iter())
}
