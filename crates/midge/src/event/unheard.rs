//! Where serious news goes that nobody listens to.

use super::Event;
use midge_proto::{CloseReason, LostReason};
use std::io::Write;

/// Lines for one connection at most: enough to see what is wrong, too few to fill a disk.
const LINES_MAX: u32 = 16;

/// What becomes of serious news while nobody listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unheard {
    /// A line each on the standard error output.
    #[default]
    Stderr,
    Silent,
}

#[derive(Debug)]
pub(super) struct Sink {
    unheard: Unheard,
    /// Lines still to be written for this connection.
    left: u32,
}

impl Sink {
    pub(super) fn new(unheard: Unheard) -> Self {
        Self { unheard, left: LINES_MAX }
    }

    /// The line to write for an event that nobody hears.
    pub(super) fn line(&mut self, event: &Event) -> Option<String> {
        if *event == Event::Connected {
            self.left = LINES_MAX;
        }
        if self.unheard == Unheard::Silent || self.left == 0 || !is_serious(event) {
            return None;
        }
        self.left -= 1;
        let more = match self.left {
            0 => " (more of this is only told to those who listen to events)",
            _ => "",
        };
        Some(format!("midge: {event}{more}\n"))
    }
}

/// Whether somebody should see it: messages are lost, or the client does not do what it was told to.
fn is_serious(event: &Event) -> bool {
    match event {
        Event::ServerError(_)
        | Event::SlowConsumer(_)
        | Event::Undeliverable { .. }
        | Event::BufferDropped(_)
        | Event::Abandoned(_)
        | Event::SecretsWithheld(_) => true,
        Event::Fate(fate) => fate.uncertain + fate.dropped > 0,
        Event::Lost(reason) => !matches!(reason, LostReason::ByUser | LostReason::Forced),
        // A failed first connect is the result of that call.
        Event::CloseReason(reason) => {
            // With a driver that is dropped at the end of a program, what was lost is told.
            !matches!(
                reason,
                CloseReason::ByUser | CloseReason::DriverDropped | CloseReason::ConnectFailed(_)
            )
        }
        // Told by another one already, or in the order of things.
        _ => false,
    }
}

/// Writes a line; where there is no such output, nobody can be told.
pub(super) fn write(line: &str) {
    let _ = std::io::stderr().write_all(line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Fate;
    use midge_proto::BufferDrops;

    #[test]
    fn what_loses_messages_is_written_and_the_order_of_things_is_not() {
        let mut sink = Sink::new(Unheard::Stderr);
        let line = sink.line(&Event::SlowConsumer(7)).unwrap();
        assert_eq!(line, "midge: slow consumer: subscription 7\n");
        let mut fate = Fate::default();
        assert_eq!(sink.line(&Event::Fate(fate)), None);
        fate.dropped = 1;
        assert!(sink.line(&Event::Fate(fate)).is_some());
        assert!(sink.line(&Event::Lost(LostReason::Stale)).is_some());
        assert!(sink.line(&Event::Abandoned(1)).is_some());
        assert!(sink.line(&Event::BufferDropped(BufferDrops::default())).is_some());
        for event in [
            Event::Connected,
            Event::Disconnected,
            Event::LameDuckMode,
            Event::Closed,
            Event::Lost(LostReason::Forced),
            Event::CloseReason(CloseReason::ByUser),
            Event::CloseReason(CloseReason::DriverDropped),
        ] {
            assert_eq!(sink.line(&event), None, "{event}");
        }
        assert_eq!(Sink::new(Unheard::Silent).line(&Event::SlowConsumer(7)), None);
    }

    #[test]
    fn a_flood_of_news_ends_with_a_word_about_it_until_the_next_connection() {
        let mut sink = Sink::new(Unheard::Stderr);
        let lines: Vec<String> =
            (0..100).filter_map(|sid| sink.line(&Event::SlowConsumer(sid))).collect();
        assert_eq!(lines.len(), 16);
        assert!(lines[15].contains("those who listen to events"), "{lines:?}");
        assert!(!lines[14].contains("those who listen to events"), "{lines:?}");
        assert_eq!(sink.line(&Event::Connected), None);
        assert!(sink.line(&Event::SlowConsumer(1)).is_some());
    }
}
