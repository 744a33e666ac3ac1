//! The wire trace and the recording of an application that asked for them.

use super::Machine;
use crate::options::LineSink;
use midge_proto::{DecodeLimits, Instant, WireTrace};

/// What follows the frames of a connection.
pub(crate) trait Frames: Send {
    /// A stream begins.
    fn open(&mut self, now: Instant);

    /// The stream is over.
    fn end(&mut self, now: Instant);

    /// These bytes came.
    fn read(&mut self, now: Instant, bytes: &[u8]);

    /// These bytes are out.
    fn written(&mut self, now: Instant, bytes: &[u8]);
}

/// The trace of one client.
pub(crate) struct Trace {
    frames: WireTrace,
    sink: LineSink,
}

impl Trace {
    pub(crate) fn new(limits: DecodeLimits, sink: LineSink) -> Self {
        Self { frames: WireTrace::new(limits), sink }
    }
}

impl Frames for Trace {
    fn open(&mut self, now: Instant) {
        self.frames.open(now, &mut |line| (self.sink)(line));
    }

    fn end(&mut self, now: Instant) {
        self.frames.end(now, &mut |line| (self.sink)(line));
    }

    fn read(&mut self, now: Instant, bytes: &[u8]) {
        self.frames.read(now, bytes, &mut |line| (self.sink)(line));
    }

    fn written(&mut self, now: Instant, bytes: &[u8]) {
        self.frames.written(now, bytes, &mut |line| (self.sink)(line));
    }
}

/// Tells a trace of the first `count` bytes of these pieces.
pub(super) fn written<'a>(
    trace: &mut dyn Frames,
    now: Instant,
    pieces: impl Iterator<Item = &'a [u8]>,
    count: usize,
) {
    let mut left = count;
    for piece in pieces {
        let taken = piece.len().min(left);
        trace.written(now, &piece[..taken]);
        left -= taken;
        if left == 0 {
            return;
        }
    }
}

impl Machine {
    /// Hands over what was recorded since the last call.
    #[inline]
    pub(super) fn hand_over_record(&mut self) {
        #[cfg(feature = "recording")]
        if let Some(recorder) = &self.recorder {
            while let Some(line) = self.connection.poll_record() {
                recorder(&line);
            }
        }
    }
}
