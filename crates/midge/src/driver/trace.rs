//! The wire trace and the recording of an application that asked for them.

use super::Driver;
use crate::sync::Arc;
use midge_proto::{DecodeLimits, Instant, WireTrace};

/// Where the lines go.
pub(crate) type TraceSink = Arc<dyn Fn(&str) + Send + Sync>;

/// The trace of one client.
pub(super) struct Trace {
    frames: WireTrace,
    sink: TraceSink,
}

impl Trace {
    pub(super) fn new(limits: DecodeLimits, sink: TraceSink) -> Self {
        Self { frames: WireTrace::new(limits), sink }
    }

    pub(super) fn open(&mut self, now: Instant) {
        self.frames.open(now, &mut |line| (self.sink)(line));
    }

    pub(super) fn end(&mut self, now: Instant) {
        self.frames.end(now, &mut |line| (self.sink)(line));
    }

    pub(super) fn read(&mut self, now: Instant, bytes: &[u8]) {
        self.frames.read(now, bytes, &mut |line| (self.sink)(line));
    }

    /// The first `count` bytes of these pieces are out.
    pub(super) fn written<'a>(
        &mut self,
        now: Instant,
        pieces: impl Iterator<Item = &'a [u8]>,
        count: usize,
    ) {
        let mut left = count;
        for piece in pieces {
            let taken = piece.len().min(left);
            self.frames.written(now, &piece[..taken], &mut |line| (self.sink)(line));
            left -= taken;
            if left == 0 {
                return;
            }
        }
    }
}

impl Driver {
    /// Hands over what was recorded since the last call.
    #[inline]
    pub(super) fn hand_over_record(&mut self) {
        if let Some(recorder) = &self.recorder {
            while let Some(line) = self.connection.poll_record() {
                recorder(&line);
            }
        }
    }
}
