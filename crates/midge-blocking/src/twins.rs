//! The blocking twin of each call that waits: one line a call.
//!
//! | kind | the call inside | here |
//! | --- | --- | --- |
//! | `call` | waits on `&self` | returns the same |
//! | `change` | waits on `&mut self` | returns the same |
//! | `open` | waits and returns a handle | returns it as a blocking one |
//! | `make` | returns a handle at once | returns it as a blocking one |
//! | `build` | takes and returns the builder | the same |
//! | `end` | takes the builder and waits for a handle | returns it as a blocking one |
//! | `last` | takes the handle and waits | returns the same |

use crate::blocking::{Blocking, Client, Events, Subscriber};
use crate::{
    ClosedError, DrainError, DrainReport, FlushError, HeaderMap, InvalidPool, Message, NextError,
    OutboundMessage, PublishError, ReconnectError, ReplyInbox, Request, RequestError, Server,
    SlowConsumerPolicy, State, StateChanges, SubscribeError, SubscriptionStates, ToServerAddrs,
    ToSubject, UnsubscribeError,
};
use bytes::Bytes;
use core::time::Duration;

macro_rules! twins {
    ($($kind:ident $inner:ty, $name:ident $([$($generics:tt)*])?
        ($($arg:ident: $type:ty),*) -> $output:ty $(where [$($bound:tt)*])?;)*) => {$(
        impl Blocking<$inner> {
            twins!(@$kind concat!(
                "As [`", stringify!($name), "`](", stringify!($inner), "::", stringify!($name),
                ") of the handle inside; where that waits, this blocks."
            ), $name [$($($generics)*)?] ($($arg: $type),*) -> $output [$($($bound)*)?]);
        }
    )*};
    (@call $doc:expr, $name:ident [$($generics:tt)*] ($($arg:ident: $type:ty),*) -> $output:ty [$($bound:tt)*]) => {
        #[doc = $doc]
        pub fn $name<$($generics)*>(&self, $($arg: $type),*) -> $output where $($bound)* {
            self.carrier().finish((**self).$name($($arg),*))
        }
    };
    (@change $doc:expr, $name:ident [$($generics:tt)*] ($($arg:ident: $type:ty),*) -> $output:ty [$($bound:tt)*]) => {
        #[doc = $doc]
        pub fn $name<$($generics)*>(&mut self, $($arg: $type),*) -> $output where $($bound)* {
            let carrier = self.carrier().clone();
            carrier.finish((**self).$name($($arg),*))
        }
    };
    (@open $doc:expr, $name:ident [$($generics:tt)*] ($($arg:ident: $type:ty),*) -> $output:ty [$($bound:tt)*]) => {
        #[doc = $doc]
        pub fn $name<$($generics)*>(&self, $($arg: $type),*) -> $output where $($bound)* {
            self.carrier().finish((**self).$name($($arg),*)).map(|inner| self.with(inner))
        }
    };
    (@make $doc:expr, $name:ident [$($generics:tt)*] ($($arg:ident: $type:ty),*) -> $output:ty [$($bound:tt)*]) => {
        #[doc = $doc]
        pub fn $name<$($generics)*>(&self, $($arg: $type),*) -> $output where $($bound)* {
            self.with((**self).$name($($arg),*))
        }
    };
    (@build $doc:expr, $name:ident [$($generics:tt)*] ($($arg:ident: $type:ty),*) -> $output:ty [$($bound:tt)*]) => {
        #[doc = $doc]
        #[must_use]
        pub fn $name<$($generics)*>(self, $($arg: $type),*) -> $output where $($bound)* {
            self.map(|inner| inner.$name($($arg),*))
        }
    };
    (@end $doc:expr, $name:ident [$($generics:tt)*] ($($arg:ident: $type:ty),*) -> $output:ty [$($bound:tt)*]) => {
        #[doc = $doc]
        pub fn $name<$($generics)*>(self, $($arg: $type),*) -> $output where $($bound)* {
            let (inner, carrier) = self.into_parts();
            let result = carrier.finish(inner.$name($($arg),*));
            result.map(|inner| Blocking::new(inner, carrier))
        }
    };
    (@last $doc:expr, $name:ident [$($generics:tt)*] ($($arg:ident: $type:ty),*) -> $output:ty [$($bound:tt)*]) => {
        #[doc = $doc]
        pub fn $name<$($generics)*>(self, $($arg: $type),*) -> $output where $($bound)* {
            let (inner, carrier) = self.into_parts();
            carrier.finish(inner.$name($($arg),*))
        }
    };
}

twins! {
    call midge::Client, publish[S: ToSubject](subject: S, payload: Bytes) -> Result<(), PublishError>;
    call midge::Client, publish_with_headers[S: ToSubject](subject: S, headers: HeaderMap, payload: Bytes) -> Result<(), PublishError>;
    call midge::Client, publish_with_reply[S: ToSubject, R: ToSubject](subject: S, reply: R, payload: Bytes) -> Result<(), PublishError>;
    call midge::Client, publish_with_reply_and_headers[S: ToSubject, R: ToSubject](subject: S, reply: R, headers: HeaderMap, payload: Bytes) -> Result<(), PublishError>;
    call midge::Client, publish_message(message: OutboundMessage) -> Result<(), PublishError>;
    call midge::Client, publish_confirmed[S: ToSubject](subject: S, payload: Bytes) -> Result<(), PublishError>;
    call midge::Client, respond(to: &Message, payload: Bytes) -> Result<(), PublishError>;
    call midge::Client, respond_with_headers(to: &Message, headers: HeaderMap, payload: Bytes) -> Result<(), PublishError>;
    open midge::Client, subscribe[S: ToSubject](subject: S) -> Result<Subscriber, SubscribeError>;
    open midge::Client, queue_subscribe[S: ToSubject](subject: S, queue_group: String) -> Result<Subscriber, SubscribeError>;
    make midge::Client, subscription[S: ToSubject](subject: S) -> Blocking<midge::SubscribeBuilder>;
    call midge::Client, request[S: ToSubject](subject: S, payload: Bytes) -> Result<Message, RequestError>;
    call midge::Client, request_with_headers[S: ToSubject](subject: S, headers: HeaderMap, payload: Bytes) -> Result<Message, RequestError>;
    call midge::Client, send_request[S: ToSubject](subject: S, request: Request) -> Result<Message, RequestError>;
    call midge::Client, flush() -> Result<(), FlushError>;
    call midge::Client, sync() -> Result<(), FlushError>;
    call midge::Client, sync_timeout(timeout: Duration) -> Result<(), FlushError>;
    call midge::Client, rtt() -> Result<Duration, FlushError>;
    call midge::Client, barrier() -> ();
    call midge::Client, drain() -> Result<(), DrainError>;
    call midge::Client, drain_within(budget: Duration) -> Result<DrainReport, ClosedError>;
    call midge::Client, close() -> Result<(), DrainError>;
    call midge::Client, force_reconnect() -> Result<(), ReconnectError>;
    call midge::Client, set_server_pool[A: ToServerAddrs](addrs: A) -> Result<(), InvalidPool>;
    call midge::Client, server_pool() -> Result<Vec<Server>, ClosedError>;
    make midge::Client, events() -> Events;
    make midge::Client, state_changes(wanted: &[State]) -> Blocking<StateChanges>;

    change ReplyInbox, reply() -> Result<Message, RequestError>;

    change midge::Subscriber, next_timeout(timeout: Duration) -> Result<Message, NextError>;
    change midge::Subscriber, unsubscribe() -> Result<(), UnsubscribeError>;
    change midge::Subscriber, unsubscribe_after(unsub_after: u64) -> Result<(), UnsubscribeError>;
    make midge::Subscriber, states() -> Blocking<SubscriptionStates>;
    change midge::Subscriber, drain() -> Result<(), UnsubscribeError>;

    build midge::SubscribeBuilder, queue_group(name: impl Into<String>) -> Self;
    build midge::SubscribeBuilder, limit(messages: u64) -> Self;
    build midge::SubscribeBuilder, capacity(messages: usize) -> Self;
    build midge::SubscribeBuilder, capacity_bytes(bytes: usize) -> Self;
    build midge::SubscribeBuilder, slow_consumer(policy: SlowConsumerPolicy) -> Self;
    build midge::SubscribeBuilder, shared() -> Self;
    end midge::SubscribeBuilder, confirmed() -> Result<Subscriber, SubscribeError>;
}

impl Blocking<midge::SubscribeBuilder> {
    /// Makes the subscription: its `SUB` is in line behind everything this client did before.
    ///
    /// # Errors
    ///
    /// As [`open`](midge::SubscribeBuilder::open) of the builder inside.
    pub fn open(self) -> Result<Subscriber, SubscribeError> {
        let (inner, carrier) = self.into_parts();
        inner.open().map(|inner| Blocking::new(inner, carrier))
    }
}

impl Client {
    /// As [`new_reply_inbox`](midge::Client::new_reply_inbox) of the handle inside.
    ///
    /// # Errors
    ///
    /// When the client is draining or closed.
    pub fn new_reply_inbox(
        &self,
        timeout: Option<Duration>,
    ) -> Result<Blocking<ReplyInbox>, RequestError> {
        (**self).new_reply_inbox(timeout).map(|inner| self.with(inner))
    }
}

impl Subscriber {
    /// The next message if one has arrived, without waiting.
    ///
    /// # Errors
    ///
    /// When the subscription has ended and everything was read.
    pub fn try_next(&mut self) -> Result<Option<Message>, NextError> {
        if let Some(message) = (**self).try_next()? {
            return Ok(Some(message));
        }
        self.carrier().glance();
        (**self).try_next()
    }
}
