//! Which servers there are, which is tried next, and what each may be told.

use crate::discovery::{Discovery, Refused};
use crate::random::Random;
use crate::server_addr::ServerAddr;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// One server of a pool, for people to look at.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its address; `Debug` and `Display` leave credentials out.
    pub addr: ServerAddr,
    /// Attempts that failed since the last one that succeeded.
    pub failed_attempts: usize,
    /// Whether it was ever connected.
    pub did_connect: bool,
    /// Whether it was announced by another server, not configured.
    pub is_discovered: bool,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

impl core::fmt::Display for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({} failed attempts)", self.addr, self.failed_attempts)
    }
}

/// Names a server of the pool for as long as it is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(u32);

/// How an announced address was learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The application named it.
    Configured,
    /// A server named it over TLS whose certificate was verified as this name.
    AnnouncedSecurely {
        /// The announcing server's verified name.
        by: String,
    },
    /// A server named it in clear, or over TLS that verified nothing.
    AnnouncedInClear {
        /// The configured host that led there.
        seed: String,
    },
}

/// A user name and password, or a token, from the URL of a server.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name; the token where there is no password.
    pub user: String,
    /// The password.
    pub password: Option<String>,
}

impl Login {
    fn of(addr: &ServerAddr) -> Option<Self> {
        let user = addr.username()?.to_string();
        Some(Self { user, password: addr.password().map(ToString::to_string) })
    }
}

impl core::fmt::Debug for Login {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Login([redacted])")
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: ServerId,
    pub(crate) server: Server,
    pub(crate) trust: Trust,
    /// The login of the server that announced this one.
    inherited: Option<Login>,
    /// The kind of the last authentication error, and how often it came in a row.
    pub(crate) refused: Option<(core::mem::Discriminant<crate::ServerError>, u32)>,
}

impl Entry {
    /// The name that this server's certificate has to carry.
    ///
    /// A name learnt in clear proves nothing, so such a server is verified under the name of the
    /// configured server that led there; a bare address learnt from a verified server, under the
    /// name of that server.
    pub(crate) fn verified_name(&self) -> String {
        let host = self.server.addr.host();
        match &self.trust {
            Trust::Configured => host.to_string(),
            Trust::AnnouncedSecurely { by } if is_ip(host) => by.clone(),
            Trust::AnnouncedSecurely { .. } => host.to_string(),
            Trust::AnnouncedInClear { seed } => seed.clone(),
        }
    }

    /// Whether a proof of `name`, which somebody else took, proves that it is this server.
    pub(crate) fn is_proven_by(&self, name: &str) -> bool {
        match &self.trust {
            // Whoever configures a server and how to dial it may know it under any name.
            Trust::Configured => true,
            Trust::AnnouncedSecurely { .. } | Trust::AnnouncedInClear { .. } => {
                self.verified_name().eq_ignore_ascii_case(name)
            }
        }
    }
}

fn is_ip(host: &str) -> bool {
    host.parse::<core::net::IpAddr>().is_ok()
}

/// Whether servers are tried in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum Order {
    /// Shuffled before every round (ADR-11, ADR-40).
    #[default]
    Random,
    /// As configured, discovered ones behind.
    AsGiven,
}

/// The servers of one client, in the order in which they are tried.
#[derive(Debug)]
pub(crate) struct ServerPool {
    entries: Vec<Entry>,
    order: Order,
    /// Entries before this index were tried in this round.
    cursor: usize,
    /// Rounds begun since the last success.
    round: u32,
    next_id: u32,
}

impl ServerPool {
    pub(crate) fn new(servers: Vec<ServerAddr>, order: Order) -> Self {
        // Most pools have one server.
        let entries = Vec::with_capacity(servers.len());
        let mut pool = Self { entries, order, cursor: 0, round: 0, next_id: 0 };
        for addr in servers {
            if pool.find(&addr).is_none() {
                pool.add(addr, Trust::Configured, None);
            }
        }
        pool
    }

    /// The server to try next, and whether a new round begins with it.
    pub(crate) fn next(&mut self, random: &mut Random) -> Option<(ServerId, RoundStart)> {
        let mut start = RoundStart::No;
        if self.cursor >= self.entries.len() {
            self.cursor = 0;
            self.round = self.round.saturating_add(1);
        }
        if self.cursor == 0 {
            start = RoundStart::Yes(self.round);
            if self.order == Order::Random && (self.round > 0 || !self.ever_connected()) {
                random.shuffle(&mut self.entries);
            }
        }
        let entry = self.entries.get(self.cursor)?;
        self.cursor += 1;
        Some((entry.id, start))
    }

    /// The server connected: it goes to the end, so that the others come first when it is lost.
    pub(crate) fn connected(&mut self, id: ServerId, random: &mut Random) {
        self.round = 0;
        self.cursor = 0;
        for entry in &mut self.entries {
            entry.server.failed_attempts = 0;
        }
        let Some(at) = self.position(id) else { return };
        let mut entry = self.entries.remove(at);
        entry.server.did_connect = true;
        entry.server.last_error = None;
        entry.refused = None;
        if self.order == Order::Random {
            random.shuffle(&mut self.entries);
        }
        match self.order {
            Order::Random => self.entries.push(entry),
            Order::AsGiven => self.entries.insert(at, entry),
        }
    }

    pub(crate) fn failed(&mut self, id: ServerId, error: String) {
        if let Some(entry) = self.get_mut(id) {
            entry.server.failed_attempts += 1;
            entry.server.last_error = Some(error);
        }
    }

    /// Takes a server out for good.
    pub(crate) fn remove(&mut self, id: ServerId) {
        if let Some(at) = self.position(id) {
            self.entries.remove(at);
            if at < self.cursor {
                self.cursor -= 1;
            }
        }
    }

    /// Applies a list of announced servers; an empty one changes nothing.
    ///
    /// Discovered servers that are not listed go, but for the `current` one; configured ones stay.
    /// Returns the addresses never seen before and those that the policy refused.
    pub(crate) fn announce(
        &mut self,
        listed: &[String],
        current: ServerId,
        trust: &Trust,
        policy: &Discovery,
        random: &mut Random,
    ) -> (Vec<ServerAddr>, Vec<(String, Refused)>) {
        let mut new = Vec::new();
        let mut refused = Vec::new();
        let Some(via) = self.get(current).map(|entry| entry.server.addr.clone()) else {
            return (new, refused);
        };
        if listed.is_empty() || policy.is_ignore() {
            return (new, refused);
        }
        let login = self.login(current);
        let mut known = Vec::new();
        for text in listed.iter().take(SERVERS_MAX) {
            let Ok(addr) = via.with_host_port(text) else {
                refused.push((text.clone(), Refused::Unreadable));
                continue;
            };
            if let Some(id) = self.find(&addr) {
                known.push(id);
                continue;
            }
            if let Err(reason) = policy.admits(&addr, &via) {
                refused.push((text.clone(), reason));
                continue;
            }
            known.push(self.add(addr.clone(), trust.clone(), login.clone()));
            new.push(addr);
        }
        let gone: Vec<ServerId> = self
            .entries
            .iter()
            .filter(|entry| entry.server.is_discovered && entry.id != current)
            .filter(|entry| !known.contains(&entry.id))
            .map(|entry| entry.id)
            .collect();
        for id in gone {
            self.remove(id);
        }
        if !new.is_empty() && self.order == Order::Random {
            let untried = self.cursor.min(self.entries.len());
            random.shuffle(&mut self.entries[untried..]);
            // The connected server stays behind all others.
            if let Some(at) = self.position(current).filter(|&at| at >= untried) {
                self.entries[at..].rotate_left(1);
            }
        }
        (new, refused)
    }

    /// Replaces the configured servers; those that stay keep their counters.
    pub(crate) fn replace(&mut self, servers: Vec<ServerAddr>) {
        let mut old = core::mem::take(&mut self.entries);
        for addr in servers {
            if self.find(&addr).is_some() {
                continue;
            }
            match old.iter().position(|entry| same_place(&entry.server.addr, &addr)) {
                Some(at) => {
                    let mut entry = old.remove(at);
                    entry.server.addr = addr;
                    entry.server.is_discovered = false;
                    entry.trust = Trust::Configured;
                    entry.inherited = None;
                    self.entries.push(entry);
                }
                None => {
                    self.add(addr, Trust::Configured, None);
                }
            }
        }
        self.cursor = 0;
    }

    /// What URLs say about who the client is to this server: its own, else that of its announcer,
    /// else the first that a configured one has.
    pub(crate) fn login(&self, id: ServerId) -> Option<Login> {
        let entry = self.get(id)?;
        Login::of(&entry.server.addr)
            .or_else(|| entry.inherited.clone())
            .or_else(|| self.entries.iter().find_map(|entry| Login::of(&entry.server.addr)))
    }

    /// What servers refused before does not count any more.
    pub(crate) fn forget_refusals(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.refused = None);
    }

    pub(crate) fn get(&self, id: ServerId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: ServerId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }

    pub(crate) fn find(&self, addr: &ServerAddr) -> Option<ServerId> {
        let same = |entry: &&Entry| same_place(&entry.server.addr, addr);
        self.entries.iter().find(same).map(|entry| entry.id)
    }

    pub(crate) fn snapshot(&self) -> Vec<Server> {
        self.entries.iter().map(|entry| entry.server.clone()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn ever_connected(&self) -> bool {
        self.entries.iter().any(|entry| entry.server.did_connect)
    }

    fn position(&self, id: ServerId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.id == id)
    }

    fn add(&mut self, addr: ServerAddr, trust: Trust, inherited: Option<Login>) -> ServerId {
        let id = ServerId(self.next_id);
        self.next_id += 1;
        let is_discovered = trust != Trust::Configured;
        let server = Server {
            addr,
            failed_attempts: 0,
            did_connect: false,
            is_discovered,
            last_error: None,
        };
        self.entries.push(Entry { id, server, trust, inherited, refused: None });
        id
    }
}

/// Whether a round over the pool begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoundStart {
    /// With this number, counted from 0 since the last success.
    Yes(u32),
    No,
}

/// Announced servers kept at most: no cluster comes near, and a hostile server must not fill memory.
const SERVERS_MAX: usize = 1024;

fn same_place(a: &ServerAddr, b: &ServerAddr) -> bool {
    a.host().eq_ignore_ascii_case(b.host())
        && a.port() == b.port()
        && a.is_websocket() == b.is_websocket()
}
