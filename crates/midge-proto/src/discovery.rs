//! Which announced servers enter the pool.

use crate::server_addr::ServerAddr;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

/// The policy for servers that other servers announce.
///
/// By default an announced address is taken, except that a server on a public address cannot send
/// the client to a loopback or link-local one. Each rule that is set narrows this further.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub struct Discovery {
    ignore: Setting,
    local: Setting,
    same_port: Setting,
    domain_suffixes: Vec<String>,
    networks: Vec<(IpAddr, u8)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
enum Setting {
    #[default]
    Off,
    On,
}

/// Why an announced address was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// It is not `host:port`.
    Unreadable,
    /// A loopback or link-local address, announced by a server that is on neither.
    Local,
    /// Another port than that of the announcing server.
    Port,
    /// Neither below an allowed domain nor within an allowed network.
    NotAllowed,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "it is not host:port",
            Self::Local => "it is a local address, announced by a server that is not local",
            Self::Port => "it has another port than the announcing server",
            Self::NotAllowed => "it is outside the allowed domains and networks",
        })
    }
}

impl Discovery {
    /// Takes every announced address that is not refused by the default rule.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes none.
    #[must_use]
    pub fn ignore() -> Self {
        Self { ignore: Setting::On, ..Self::default() }
    }

    /// Takes loopback and link-local addresses from servers on public addresses, too.
    #[must_use]
    pub fn allow_local(mut self) -> Self {
        self.local = Setting::On;
        self
    }

    /// Takes only addresses with the port of the announcing server.
    #[must_use]
    pub fn same_port(mut self) -> Self {
        self.same_port = Setting::On;
        self
    }

    /// Takes host names that are `suffix` or end in `.suffix`; may be given several times.
    #[must_use]
    pub fn domain_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.domain_suffixes.push(suffix.into());
        self
    }

    /// Takes addresses whose first `prefix_len` bits are those of `address`; may be given several
    /// times.
    #[must_use]
    pub fn network(mut self, address: IpAddr, prefix_len: u8) -> Self {
        self.networks.push((address, prefix_len));
        self
    }

    pub(crate) fn is_ignore(&self) -> bool {
        self.ignore == Setting::On
    }

    pub(crate) fn admits(&self, addr: &ServerAddr, via: &ServerAddr) -> Result<(), Refused> {
        let host = addr.host();
        if self.local == Setting::Off && is_local(host) && !is_local(via.host()) {
            return Err(Refused::Local);
        }
        if self.same_port == Setting::On && addr.port() != via.port() {
            return Err(Refused::Port);
        }
        if self.domain_suffixes.is_empty() && self.networks.is_empty() {
            return Ok(());
        }
        let below = |suffix: &String| {
            let suffix = suffix.trim_start_matches('.');
            host.len() >= suffix.len()
                && host.is_char_boundary(host.len() - suffix.len())
                && host[host.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
                && (host.len() == suffix.len()
                    || host.as_bytes()[host.len() - suffix.len() - 1] == b'.')
        };
        let allowed = match host.parse::<IpAddr>() {
            Ok(ip) => self.networks.iter().any(|&(network, len)| within(ip, network, len)),
            Err(_) => self.domain_suffixes.iter().any(below),
        };
        if allowed { Ok(()) } else { Err(Refused::NotAllowed) }
    }
}

/// Loopback or link-local, by address or by name.
fn is_local(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unspecified() || (ip.segments()[0] & 0xffc0) == 0xfe80
        }
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn within(ip: IpAddr, network: IpAddr, prefix_len: u8) -> bool {
    let (ip, network, width) = match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            (u128::from(ip.to_bits()), u128::from(network.to_bits()), 32)
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => (ip.to_bits(), network.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    let shift = width - u32::from(prefix_len).min(width);
    ip.checked_shr(shift).unwrap_or(0) == network.checked_shr(shift).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(policy: &Discovery, announced: &str, via: &str) -> Result<(), Refused> {
        policy.admits(&announced.parse().unwrap(), &via.parse().unwrap())
    }

    #[test]
    fn a_public_server_cannot_send_us_to_a_local_address() {
        let policy = Discovery::new();
        for local in ["127.0.0.1:4222", "[::1]:4222", "169.254.1.1:4222", "localhost:4222"] {
            assert_eq!(verdict(&policy, local, "nats.example.org"), Err(Refused::Local));
            assert_eq!(verdict(&policy, local, "127.0.0.1"), Ok(()));
            let policy = policy.clone().allow_local();
            assert_eq!(verdict(&policy, local, "nats.example.org"), Ok(()));
        }
        assert_eq!(verdict(&policy, "10.0.0.7:4222", "nats.example.org"), Ok(()));
    }

    #[test]
    fn allow_lists_take_domains_and_networks() {
        let policy = Discovery::new()
            .domain_suffix("example.org")
            .network("10.1.0.0".parse().unwrap(), 16)
            .network("fd00::".parse().unwrap(), 8);
        for good in ["a.example.org:1", "EXAMPLE.org:1", "10.1.2.3:1", "[fd12::1]:1"] {
            assert_eq!(verdict(&policy, good, "nats.example.org"), Ok(()), "{good}");
        }
        for bad in ["badexample.org:1", "example.com:1", "10.2.0.1:1", "[fe00::1]:1"] {
            assert_eq!(
                verdict(&policy, bad, "nats.example.org"),
                Err(Refused::NotAllowed),
                "{bad}"
            );
        }
    }

    #[test]
    fn another_port_can_be_refused() {
        let policy = Discovery::new().same_port();
        assert_eq!(verdict(&policy, "b:4222", "a:4222"), Ok(()));
        assert_eq!(verdict(&policy, "b:4223", "a:4222"), Err(Refused::Port));
    }
}
