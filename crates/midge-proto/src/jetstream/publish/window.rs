//! How many published messages may wait for their acknowledgements.

/// Messages that wait for an acknowledgement by default: at 5 ms for a round trip, they allow 50,000
/// messages a second.
const MESSAGES_DEFAULT: usize = 256;

/// Bytes of them by default: as much as is kept for times without a connection.
const BYTES_DEFAULT: usize = 8 * 1024 * 1024;

/// How many published messages may wait for their acknowledgements at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowLimits {
    /// Messages, at least 1; 256 by default.
    pub messages: usize,
    /// Bytes of subjects, headers and payloads; 8 MiB by default. One message may be larger than
    /// that, if it is alone.
    pub bytes: usize,
}

impl Default for WindowLimits {
    fn default() -> Self {
        Self { messages: MESSAGES_DEFAULT, bytes: BYTES_DEFAULT }
    }
}

/// Counts the published messages that wait for their acknowledgements.
#[derive(Debug)]
pub struct PublishWindow {
    limits: WindowLimits,
    messages: usize,
    bytes: usize,
}

impl PublishWindow {
    /// An empty one.
    #[must_use]
    pub const fn new(limits: WindowLimits) -> Self {
        Self { limits, messages: 0, bytes: 0 }
    }

    /// Lets a message of so many bytes in, if there is room for it.
    #[must_use]
    pub fn enter(&mut self, bytes: usize) -> bool {
        let sum = self.bytes.saturating_add(bytes);
        let fits = self.messages < self.limits.messages && sum <= self.limits.bytes;
        if !fits && !self.is_empty() {
            return false;
        }
        self.messages += 1;
        self.bytes = sum;
        true
    }

    /// Messages with so many bytes together have their acknowledgements, or none will come.
    pub fn leave(&mut self, messages: usize, bytes: usize) {
        self.messages = self.messages.saturating_sub(messages);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Messages that wait.
    #[must_use]
    pub const fn messages(&self) -> usize {
        self.messages
    }

    /// Whether none waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// How many may wait.
    #[must_use]
    pub const fn limits(&self) -> WindowLimits {
        self.limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_bytes_are_limited_and_one_message_always_fits() {
        let mut window = PublishWindow::new(WindowLimits { messages: 2, bytes: 10 });
        assert!(window.enter(100), "alone");
        assert!(!window.enter(0), "bytes");
        window.leave(1, 100);
        assert!(window.is_empty());
        assert!(window.enter(5) && window.enter(5));
        assert!(!window.enter(0), "messages");
        window.leave(1, 5);
        assert!(!window.enter(6), "bytes");
        assert!(window.enter(5));
        assert_eq!(window.messages(), 2);

        let mut none = PublishWindow::new(WindowLimits { messages: 0, bytes: 0 });
        assert!(none.enter(1) && !none.enter(1), "no limit keeps everything out");
    }
}
