//! What each fuzz target does with its bytes; the corpus replay runs the same functions.

#[path = "jetstream.rs"]
mod jetstream;
#[path = "walk.rs"]
mod walk;

use bytes::Bytes;
use midge_proto::{
    ClientDecoder, ClientFrame, DecodeError, DecodeLimits, Decoder, Frame, HeaderMap, Message,
    ServerError, ServerInfo,
};

pub(crate) use jetstream::{
    ack_subject as jetstream_ack_subject, advisory as jetstream_advisory,
    api_answer as jetstream_answer, schedule as jetstream_schedule, status as jetstream_status,
};
pub(crate) use walk::connection_ops;

/// What a target does with its input.
pub(crate) type Body = fn(&[u8]);

/// The targets by name.
pub(crate) const TARGETS: &[(&str, Body)] = &[
    ("decoder", decoder),
    ("client_decoder", client_decoder),
    ("headers", headers),
    ("info", info),
    ("server_error", server_error),
    ("creds", creds),
    ("connection_ops", connection_ops),
    ("jetstream_ack_subject", jetstream_ack_subject),
    ("jetstream_status", jetstream_status),
    ("jetstream_answer", jetstream_answer),
    ("jetstream_schedule", jetstream_schedule),
    ("jetstream_advisory", jetstream_advisory),
];

/// Small, so that a short input reaches them.
const LIMITS: DecodeLimits = DecodeLimits { control_line_max: 64, info_max: 128, message_max: 256 };

/// The first two bytes seed the cuts of the rest.
fn cuts(data: &[u8]) -> (u16, &[u8]) {
    match data {
        [a, b, rest @ ..] => (u16::from_le_bytes([*a, *b]), rest),
        _ => (0, data),
    }
}

/// The stream of `feed` in pieces whose lengths follow from `seed`; everything handed out is taken
/// off the front of the buffer where `consume` says so.
fn in_pieces<F>(
    data: &[u8],
    seed: u16,
    mut next: impl FnMut(&[u8], usize) -> Result<Option<F>, DecodeError>,
    mut consume: impl FnMut() -> usize,
) -> (Vec<F>, Option<DecodeError>) {
    let (mut frames, mut buf, mut rest, mut state) =
        (Vec::new(), Vec::new(), data, u32::from(seed));
    let mut gone = 0;
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = (1 + (state >> 24) as usize % 16).min(rest.len());
        buf.extend_from_slice(&rest[..len]);
        rest = &rest[len..];
        loop {
            match next(&buf, gone) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        if state & 0x10_0000 != 0 {
            let taken = consume();
            buf.drain(..taken);
            gone += taken;
        }
    }
    (frames, None)
}

/// A frame with its ranges counted from the beginning of the stream.
fn at(frame: Frame, gone: usize) -> Frame {
    match frame {
        Frame::Message { sid, mut frame } => {
            frame.subject_start += gone as u32;
            frame.body_start += gone as u32;
            if frame.reply_len > 0 {
                frame.reply_start += gone as u32;
            }
            Frame::Message { sid, frame }
        }
        Frame::Info(range) => Frame::Info(range.start + gone..range.end + gone),
        Frame::Error(range) => Frame::Error(range.start + gone..range.end + gone),
        other => other,
    }
}

/// A server's bytes: no panic, ranges within the buffer, and any split gives the same frames.
pub(crate) fn decoder(data: &[u8]) {
    let (seed, data) = cuts(data);
    let mut whole = (Vec::new(), None);
    let mut parser = Decoder::new(LIMITS);
    loop {
        match parser.next(data) {
            Ok(Some(frame)) => {
                match &frame {
                    Frame::Message { frame, .. } => {
                        let message = Message::from_frame(&Bytes::copy_from_slice(data), frame);
                        assert_eq!(message.length, frame.length());
                        let detached = message.detached();
                        assert_eq!(detached.payload, message.payload);
                    }
                    Frame::Info(range) => {
                        let _ = ServerInfo::parse(&data[range.clone()]);
                    }
                    Frame::Error(range) => {
                        let _ = ServerError::parse(&data[range.clone()]);
                    }
                    _ => {}
                }
                whole.0.push(frame);
            }
            Ok(None) => break,
            Err(error) => {
                whole.1 = Some(error);
                break;
            }
        }
    }
    assert!(parser.consumed() <= data.len());
    let parser = core::cell::RefCell::new(Decoder::new(LIMITS));
    let split = in_pieces(
        data,
        seed,
        |buf, gone| Ok(parser.borrow_mut().next(buf)?.map(|frame| at(frame, gone))),
        || {
            let mut parser = parser.borrow_mut();
            let taken = parser.consumed();
            parser.consume();
            taken
        },
    );
    assert_eq!(split, whole);
}

/// A client's bytes: as [`decoder`].
pub(crate) fn client_decoder(data: &[u8]) {
    let (seed, data) = cuts(data);
    let mut whole = (Vec::new(), None);
    let mut parser = ClientDecoder::new(LIMITS);
    loop {
        match parser.next(data) {
            Ok(Some(frame)) => whole.0.push(content(&frame, data)),
            Ok(None) => break,
            Err(error) => {
                whole.1 = Some(error);
                break;
            }
        }
    }
    let parser = core::cell::RefCell::new(ClientDecoder::new(LIMITS));
    let split = in_pieces(
        data,
        seed,
        |buf, _| Ok(parser.borrow_mut().next(buf)?.map(|frame| content(&frame, buf))),
        || {
            let mut parser = parser.borrow_mut();
            let taken = parser.consumed();
            parser.consume();
            taken
        },
    );
    assert_eq!(split, whole);
}

fn content(frame: &ClientFrame, buf: &[u8]) -> Vec<Vec<u8>> {
    match frame {
        ClientFrame::Connect(range) => vec![b"connect".to_vec(), buf[range.clone()].to_vec()],
        ClientFrame::Publish(frame) => vec![
            b"publish".to_vec(),
            buf[frame.subject()].to_vec(),
            if frame.reply_len > 0 { buf[frame.reply()].to_vec() } else { Vec::new() },
            if frame.header_len > 0 { buf[frame.header_block()].to_vec() } else { Vec::new() },
            buf[frame.payload()].to_vec(),
        ],
        ClientFrame::Subscribe { subject, queue, sid } => vec![
            b"subscribe".to_vec(),
            buf[subject.clone()].to_vec(),
            queue.clone().map_or_else(Vec::new, |queue| buf[queue].to_vec()),
            sid.to_string().into_bytes(),
        ],
        other => vec![format!("{other:?}").into_bytes()],
    }
}

/// A header block of a publisher: no panic, and what was read can be written and read again.
pub(crate) fn headers(data: &[u8]) {
    let mut buf = format!("HMSG a 1 {0} {0}\r\n", data.len()).into_bytes();
    buf.extend_from_slice(data);
    buf.extend_from_slice(b"\r\n");
    let mut parser = Decoder::new(DecodeLimits::default());
    let Ok(Some(Frame::Message { frame, .. })) = parser.next(&buf) else {
        return;
    };
    let message = Message::from_frame(&Bytes::from(buf), &frame);
    let Some(headers) = &message.headers else {
        return;
    };
    let _ = (headers.len(), headers.headers_error(), format!("{headers:?}"));
    let fields: Vec<_> =
        headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut copy = HeaderMap::new();
    for (name, value) in &fields {
        if copy.try_append(name.clone(), value.clone()).is_err() {
            // Received fields may hold what a publisher of ours is not allowed to send.
            return;
        }
    }
    let mut block = Vec::new();
    copy.encode(&mut block);
    assert_eq!(block.len(), copy.encoded_len());
    if fields.is_empty() {
        return;
    }
    let again = HeaderMap::from_raw(block.into()).expect("own blocks are sound");
    assert_eq!(again.len(), fields.len());
    for ((name, value), (name_before, before)) in again.iter().zip(&fields) {
        assert_eq!(name, name_before);
        // Readers trim the blanks around a value.
        assert_eq!(value.as_bytes().trim_ascii(), before.as_bytes().trim_ascii());
    }
}

/// The argument of INFO.
pub(crate) fn info(data: &[u8]) {
    match ServerInfo::parse(data) {
        Ok(info) => {
            assert!(info.max_payload > 0);
            assert!(info.connect_urls.len() <= 4096);
            let _ = info.version_at_least(2, 10, 0);
        }
        Err(error) => assert!(error.to_string().len() < 1000),
    }
}

/// The argument of `-ERR`.
pub(crate) fn server_error(data: &[u8]) {
    let error = ServerError::parse(data);
    let shown = error.to_string();
    assert!(!shown.chars().any(char::is_control));
    let _ = (error.class(), error.closes_connection());
}

/// A credentials file: no panic, and no secret in what is shown.
pub(crate) fn creds(data: &[u8]) {
    use midge_proto::nkeys::{Credentials, KeyPair};
    if let Ok(text) = core::str::from_utf8(data) {
        let shown = match Credentials::parse(text) {
            Ok(credentials) => format!("{credentials:?}"),
            Err(error) => format!("{error:?} {error}"),
        };
        for word in text.split_whitespace().filter(|word| word.len() > 50) {
            if KeyPair::from_seed(word).is_ok() {
                assert!(!shown.contains(word));
            }
        }
    }
}
