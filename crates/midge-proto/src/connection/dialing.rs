//! From nothing to a stream: which server, after what delay, at which address.

use super::record::Input;
use super::state::{Attempt, ConnectedBefore, Dial, Protection, State};
use super::{
    Action, Cause, Choice, CloseReason, Connection, ConnectionEvent, Delay, DialId, FirstConnect,
    Names, Reconnect, Step, Target,
};
use crate::pool::{Order, RoundStart, ServerId};
use crate::server_addr::ServerAddr;
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

impl Connection {
    /// A host name was looked up.
    pub fn handle_resolved(&mut self, now: Instant, result: Result<Vec<SocketAddr>, String>) {
        self.record(now, || Input::resolved(&result));
        let now = self.advance(now);
        let State::Resolving(attempt) = &mut self.state else { return };
        match result {
            Ok(mut addresses) if !addresses.is_empty() => {
                if self.config.order == Order::Random {
                    self.random.shuffle(&mut addresses);
                }
                let mut attempt = attempt.clone();
                attempt.addresses = families_in_turn(addresses);
                self.dial_next(now, attempt);
            }
            Ok(_) => self.attempt_failed(now, Cause::Dns("the host has no address".to_string())),
            Err(text) => self.attempt_failed(now, Cause::Dns(text)),
        }
    }

    /// A stream could not be opened; answers to dials that were given up are ignored.
    pub fn handle_dial_failed(&mut self, now: Instant, dial: DialId, text: String) {
        self.record(now, || Input::DialFailed { dial, text: text.clone() });
        let now = self.advance(now);
        let State::Dialing(attempt) = &self.state else { return };
        let mut attempt = attempt.clone();
        let Some(at) = attempt.dials.iter().position(|other| other.id == dial) else { return };
        attempt.address = attempt.dials.remove(at).address;
        if attempt.addresses.is_empty() && attempt.dials.is_empty() {
            self.state = State::Dialing(attempt);
            self.attempt_failed(now, Cause::Io(text));
            return;
        }
        let failure = self.failure(&attempt, Step::Dial, Cause::Io(text));
        self.event(ConnectionEvent::AttemptFailed(failure));
        self.dial_next(now, attempt);
    }

    /// The application picked the server of the next attempt; `None` leaves it to the pool.
    ///
    /// Returns whether the server is in the pool; another one leaves the choice to the pool.
    pub fn handle_server_chosen(
        &mut self,
        now: Instant,
        choice: Option<(ServerAddr, Option<Duration>)>,
    ) -> Chosen {
        self.record(now, || Input::ServerChosen(choice.clone()));
        let now = self.advance(now);
        let State::Choosing { picked: None, .. } = self.state else { return Chosen::TooLate };
        let Some((addr, delay)) = choice else {
            self.choose_from_pool(now);
            return Chosen::Pool;
        };
        let Some(id) = self.pool.find(&addr) else {
            self.choose_from_pool(now);
            return Chosen::NotInPool;
        };
        self.begin_after(now, id, delay.unwrap_or_default());
        Chosen::Application
    }

    /// The application named the delay before the next attempt.
    pub fn handle_delay_chosen(&mut self, now: Instant, delay: Duration) {
        self.record(now, || Input::DelayChosen(delay));
        let now = self.advance(now);
        let State::Choosing { picked: Some(id), .. } = self.state else { return };
        self.begin_after(now, id, delay);
    }

    pub(super) fn next_attempt(&mut self, now: Instant) {
        if let Reconnect::Limited(max) = self.config.reconnect
            && self.connected_before == ConnectedBefore::Yes
            && self.attempts >= max
        {
            self.close_for(CloseReason::MaxReconnects(self.last_failure.as_deref().cloned()));
            return;
        }
        if self.config.choice == Choice::Ask && self.connected_before == ConnectedBefore::Yes {
            let give_up_at = now + self.config.attempt_timeout;
            self.state = State::Choosing { picked: None, give_up_at };
            let (servers, info) = (self.pool.snapshot(), Arc::clone(&self.info));
            self.actions.push_back(Action::ChooseServer { servers, info });
            return;
        }
        self.choose_from_pool(now);
    }

    pub(super) fn choose_from_pool(&mut self, now: Instant) {
        let Some((id, start)) = self.pool.next(&mut self.random) else {
            self.close_for(CloseReason::NoServers);
            return;
        };
        let first_round_over = matches!(start, RoundStart::Yes(round) if round > 0)
            && self.connected_before == ConnectedBefore::No
            && self.config.first_connect == FirstConnect::Fail;
        if first_round_over {
            let reason = match self.last_failure.as_deref().cloned() {
                Some(failure) => CloseReason::ConnectFailed(failure),
                None => CloseReason::NoServers,
            };
            self.close_for(reason);
            return;
        }
        match (self.config.delay, start) {
            (Delay::Ask, _) => {
                let give_up_at = now + self.config.attempt_timeout;
                self.state = State::Choosing { picked: Some(id), give_up_at };
                let attempt = self.attempts + 1;
                self.actions.push_back(Action::ChooseDelay { attempt });
            }
            (Delay::Backoff(backoff), RoundStart::Yes(round)) => {
                // The first that is lost at once is no worse than any other.
                let round = round.saturating_add(self.flaps.saturating_sub(1));
                let delay = backoff.delay(round, &mut self.random);
                self.begin_after(now, id, delay);
            }
            (Delay::Backoff(_), RoundStart::No) => self.begin_after(now, id, Duration::ZERO),
        }
    }

    pub(super) fn begin_after(&mut self, now: Instant, server: ServerId, delay: Duration) {
        if delay.is_zero() {
            self.begin(now, server);
        } else {
            self.state = State::Backoff { server, until: now + delay };
        }
    }

    pub(super) fn begin(&mut self, now: Instant, server: ServerId) {
        let Some(entry) = self.pool.get(server) else {
            // It left the pool while its turn was waited for.
            self.choose_from_pool(now);
            return;
        };
        self.attempts += 1;
        let server_addr = entry.server.addr.clone();
        let attempt = Attempt {
            server,
            addresses: VecDeque::new(),
            dials: Vec::new(),
            dial_next_at: None,
            address: None,
            give_up_at: now + self.config.attempt_timeout,
            protection: Protection::Clear,
            connect_len: 0,
        };
        if let Some(path) = server_addr.unix_path() {
            let target = Target::Path(path.to_string());
            return self.dial(attempt, target, server_addr);
        }
        let (host, port) = match &self.config.proxy {
            Some(proxy) => (proxy.host(), proxy.port()),
            None => (server_addr.host(), server_addr.port()),
        };
        if let Ok(ip) = host.parse::<IpAddr>() {
            let addresses = [SocketAddr::new(ip, port)].into();
            return self.dial_next(now, Attempt { addresses, ..attempt });
        }
        let host = host.to_string();
        match self.config.names {
            Names::Resolve => {
                self.state = State::Resolving(attempt);
                self.actions.push_back(Action::Resolve { host, port });
            }
            Names::LeaveToDialer => self.dial(attempt, Target::Name(host, port), server_addr),
        }
    }

    /// Dials the next address, if there is one, beside the dials under way.
    pub(super) fn dial_next(&mut self, now: Instant, mut attempt: Attempt) {
        let Some(entry) = self.pool.get(attempt.server) else {
            self.choose_from_pool(now);
            return;
        };
        let server = entry.server.addr.clone();
        attempt.dial_next_at = None;
        let Some(address) = attempt.addresses.pop_front() else {
            self.state = State::Dialing(attempt);
            return;
        };
        let stagger = self.config.dial_stagger;
        if !attempt.addresses.is_empty() && !stagger.is_zero() {
            attempt.dial_next_at = Some(now + stagger);
        }
        self.dial(attempt, Target::Address(address), server);
    }

    fn dial(&mut self, mut attempt: Attempt, target: Target, server: ServerAddr) {
        let dial = DialId(self.next_dial);
        self.next_dial += 1;
        let address = match &target {
            Target::Address(address) => Some(*address),
            Target::Name(..) | Target::Path(_) => None,
        };
        attempt.address = address;
        attempt.dials.push(Dial { id: dial, address });
        self.state = State::Dialing(attempt);
        self.actions.push_back(Action::Dial { dial, target, server });
    }
}

/// IPv6 and IPv4 in turn, so that a family that leads nowhere costs one stagger and no more
/// (RFC 8305 section 4); the order within each family and the family that comes first stay.
fn families_in_turn(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_ipv6);
    let mut order = VecDeque::new();
    loop {
        let before = order.len();
        order.extend(first.pop_front());
        order.extend(second.pop_front());
        if order.len() == before {
            return order;
        }
    }
}

/// What became of the application's choice of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// It is tried next.
    Application,
    /// It left the choice to the pool.
    Pool,
    /// It is not in the pool, which chose instead.
    NotInPool,
    /// The choice was waited for too long and the pool chose instead.
    TooLate,
}
