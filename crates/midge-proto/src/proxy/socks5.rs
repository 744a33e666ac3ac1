//! SOCKS5 (RFC 1928), with user name and password (RFC 1929).

use super::{Progress, Proxy, ProxyError, SocksReply};
use crate::snippet::Snippet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

const VERSION: u8 = 5;
const PASSWORD_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const NO_CREDENTIALS: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;
const ADDRESS_IPV4: u8 = 1;
const ADDRESS_NAME: u8 = 3;
const ADDRESS_IPV6: u8 = 4;

#[derive(Debug)]
pub(super) struct Socks5 {
    step: Step,
    credentials: Option<Credentials>,
    host: String,
    port: u16,
}

#[derive(Clone)]
struct Credentials {
    user: String,
    password: String,
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What the proxy has to say next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Method,
    Authenticated,
    Reply,
}

impl Socks5 {
    pub(super) fn new(proxy: &Proxy, host: &str, port: u16, out: &mut Vec<u8>) -> Self {
        let credentials = proxy.credentials().map(|(user, password)| Credentials {
            user: user.to_string(),
            password: password.to_string(),
        });
        match credentials {
            None => out.extend_from_slice(&[VERSION, 1, NO_CREDENTIALS]),
            Some(_) => out.extend_from_slice(&[VERSION, 2, NO_CREDENTIALS, USER_AND_PASSWORD]),
        }
        Self { step: Step::Method, credentials, host: host.to_string(), port }
    }

    pub(super) fn advance(
        &mut self,
        input: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProxyError> {
        loop {
            let taken = match self.step {
                Step::Method => self.method(input, out)?,
                Step::Authenticated => self.authenticated(input, out)?,
                Step::Reply => match reply(input)? {
                    Some(len) => {
                        input.drain(..len);
                        return Ok(Progress::Tunneled);
                    }
                    None => None,
                },
            };
            let Some(len) = taken else { return Ok(Progress::Running) };
            input.drain(..len);
        }
    }

    fn method(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, ProxyError> {
        check_version(input, VERSION)?;
        let &[_, method, ..] = input else { return Ok(None) };
        match (method, &self.credentials) {
            (NO_CREDENTIALS, _) => self.request(out),
            (USER_AND_PASSWORD, Some(credentials)) => {
                out.push(PASSWORD_VERSION);
                for text in [&credentials.user, &credentials.password] {
                    push_counted(text, out);
                }
                self.step = Step::Authenticated;
            }
            (NONE_ACCEPTABLE, Some(_)) => return Err(ProxyError::CredentialsRefused),
            (NONE_ACCEPTABLE, None) => return Err(ProxyError::CredentialsRequired),
            // It was not offered.
            (_, _) => return Err(ProxyError::NotAProxy(Snippet::new(input))),
        }
        Ok(Some(2))
    }

    fn authenticated(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>, ProxyError> {
        check_version(input, PASSWORD_VERSION)?;
        let &[_, status, ..] = input else { return Ok(None) };
        if status != 0 {
            return Err(ProxyError::CredentialsRefused);
        }
        self.request(out);
        Ok(Some(2))
    }

    fn request(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[VERSION, CONNECT, 0]);
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => {
                out.push(ADDRESS_IPV4);
                out.extend_from_slice(&ip.octets());
            }
            Ok(IpAddr::V6(ip)) => {
                out.push(ADDRESS_IPV6);
                out.extend_from_slice(&ip.octets());
            }
            Err(_) => {
                out.push(ADDRESS_NAME);
                push_counted(&self.host, out);
            }
        }
        out.extend_from_slice(&self.port.to_be_bytes());
        self.step = Step::Reply;
    }
}

/// One byte of length, and the text; none is longer where addresses were checked.
fn push_counted(text: &str, out: &mut Vec<u8>) {
    let len = text.len().min(usize::from(u8::MAX));
    out.push(len as u8);
    out.extend_from_slice(&text.as_bytes()[..len]);
}

fn check_version(input: &[u8], version: u8) -> Result<(), ProxyError> {
    match input.first() {
        Some(&first) if first != version => Err(ProxyError::NotAProxy(Snippet::new(input))),
        Some(_) | None => Ok(()),
    }
}

/// The length of the reply to the request, once it is complete.
fn reply(input: &[u8]) -> Result<Option<usize>, ProxyError> {
    check_version(input, VERSION)?;
    if let Some(&code) = input.get(1)
        && code != 0
    {
        return Err(ProxyError::Socks(SocksReply(code)));
    }
    let &[_, _, _, address, first, ..] = input else { return Ok(None) };
    // The address the proxy dials from, and a port: of no interest here.
    let address_len = match address {
        ADDRESS_IPV4 => 4,
        ADDRESS_IPV6 => 16,
        ADDRESS_NAME => 1 + usize::from(first),
        _ => return Err(ProxyError::NotAProxy(Snippet::new(input))),
    };
    let len = 4 + address_len + 2;
    Ok((input.len() >= len).then_some(len))
}
