use super::*;
use crate::encode;
use crate::header::HeaderMap;
use crate::message::MessageFrame;
use crate::sid::Sid;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

/// Small enough to be reached by a line of a table.
const LIMITS: DecodeLimits = DecodeLimits { control_line_max: 40, info_max: 64, message_max: 100 };

/// What both parsers offer, so that one set of checks serves both.
trait Parser {
    fn fresh() -> Self;
    /// The next frame as text, which shows what the frame's ranges point at.
    fn read(&mut self, buf: &[u8]) -> Result<Option<String>, DecodeError>;
    fn front(&self) -> usize;
    fn cut_front(&mut self);
}

fn text(buf: &[u8], range: core::ops::Range<usize>) -> String {
    buf[range].escape_ascii().collect::<Vec<u8>>().into_iter().map(char::from).collect()
}

fn parts(buf: &[u8], frame: &MessageFrame) -> String {
    let reply = if frame.reply_len > 0 { text(buf, frame.reply()) } else { "-".into() };
    let headers = if frame.header_len > 0 { text(buf, frame.header_block()) } else { "-".into() };
    format!("{} {reply} {headers} [{}]", text(buf, frame.subject()), text(buf, frame.payload()))
}

impl Parser for Decoder {
    fn fresh() -> Self {
        Self::new(LIMITS)
    }

    fn read(&mut self, buf: &[u8]) -> Result<Option<String>, DecodeError> {
        Ok(self.next(buf)?.map(|frame| match frame {
            Frame::Message { sid, frame } => format!("msg {sid} {}", parts(buf, &frame)),
            Frame::Info(range) => format!("info {}", text(buf, range)),
            Frame::Error(range) => format!("err {}", text(buf, range)),
            Frame::Ping => "ping".into(),
            Frame::Pong => "pong".into(),
            Frame::Ok => "ok".into(),
        }))
    }

    fn front(&self) -> usize {
        self.consumed()
    }

    fn cut_front(&mut self) {
        self.consume();
    }
}

/// The decoder as one who takes the short way through runs of messages.
struct Runs {
    decoder: Decoder,
    /// Whom the frame before was for, if it was a message.
    latest: Option<Sid>,
}

impl Parser for Runs {
    fn fresh() -> Self {
        Self { decoder: Decoder::fresh(), latest: None }
    }

    fn read(&mut self, buf: &[u8]) -> Result<Option<String>, DecodeError> {
        if let Some(sid) = self.latest
            && let Some(frame) = self.decoder.next_alike(buf)
        {
            return Ok(Some(format!("msg {sid} {}", parts(buf, &frame))));
        }
        let next = self.decoder.clone().next(buf)?;
        self.latest = match next {
            Some(Frame::Message { sid, .. }) => Some(sid),
            Some(_) | None => None,
        };
        self.decoder.read(buf)
    }

    fn front(&self) -> usize {
        self.decoder.front()
    }

    fn cut_front(&mut self) {
        self.decoder.cut_front();
    }
}

impl Parser for ClientDecoder {
    fn fresh() -> Self {
        Self::new(LIMITS)
    }

    fn read(&mut self, buf: &[u8]) -> Result<Option<String>, DecodeError> {
        Ok(self.next(buf)?.map(|frame| match frame {
            ClientFrame::Publish(frame) => format!("pub {}", parts(buf, &frame)),
            ClientFrame::Connect(range) => format!("connect {}", text(buf, range)),
            ClientFrame::Subscribe { subject, queue, sid } => {
                let queue = queue.map_or_else(|| "-".into(), |queue| text(buf, queue));
                format!("sub {} {queue} {sid}", text(buf, subject))
            }
            ClientFrame::Unsubscribe { sid, max } => format!("unsub {sid} {max:?}"),
            ClientFrame::Ping => "ping".into(),
            ClientFrame::Pong => "pong".into(),
        }))
    }

    fn front(&self) -> usize {
        self.consumed()
    }

    fn cut_front(&mut self) {
        self.consume();
    }
}

type Outcome = (Vec<String>, Option<DecodeError>);

/// Feeds `pieces` into one growing buffer.
fn feed<'a, P: Parser>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let (mut parser, mut buf, mut frames) = (P::fresh(), Vec::new(), Vec::new());
    for piece in pieces {
        buf.extend_from_slice(piece);
        loop {
            match parser.read(&buf) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// As [`feed`], but takes what was handed out off the front of the buffer after every piece.
fn feed_and_consume<'a, P: Parser>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let (mut parser, mut buf, mut frames) = (P::fresh(), Vec::new(), Vec::new());
    for piece in pieces {
        buf.extend_from_slice(piece);
        loop {
            match parser.read(&buf) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        buf.drain(..parser.front());
        parser.cut_front();
        assert_eq!(parser.front(), 0);
    }
    (frames, None)
}

/// The outcome of the whole input, after checking that no way to cut it changes that.
#[track_caller]
fn outcome<P: Parser>(input: &[u8]) -> Outcome {
    let whole = feed::<P>([input]);
    for cut in 0..=input.len() {
        let (before, after) = input.split_at(cut);
        assert_eq!(feed::<P>([before, after]), whole, "cut at {cut}");
        assert_eq!(feed_and_consume::<P>([before, after]), whole, "cut and consumed at {cut}");
    }
    assert_eq!(feed::<P>(input.chunks(1)), whole, "byte by byte");
    assert_eq!(feed_and_consume::<P>(input.chunks(1)), whole, "byte by byte, consumed");
    whole
}

#[track_caller]
fn check<P: Parser>(table: &[(&str, &[&str])]) {
    for (input, expected) in table {
        let (frames, error) = outcome::<P>(input.as_bytes());
        assert_eq!(error, None, "{input:?}");
        assert_eq!(frames, *expected, "{input:?}");
    }
}

#[derive(Debug, PartialEq)]
enum Kind {
    Unknown,
    Arguments,
    LineTooLong,
    TooLarge,
    Headers,
    Terminator,
}

#[track_caller]
fn check_errors<P: Parser>(table: &[(&str, Kind)]) {
    for (input, expected) in table {
        let (frames, error) = outcome::<P>(input.as_bytes());
        let kind = match error {
            Some(DecodeError::UnknownOperation { .. }) => Kind::Unknown,
            Some(DecodeError::InvalidArguments { .. }) => Kind::Arguments,
            Some(DecodeError::LineTooLong { .. }) => Kind::LineTooLong,
            Some(DecodeError::MessageTooLarge { .. }) => Kind::TooLarge,
            Some(DecodeError::HeadersLongerThanMessage { .. }) => Kind::Headers,
            Some(DecodeError::MissingTerminator { .. }) => Kind::Terminator,
            None => panic!("{input:?} gave no error but {frames:?}"),
        };
        assert_eq!(kind, *expected, "{input:?}");
    }
}

#[test]
fn a_servers_frames_are_read_with_every_tolerance_of_the_protocol() {
    check::<Decoder>(&[
        ("", &[]),
        ("PING\r\n", &["ping"]),
        ("ping\r\nPoNg\n+ok\n", &["ping", "pong", "ok"]),
        ("PINGxyz\r\nPONG  \r\n+OK really\r\n", &["ping", "pong", "ok"]),
        ("INFO {\"a\":1}\r\n", &["info {\\\"a\\\":1}"]),
        ("INFO{}\r\n", &["info {}"]),
        ("info \t {} \t\r\n", &["info {}"]),
        ("INFO\r\n", &["info "]),
        ("-ERR 'no'\r\n", &["err \\'no\\'"]),
        ("-err\t'no' \n", &["err \\'no\\'"]),
        ("-ERR\r\n", &["err "]),
        ("-ERR   \r\n", &["err "]),
        ("MSG a 1 2\r\nhi\r\n", &["msg 1 a - - [hi]"]),
        ("msg a 1 2\nhi\r\n", &["msg 1 a - - [hi]"]),
        ("MsG \t a\t\t1  r\t 2 \t\r\nhi\r\n", &["msg 1 a r - [hi]"]),
        ("MSG a 7 0\r\n\r\n", &["msg 7 a - - []"]),
        ("MSG a 007 0005\r\nhello\r\n", &["msg 7 a - - [hello]"]),
        ("MSG a 1 000000001\r\nx\r\n", &["msg 1 a - - [x]"]),
        ("MSG a 18446744073709551615 0\r\n\r\n", &["msg 18446744073709551615 a - - []"]),
        ("HMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", &["msg 1 a - NATS/1.0\\r\\n\\r\\n [hi]"]),
        ("hmsg a 1 r.s 4 4\r\nabcd\r\n", &["msg 1 a r.s abcd []"]),
        ("HMSG a 1 0 2\r\nhi\r\n", &["msg 1 a - - [hi]"]),
        ("MSG a 1 6\r\nMSG\r\n \r\n", &["msg 1 a - - [MSG\\r\\n ]"]),
        ("MSG a 1 2\r\n\r\n\r\nPING\r\n", &["msg 1 a - - [\\r\\n]", "ping"]),
        ("PING\r\nMSG a 1 1\r\nx\r\nPONG\r\nMS", &["ping", "msg 1 a - - [x]", "pong"]),
        ("MSG a 1 100\r\nx", &[]),
    ]);
}

#[test]
fn a_server_out_of_step_is_an_error_wherever_the_input_was_cut() {
    check_errors::<Decoder>(&[
        ("\r\n", Kind::Unknown),
        ("\n", Kind::Unknown),
        (" PING\r\n", Kind::Unknown),
        ("PUB a 1\r\nx\r\n", Kind::Unknown),
        ("HTTP/1.1 400 Bad Request\r\n", Kind::Unknown),
        ("+KO\r\n", Kind::Unknown),
        ("MSG\r\n", Kind::Arguments),
        ("MSGa 1 2\r\nhi\r\n", Kind::Arguments),
        ("MSG a\r\n", Kind::Arguments),
        ("MSG a 1\r\n", Kind::Arguments),
        ("MSG a 1 r 2 9\r\n", Kind::Arguments),
        ("MSG a 1 r 2 9 9\r\n", Kind::Arguments),
        ("MSG a 0 1\r\nx\r\n", Kind::Arguments),
        ("MSG a b 1\r\nx\r\n", Kind::Arguments),
        ("MSG a 18446744073709551616 0\r\n\r\n", Kind::Arguments),
        ("MSG a 1 -1\r\n", Kind::Arguments),
        ("MSG a 1 +1\r\nx\r\n", Kind::Arguments),
        ("MSG a 1 1x\r\n", Kind::Arguments),
        ("MSG a 1 0000000005\r\nhello\r\n", Kind::Arguments),
        ("MSG a 1 9999999999\r\n", Kind::Arguments),
        ("HMSG a 1 12\r\n", Kind::Arguments),
        ("HMSG a 1 r 12 14 1\r\n", Kind::Arguments),
        ("HMSG a 1 x 14\r\n", Kind::Arguments),
        ("HMSG a 1 0000000000 2\r\nhi\r\n", Kind::Arguments),
        ("HMSG a 1 5 4\r\nabcd\r\n", Kind::Headers),
        ("MSG a 1 101\r\n", Kind::TooLarge),
        ("MSG a 1 999999999\r\n", Kind::TooLarge),
        ("HMSG a 1 101 101\r\n", Kind::TooLarge),
        ("MSG a 1 2\r\nhixx", Kind::Terminator),
        ("MSG a 1 2\r\nhi\n\n", Kind::Terminator),
        ("MSG a 1 2\r\nhi\rx", Kind::Terminator),
        ("MSG a 1 0\r\nPING\r\n", Kind::Terminator),
    ]);
}

#[test]
fn a_clients_frames_are_read_with_every_tolerance_of_the_protocol() {
    check::<ClientDecoder>(&[
        ("CONNECT {}\r\n", &["connect {}"]),
        ("connect{}\n", &["connect {}"]),
        ("CONNECT \t {} \r\n", &["connect {}"]),
        ("ping\r\nPONG x\n", &["ping", "pong"]),
        ("PUB a 2\r\nhi\r\n", &["pub a - - [hi]"]),
        ("pub\ta\tr\t02\nhi\r\n", &["pub a r - [hi]"]),
        ("PUB a 2 3\r\nabc\r\n", &["pub a 2 - [abc]"]),
        ("HPUB a 3 5\r\nabchi\r\n", &["pub a - abc [hi]"]),
        ("hpub a r 5 5\r\nabchi\r\n", &["pub a r abchi []"]),
        ("SUB a.* 1\r\n", &["sub a.* - 1"]),
        ("sub  > \t q  12 \n", &["sub > q 12"]),
        ("UNSUB 1\r\nunsub 1\t5\n", &["unsub 1 None", "unsub 1 Some(5)"]),
        ("UNSUB 1 0\r\n", &["unsub 1 None"]),
        ("PUB a 0\r\n\r\nPING\r\nPU", &["pub a - - []", "ping"]),
    ]);
}

#[test]
fn a_client_out_of_step_is_an_error_wherever_the_input_was_cut() {
    check_errors::<ClientDecoder>(&[
        ("\r\n", Kind::Unknown),
        ("MSG a 1 1\r\nx\r\n", Kind::Unknown),
        ("PINGS\r\n", Kind::Unknown),
        ("PUB a\r\n", Kind::Arguments),
        ("PUB a b c 1\r\nx\r\n", Kind::Arguments),
        ("PUB a 0000000001\r\nx\r\n", Kind::Arguments),
        ("HPUB a 1\r\nx\r\n", Kind::Arguments),
        ("HPUB a 2 1\r\nx\r\n", Kind::Headers),
        ("SUB a\r\n", Kind::Arguments),
        ("SUB a q 1 2\r\n", Kind::Arguments),
        ("SUB a x\r\n", Kind::Arguments),
        ("UNSUB\r\n", Kind::Arguments),
        ("UNSUB 1 x\r\n", Kind::Arguments),
        ("UNSUB 1 2 3\r\n", Kind::Arguments),
        ("PUB a 101\r\n", Kind::TooLarge),
        ("PUB a 1\r\nxx\r\n", Kind::Terminator),
    ]);
}

/// A line of exactly `len` bytes, line end included.
fn line(begin: &str, len: usize) -> String {
    format!("{begin}{}\r\n", "x".repeat(len - begin.len() - 2))
}

#[test]
fn lines_may_be_as_long_as_their_limit_and_no_longer() {
    for (begin, limit) in [("PING", 40), ("INFO ", 64)] {
        let (frames, error) = outcome::<Decoder>(line(begin, limit).as_bytes());
        assert_eq!((frames.len(), error), (1, None), "{begin}");
        let (frames, error) = outcome::<Decoder>(line(begin, limit + 1).as_bytes());
        assert_eq!((frames.len(), error), (0, Some(DecodeError::LineTooLong { limit })), "{begin}");
    }
    for (begin, limit) in [("PING ", 40), ("CONNECT ", 64)] {
        let (frames, error) = outcome::<ClientDecoder>(line(begin, limit).as_bytes());
        assert_eq!((frames.len(), error), (1, None), "{begin}");
        let (_, error) = outcome::<ClientDecoder>(line(begin, limit + 1).as_bytes());
        assert_eq!(error, Some(DecodeError::LineTooLong { limit }), "{begin}");
    }
    let (_, error) = outcome::<Decoder>("x".repeat(40).as_bytes());
    assert_eq!(error, Some(DecodeError::LineTooLong { limit: 40 }), "no line end at all");
}

#[test]
fn a_message_may_be_as_large_as_its_limit() {
    let body = "b".repeat(100);
    let (frames, error) = outcome::<Decoder>(format!("MSG a 1 100\r\n{body}\r\n").as_bytes());
    assert_eq!((frames.len(), error), (1, None));
}

#[test]
fn a_limit_above_a_gibibyte_counts_as_one() {
    let mut decoder = Decoder::new(DecodeLimits { message_max: usize::MAX, ..LIMITS });
    assert_eq!(decoder.next(b"MSG a 1 999999999\r\n"), Ok(None));
    assert_eq!(decoder.wanted(), Some(19 + 999_999_999 + 2));
}

#[test]
fn a_body_is_wanted_in_full_once_its_line_was_read() {
    let mut decoder = Decoder::new(LIMITS);
    let input = b"PING\r\nMSG a 1 5\r\nhello\r\n";
    assert_eq!(decoder.wanted(), None);
    assert_eq!(decoder.next(&input[..10]), Ok(Some(Frame::Ping)));
    assert_eq!((decoder.next(&input[..10]), decoder.wanted()), (Ok(None), None));
    assert_eq!((decoder.next(&input[..17]), decoder.wanted()), (Ok(None), Some(18)));
    decoder.consume();
    assert_eq!((decoder.next(&input[6..17]), decoder.wanted()), (Ok(None), Some(18)));
    assert!(matches!(decoder.next(&input[6..]), Ok(Some(Frame::Message { .. }))));
    assert_eq!((decoder.consumed(), decoder.wanted()), (18, None));
}

#[test]
fn an_error_names_what_it_stumbled_over() {
    let error = |input: &str| format!("{}", outcome::<Decoder>(input.as_bytes()).1.unwrap());
    assert_eq!(error("GET / HTTP\r\n"), r#"unknown protocol operation "GET / HTTP""#);
    assert_eq!(error("MSG a\r\n"), r#"invalid arguments in "MSG a""#);
    assert_eq!(error("MSG a 1 500\r\n"), "message of 500 bytes is over the limit of 100");
    assert_eq!(error("HMSG a 1 5 4\r\n"), "header block of 5 bytes in a message of 4");
    let expected = r#"message is followed by "x" where a line end must be"#;
    assert_eq!(error("MSG a 1 0\r\nxyz"), expected);
    let expected = r#"message is followed by "\rx" where a line end must be"#;
    assert_eq!(error("MSG a 1 0\r\n\rxyz"), expected);
}

/// A frame of either direction, or something that is none.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let token = "[a-z.*>]{1,12}";
    let body = proptest::collection::vec(any::<u8>(), 0..30);
    prop_oneof![
        4 => (token, 1u64..99, proptest::option::of(token), body.clone()).prop_map(
            |(subject, sid, reply, body)| {
                let mut out = Vec::new();
                let sid = Sid::new(sid).unwrap();
                let reply = reply.as_ref().map(String::as_bytes);
                encode::message(&mut out, subject.as_bytes(), sid, reply, None, &body);
                out
            }
        ),
        4 => (token, proptest::option::of(token), body).prop_map(|(subject, reply, body)| {
            let mut out = Vec::new();
            let reply = reply.as_ref().map(String::as_bytes);
            let size = encode::SizeText::new(body.len());
            encode::publish(&mut out, subject.as_bytes(), reply, None, &size, &body);
            out
        }),
        3 => prop::sample::select(vec![
            "PING\r\n", "pong\n", "+OK\r\n", "INFO {\"a\":[1]} \r\n", "-ERR 'x'\r\n",
            "HMSG a 1 2 4\r\nabcd\r\n", "HPUB a 2 4\r\nabcd\r\n", "SUB a 1\r\n", "UNSUB 1 2\r\n",
            "CONNECT {}\r\n",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..10),
        1 => "[MSGHPUBmsg 0-9\r\n\t]{0,20}".prop_map(String::into_bytes),
    ]
}

fn any_stream() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    let frames = proptest::collection::vec(any_frame(), 0..8).prop_map(|frames| frames.concat());
    (frames, proptest::collection::vec(0usize..200, 0..8))
}

/// Messages that differ in little, with other frames and spellings between them.
fn any_run() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    const FRAMES: [&str; 9] = [
        "MSG a 1 2\r\nhi\r\n",
        "MSG a 1 2\r\nho\r\n",
        "MSG a 1 3\r\nhoo\r\n",
        "MSG a 2 2\r\nhi\r\n",
        "msg b 2 2\r\nhi\r\n",
        "MSG a 1 r 2\r\nhi\r\n",
        "HMSG a 1 1 2\r\nhi\r\n",
        "PING\r\n",
        "MSG a 1 2\r\nbad",
    ];
    let frames = proptest::collection::vec(proptest::sample::select(&FRAMES[..8]), 0..12);
    let end = proptest::option::of(proptest::sample::select(&FRAMES[..]));
    let stream = (frames, end).prop_map(|(frames, end)| {
        frames.into_iter().chain(end).flat_map(str::bytes).collect::<Vec<u8>>()
    });
    (stream, proptest::collection::vec(0usize..200, 0..8))
}

fn pieces<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|&cut| cut.min(stream.len())).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn any_split_gives_the_same_frames((stream, cuts) in any_stream()) {
        let pieces = pieces(&stream, &cuts);
        let whole = feed::<Decoder>([&stream[..]]);
        prop_assert_eq!(&feed::<Decoder>(pieces.iter().copied()), &whole);
        prop_assert_eq!(&feed_and_consume::<Decoder>(pieces.iter().copied()), &whole);
        let whole = feed::<ClientDecoder>([&stream[..]]);
        prop_assert_eq!(&feed::<ClientDecoder>(pieces.iter().copied()), &whole);
        prop_assert_eq!(&feed_and_consume::<ClientDecoder>(pieces.iter().copied()), &whole);
    }

    #[test]
    fn the_short_way_through_a_run_gives_the_same_frames((stream, cuts) in any_run()) {
        let whole = feed::<Decoder>([&stream[..]]);
        let pieces = pieces(&stream, &cuts);
        prop_assert_eq!(&feed::<Runs>([&stream[..]]), &whole);
        prop_assert_eq!(&feed::<Runs>(pieces.iter().copied()), &whole);
        prop_assert_eq!(&feed_and_consume::<Runs>(pieces.iter().copied()), &whole);
    }

    #[test]
    fn what_a_server_encodes_is_decoded_to_the_same_message(
        subject in "[!-~]{1,60}",
        number in 1u64..,
        reply in proptest::option::of("[!-~]{1,60}"),
        block in proptest::option::of(proptest::collection::vec(any::<u8>(), 1..50)),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let (mut out, sid) = (encode::PING.to_vec(), Sid::new(number).unwrap());
        let reply = reply.as_ref().map(String::as_bytes);
        encode::message(&mut out, subject.as_bytes(), sid, reply, block.as_deref(), &body);
        let mut decoder = Decoder::new(DecodeLimits::default());
        prop_assert_eq!(decoder.next(&out), Ok(Some(Frame::Ping)));
        let Ok(Some(Frame::Message { sid: found, frame })) = decoder.next(&out) else {
            return Err(TestCaseError::fail("no message"));
        };
        prop_assert_eq!(found, sid);
        prop_assert_eq!(&out[frame.subject()], subject.as_bytes());
        prop_assert_eq!((frame.reply_len > 0).then(|| &out[frame.reply()]), reply);
        let found = (frame.header_len > 0).then(|| &out[frame.header_block()]);
        prop_assert_eq!(found, block.as_deref());
        prop_assert_eq!(&out[frame.payload()], &body[..]);
        prop_assert_eq!(decoder.consumed(), out.len());
    }

    #[test]
    fn what_a_client_encodes_is_decoded_to_the_same_frames(
        subject in "[!-~]{1,60}",
        other in proptest::option::of("[!-~]{1,60}"),
        header in proptest::option::of("[!-~]{1,20}"),
        body in proptest::collection::vec(any::<u8>(), 0..200),
        number in 1u64..,
        max in proptest::option::of(1u64..),
    ) {
        let mut out = Vec::new();
        let (sid, other) = (Sid::new(number).unwrap(), other.as_ref().map(String::as_bytes));
        let headers = header.as_ref().map(|value| {
            let mut headers = HeaderMap::new();
            headers.insert("K", value.as_str());
            headers
        });
        let size = headers.as_ref().map_or(0, HeaderMap::encoded_len) + body.len();
        let size = encode::SizeText::new(size);
        encode::publish(&mut out, subject.as_bytes(), other, headers.as_ref(), &size, &body);
        encode::subscribe(&mut out, subject.as_bytes(), other, sid);
        encode::unsubscribe(&mut out, sid, max);
        out.extend_from_slice(encode::PONG);
        let mut decoder = ClientDecoder::new(DecodeLimits::default());
        let Ok(Some(ClientFrame::Publish(frame))) = decoder.next(&out) else {
            return Err(TestCaseError::fail("no publish"));
        };
        prop_assert_eq!(&out[frame.subject()], subject.as_bytes());
        prop_assert_eq!((frame.reply_len > 0).then(|| &out[frame.reply()]), other);
        let block = header.map(|value| format!("NATS/1.0\r\nK: {value}\r\n\r\n"));
        let found = (frame.header_len > 0).then(|| &out[frame.header_block()]);
        prop_assert_eq!(found, block.as_ref().map(String::as_bytes));
        prop_assert_eq!(&out[frame.payload()], &body[..]);
        let Ok(Some(ClientFrame::Subscribe { subject: at, queue, sid: found })) = decoder.next(&out)
        else {
            return Err(TestCaseError::fail("no subscribe"));
        };
        prop_assert_eq!(&out[at], subject.as_bytes());
        prop_assert_eq!(queue.map(|at| &out[at]), other);
        prop_assert_eq!(found, sid);
        let unsubscribe = ClientFrame::Unsubscribe { sid, max };
        prop_assert_eq!(decoder.next(&out), Ok(Some(unsubscribe)));
        prop_assert_eq!(decoder.next(&out), Ok(Some(ClientFrame::Pong)));
        prop_assert_eq!(decoder.next(&out), Ok(None));
        prop_assert_eq!(decoder.consumed(), out.len());
    }
}

#[test]
fn a_decoder_and_its_frames_own_no_memory_beyond_themselves() {
    assert!(!core::mem::needs_drop::<Decoder>());
    assert!(!core::mem::needs_drop::<ClientDecoder>());
    assert!(!core::mem::needs_drop::<Frame>());
    assert!(!core::mem::needs_drop::<MessageFrame>());
}
