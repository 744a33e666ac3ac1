//! The order that starts a replayer.

use core::fmt;

use crate::Result;

/// What to send, as the payload of a message to [`subjects::GO`](crate::subjects::GO).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Go {
    /// How many messages in all; a multiple of `hot`.
    pub count: usize,
    /// Bytes of payload in each.
    pub size: usize,
    /// Headers in each; with none, plain messages are sent.
    pub headers: usize,
    /// How many of the registered subscriptions get messages, evenly spread over all of them.
    pub hot: usize,
    /// In which order the hot subscriptions get their messages.
    pub order: Order,
}

/// The order in which hot subscriptions get their messages; each gets as many as the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One after the other.
    InTurn,
    /// Each once in a random order, the same order again and again.
    Shuffled,
}

impl Go {
    /// The index of hot subscription `nth` among `registered`, in order of registration.
    #[must_use]
    pub fn index(&self, nth: usize, registered: usize) -> usize {
        nth * registered / self.hot
    }

    /// Parses what [`Display`](fmt::Display) wrote.
    ///
    /// # Errors
    ///
    /// When a field is missing or is not a number.
    pub fn parse(payload: &[u8]) -> Result<Self> {
        let text = core::str::from_utf8(payload)?;
        let mut fields = text.split(' ').map(str::parse::<usize>);
        let mut field = || -> Result<usize> {
            Ok(fields.next().ok_or_else(|| format!("a field is missing in {text:?}"))??)
        };
        let go = Self {
            count: field()?,
            size: field()?,
            headers: field()?,
            hot: field()?,
            order: if field()? == 0 { Order::InTurn } else { Order::Shuffled },
        };
        if go.hot == 0 || !go.count.is_multiple_of(go.hot) {
            return Err(format!("{} messages for {} subscriptions", go.count, go.hot).into());
        }
        Ok(go)
    }
}

impl fmt::Display for Go {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, size, headers, hot, order } = self;
        let shuffled = usize::from(*order == Order::Shuffled);
        write!(out, "{count} {size} {headers} {hot} {shuffled}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Go, Order};

    const GO: Go = Go { count: 128, size: 16, headers: 6, hot: 64, order: Order::Shuffled };

    #[test]
    fn what_was_written_parses_back() {
        assert_eq!(Go::parse(GO.to_string().as_bytes()).unwrap(), GO);
    }

    #[test]
    fn an_uneven_share_is_refused() {
        let uneven = Go { count: 129, ..GO };
        assert!(Go::parse(uneven.to_string().as_bytes()).is_err());
        assert!(Go::parse(b"1 2").is_err());
    }

    #[test]
    fn hot_subscriptions_are_spread_over_all_registered_ones() {
        assert_eq!(GO.index(0, 1_000), 0);
        assert_eq!(GO.index(63, 1_000), 984);
        assert_eq!(GO.index(63, 64), 63);
    }
}
