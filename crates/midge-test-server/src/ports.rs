use core::net::Ipv4Addr;
use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use crate::temp_dir::random_u64;

/// Finds a TCP port on 127.0.0.1 that nobody listens on.
///
/// The port lies outside the range from which the operating system serves outgoing connections.
/// That matters for a server that is killed and restarted: a port of that range could be given to
/// any connection in between, even to the very client that tries to reconnect to it (TCP allows a
/// socket to connect to itself). A port is handed out once in a process.
///
/// # Errors
///
/// Fails if the operating system gives no randomness, or if no port is free.
///
/// # Examples
///
/// ```
/// let port = midge_test_server::free_port()?;
/// std::net::TcpListener::bind(("127.0.0.1", port))?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn free_port() -> io::Result<u16> {
    let (low, high) = outside(ephemeral_range());
    let span = u64::from(high - low) + 1;
    for _ in 0..ATTEMPTS {
        let offset = random_u64()? % span;
        let port = low + u16::try_from(offset).unwrap_or(0);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && claim(port) {
            return Ok(port);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        format!("no free port between {low} and {high} after {ATTEMPTS} attempts"),
    ))
}

/// The larger of the two stretches of unprivileged ports beside the ephemeral range.
fn outside((first, last): (u16, u16)) -> (u16, u16) {
    let below = (LOWEST, first.saturating_sub(1).max(LOWEST));
    let above = (last.saturating_add(1), u16::MAX);
    if below.1 - below.0 >= above.1 - above.0 { below } else { above }
}

fn ephemeral_range() -> (u16, u16) {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| parse_range(&text))
        .unwrap_or(IANA_EPHEMERAL)
}

fn parse_range(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace().map(str::parse::<u16>);
    let first = numbers.next()?.ok()?;
    let last = numbers.next()?.ok()?;
    (first <= last).then_some((first, last))
}

/// Remembers a port for the life of the process; false if it was handed out before.
fn claim(port: u16) -> bool {
    static CLAIMED: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
    claimed.get_or_insert_default().insert(port)
}

/// How many random ports are tried; with half of the range in use, all fail once in 2^100 times.
const ATTEMPTS: usize = 100;

/// Lowest port considered. Below are the ports with well-known services, NATS among them.
const LOWEST: u16 = 10_000;

/// The dynamic ports of RFC 6335, used by macOS and Windows.
const IANA_EPHEMERAL: (u16, u16) = (49_152, 65_535);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_handed_out_twice() {
        let ports: Vec<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        let distinct: HashSet<u16> = ports.iter().copied().collect();
        assert_eq!(distinct.len(), ports.len());
    }

    #[test]
    fn ports_lie_outside_the_ephemeral_range() {
        let (first, last) = ephemeral_range();
        if first <= LOWEST && last == u16::MAX {
            return; // no other ports exist on this machine
        }
        for _ in 0..20 {
            let port = free_port().unwrap();
            assert!(port < first || port > last, "{port} is in {first}..={last}");
        }
    }

    #[test]
    fn the_larger_stretch_is_chosen() {
        assert_eq!(outside((32_768, 60_999)), (10_000, 32_767));
        assert_eq!(outside((10_000, 40_000)), (40_001, 65_535));
        assert_eq!(outside((49_152, 65_535)), (10_000, 49_151));
    }

    #[test]
    fn a_range_file_with_nonsense_is_ignored() {
        assert_eq!(parse_range("32768\t60999\n"), Some((32_768, 60_999)));
        assert_eq!(parse_range("60999 32768"), None);
        assert_eq!(parse_range("many"), None);
        assert_eq!(parse_range(""), None);
    }
}
