//! Following one message on its way through the servers and beyond.

use super::{
    ACCEPT_ENCODING, HeaderMap, NATS_TRACE_DEST, NATS_TRACE_HOP, NATS_TRACE_ONLY,
    NATS_TRACE_ORIGIN_ACCOUNT, TRACE_PARENT, TRACE_STATE,
};
use alloc::string::ToString;
use core::fmt;
use core::str::FromStr;

/// Whether a traced message reaches its subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraceDelivery {
    /// It does, as any other.
    Deliver,
    /// It only shows the way it would have taken.
    TraceOnly,
}

impl HeaderMap {
    /// Asks every server on the way of the message to report on `destination` what it does with it.
    ///
    /// Each server publishes one JSON event (ADR-41), the first without
    /// [`NATS_TRACE_HOP`](super::NATS_TRACE_HOP) in what it says about the request. Servers from 2.11
    /// on trace; older ones deliver the message even if it was to be traced only.
    ///
    /// ```
    /// use midge_proto::HeaderMap;
    /// use midge_proto::header::{NATS_TRACE_ONLY, TraceDelivery};
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.trace_to("trace.orders", TraceDelivery::TraceOnly);
    /// assert_eq!(headers.get(NATS_TRACE_ONLY).map(|value| value.as_str()), Some("true"));
    /// ```
    pub fn trace_to(&mut self, destination: &str, delivery: TraceDelivery) {
        self.insert(NATS_TRACE_DEST, destination);
        match delivery {
            TraceDelivery::Deliver => {
                self.remove(NATS_TRACE_ONLY);
            }
            TraceDelivery::TraceOnly => self.insert(NATS_TRACE_ONLY, "true"),
        }
    }

    /// Says to which span of a distributed trace the message belongs.
    ///
    /// Servers trace a message whose span is sampled if its account is set up for that.
    pub fn set_trace_parent(&mut self, parent: &TraceParent) {
        self.insert(TRACE_PARENT, parent.to_string());
    }

    /// The span that the message belongs to; `None` also where the header cannot be read.
    #[must_use]
    pub fn trace_parent(&self) -> Option<TraceParent> {
        self.get(TRACE_PARENT)?.as_str().parse().ok()
    }

    /// Removes everything that makes servers trace the message.
    ///
    /// Whoever passes on messages of others should: the headers make servers publish to a subject of
    /// the sender's choice.
    pub fn remove_trace(&mut self) {
        for name in [
            NATS_TRACE_DEST,
            NATS_TRACE_ONLY,
            NATS_TRACE_HOP,
            NATS_TRACE_ORIGIN_ACCOUNT,
            ACCEPT_ENCODING,
            TRACE_PARENT,
            TRACE_STATE,
        ] {
            self.remove(name);
        }
    }
}

/// The span of a distributed trace, as in the header `traceparent` of W3C Trace Context.
///
/// ```
/// use midge_proto::header::TraceParent;
///
/// # fn main() -> Result<(), midge_proto::header::InvalidTraceParent> {
/// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parent: TraceParent = text.parse()?;
/// assert!(parent.sampled);
/// assert_eq!(parent.to_string(), text);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// Names the whole trace; not all zero.
    pub trace_id: [u8; 16],
    /// Names the span that sent the message; not all zero.
    pub parent_id: [u8; 8],
    /// Whether the trace is recorded.
    pub sampled: bool,
}

/// A text is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTraceParent;

impl fmt::Display for InvalidTraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not of the form 00-<32 hex digits>-<16 hex digits>-<2 hex digits>")
    }
}

impl core::error::Error for InvalidTraceParent {}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("00-")?;
        self.trace_id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("-")?;
        self.parent_id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, "-{:02x}", u8::from(self.sampled))
    }
}

impl FromStr for TraceParent {
    type Err = InvalidTraceParent;

    /// Reads version 00, and what later versions have in common with it.
    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        let mut parts = text.splitn(5, '-');
        let mut part = || parts.next().ok_or(InvalidTraceParent);
        let [version] = bytes(part()?)?;
        let (trace_id, parent_id) = (bytes(part()?)?, bytes(part()?)?);
        let [flags] = bytes(part()?)?;
        let is_longer = parts.next().is_some();
        let is_valid = trace_id != [0; 16]
            && parent_id != [0; 8]
            && version != 0xff
            && !(version == 0 && is_longer);
        let sampled = flags & 1 == 1;
        is_valid.then_some(Self { trace_id, parent_id, sampled }).ok_or(InvalidTraceParent)
    }
}

/// So many bytes in lower-case hex digits, and nothing else.
fn bytes<const BYTES: usize>(text: &str) -> Result<[u8; BYTES], InvalidTraceParent> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(InvalidTraceParent),
    };
    let mut bytes = [0; BYTES];
    if text.len() != 2 * BYTES {
        return Err(InvalidTraceParent);
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(digits[0])? << 4 | digit(digits[1])?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const SPAN: TraceParent =
        TraceParent { trace_id: [0xab; 16], parent_id: [1, 2, 3, 4, 5, 6, 7, 8], sampled: true };

    #[test]
    fn a_span_travels_in_its_header() {
        let mut headers = HeaderMap::new();
        assert_eq!(headers.trace_parent(), None);
        headers.set_trace_parent(&SPAN);
        assert_eq!(headers.trace_parent(), Some(SPAN));
        headers.insert(TRACE_PARENT, "nonsense");
        assert_eq!(headers.trace_parent(), None);
    }

    #[test]
    fn tracing_can_be_asked_for_with_and_without_delivery_and_taken_back() {
        let mut headers = HeaderMap::new();
        headers.insert("Mine", "1");
        headers.trace_to("t", TraceDelivery::TraceOnly);
        headers.trace_to("u", TraceDelivery::Deliver);
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Mine", "Nats-Trace-Dest"]);
        headers.set_trace_parent(&SPAN);
        headers.remove_trace();
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Mine"]);
    }

    #[test]
    fn texts_that_are_no_span_are_refused_and_later_versions_are_read() {
        let good = SPAN.to_string();
        for bad in [
            "",
            "00",
            &good[..54],
            &good.to_uppercase(),
            &good.replacen("00", "ff", 1),
            &alloc::format!("{good}-more"),
            &good.replace("ab", "00"),
            &good.replace("0102030405060708", "0000000000000000"),
            &good.replace('-', "_"),
        ] {
            assert_eq!(bad.parse::<TraceParent>(), Err(InvalidTraceParent), "{bad}");
        }
        let later = alloc::format!("{}-more", good.replacen("00", "07", 1));
        assert_eq!(later.parse(), Ok(SPAN));
        let unsampled = TraceParent { sampled: false, ..SPAN };
        assert_eq!(alloc::format!("{}2", &good[..54]).parse(), Ok(unsampled));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace_id in any::<[u8; 16]>(), sampled: bool) {
            prop_assume!(trace_id != [0; 16]);
            let span = TraceParent { trace_id, sampled, ..SPAN };
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,60}") {
            let _ = text.parse::<TraceParent>();
        }
    }
}
