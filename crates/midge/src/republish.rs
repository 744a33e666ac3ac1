//! What happens to messages that wait when there is a connection again.

use crate::sync::Arc;
use core::fmt;
use midge_proto::{HeldFate, HeldPublish, Resend, Verdict};

/// What happens to messages that wait when a lost connection was made again.
#[derive(Clone)]
#[non_exhaustive]
pub enum Republish {
    /// They are sent.
    Send,
    /// They are dropped and counted.
    Drop,
    /// The application is asked about each, in order. See [`ask`](Self::ask).
    Ask(Arc<dyn Fn(&HeldPublish) -> Verdict + Send + Sync>),
}

impl Republish {
    /// Asks about each message, in order, in the task of the connection: what blocks there holds the
    /// connection up.
    pub fn ask(verdict: impl Fn(&HeldPublish) -> Verdict + Send + Sync + 'static) -> Self {
        Self::Ask(Arc::new(verdict))
    }

    fn verdict(&self, publish: &HeldPublish) -> Verdict {
        match self {
            Self::Send => Verdict::Send,
            Self::Drop => Verdict::Drop,
            Self::Ask(verdict) => verdict(publish),
        }
    }
}

impl fmt::Debug for Republish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send => "Send",
            Self::Drop => "Drop",
            Self::Ask(_) => "Ask(..)",
        })
    }
}

/// The choices of a client.
#[derive(Clone, Debug)]
pub(crate) struct Republishing {
    pub(crate) unwritten: Republish,
    pub(crate) uncertain: Republish,
}

impl Default for Republishing {
    fn default() -> Self {
        Self { unwritten: Republish::Send, uncertain: Republish::Drop }
    }
}

impl Republishing {
    /// Whether nobody has to be asked, and nothing to be dropped that waits.
    pub(crate) fn is_default(&self) -> bool {
        matches!(self.unwritten, Republish::Send) && !matches!(self.uncertain, Republish::Ask(_))
    }

    /// Whether what was written has to be kept until its arrival is proved.
    pub(crate) fn resend(&self) -> Resend {
        match self.uncertain {
            Republish::Send | Republish::Ask(_) => Resend::Yes,
            Republish::Drop => Resend::No,
        }
    }

    pub(crate) fn verdict(&self, publish: &HeldPublish) -> Verdict {
        match publish.fate {
            HeldFate::Unwritten => self.unwritten.verdict(publish),
            HeldFate::Uncertain => self.uncertain.verdict(publish),
        }
    }
}
