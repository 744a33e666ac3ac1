//! What `CONNECT` and reply subjects say about the client.

use super::ConnectOptions;
use crate::nuid::IdGenerator;
use core::fmt;
use midge_proto::Identity;

impl<R> ConnectOptions<R> {
    /// A name for this client in the server's monitoring. None by default.
    pub fn name<T: ToString>(mut self, name: T) -> Self {
        self.settings.config.identity.name = Some(name.to_string());
        self
    }

    /// Adds the application's own tag to the language that the server's monitoring shows.
    pub fn client_tag(mut self, tag: impl fmt::Display) -> Self {
        self.settings.config.identity.lang = format!("{}/{tag}", Identity::default().lang);
        self
    }

    /// Does not deliver own messages to own subscriptions. They are by default.
    pub fn no_echo(mut self) -> Self {
        self.settings.config.identity.echo = false;
        self
    }

    /// Makes the server acknowledge every frame by `+OK`. Off by default.
    pub fn verbose(mut self) -> Self {
        self.settings.config.identity.verbose = true;
        self
    }

    /// Makes the server check subjects more strictly. Off by default.
    pub fn pedantic(mut self) -> Self {
        self.settings.config.identity.pedantic = true;
        self
    }

    /// Does not ask for the immediate answer to requests that nobody listens to. It is asked for by
    /// default.
    pub fn no_responders(mut self, enabled: bool) -> Self {
        self.settings.config.identity.no_responders = enabled;
        self
    }

    /// What reply subjects begin with. `_INBOX` by default; a private prefix keeps other users of
    /// the account from reading the replies.
    pub fn custom_inbox_prefix<T: ToString>(mut self, prefix: T) -> Self {
        self.settings.inbox_prefix = prefix.to_string();
        self
    }

    /// Makes the ids in inboxes: for programs that need to replay them, or make them elsewhere.
    ///
    /// By default 22 characters that are unique across processes. An id has to be one token of a
    /// subject: no dots, blanks or wildcards. Ids that repeat mix up replies, and ids that others can
    /// guess let them answer.
    pub fn id_generator<F>(mut self, generator: F) -> Self
    where
        F: Fn() -> String + Send + Sync + 'static,
    {
        self.settings.ids = IdGenerator::new(generator);
        self
    }
}
