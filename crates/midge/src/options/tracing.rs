//! What an application asked to be told of its connection's insides.
//!
//! Both are entered here as functions and not called by name where they are used: so what they need
//! is part of a program only if it asks for it.

use crate::driver::{Frames, Trace};
use crate::sync::Arc;
use midge_proto::DecodeLimits;
#[cfg(feature = "recording")]
use midge_proto::{Config, Connection, Instant};

/// Where the lines go.
pub(crate) type LineSink = Arc<dyn Fn(&str) + Send + Sync>;

#[cfg(feature = "recording")]
/// How a connection machine begins.
pub(super) type Begin = fn(Config, [u8; 32], Instant) -> Connection;

/// Begins the traces of the frames.
#[derive(Clone)]
pub(super) struct Tracer {
    sink: LineSink,
    begin: fn(DecodeLimits, LineSink) -> Box<dyn Frames>,
}

impl Tracer {
    pub(super) fn new(line: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { sink: Arc::new(line), begin: |limits, sink| Box::new(Trace::new(limits, sink)) }
    }

    pub(super) fn begin(self, limits: DecodeLimits) -> Box<dyn Frames> {
        (self.begin)(limits, self.sink)
    }
}

#[cfg(feature = "recording")]
/// Begins a recorded connection.
#[derive(Clone)]
pub(super) struct Recorder {
    pub(super) sink: LineSink,
    pub(super) begin: Begin,
}

#[cfg(feature = "recording")]
impl Recorder {
    pub(super) fn new(line: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { sink: Arc::new(line), begin: Connection::recorded }
    }
}
