use super::*;
use crate::decoder::{ClientDecoder, ClientFrame, DecodeLimits};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use proptest::prelude::*;

pub(super) const ANY_SERVER: ServerLimits =
    ServerLimits { max_payload: usize::MAX, headers: HeaderSupport::Yes };

pub(super) fn offline() -> Outbox {
    Outbox::new(OutboxLimits::default())
}

pub(super) fn online() -> Outbox {
    let mut outbox = offline();
    outbox.set_online(ANY_SERVER);
    outbox
}

pub(super) fn publish(outbox: &mut Outbox, subject: &str, payload: &[u8]) -> Result<(), Refusal> {
    let payload = Bytes::copy_from_slice(payload);
    let subject = subject.as_bytes();
    outbox.publish(Publish { subject, reply: None, headers: None, payload: &payload })
}

pub(super) fn publish_with_header(outbox: &mut Outbox, subject: &str) -> Result<(), Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert("k", "v");
    let subject = subject.as_bytes();
    let payload = Bytes::from_static(b"x");
    outbox.publish(Publish { subject, reply: None, headers: Some(&headers), payload: &payload })
}

fn sid(number: u64) -> Sid {
    Sid::new(number).unwrap()
}

fn bytes(chunk: &Chunk) -> Vec<u8> {
    chunk.slices(0).flatten().copied().collect()
}

/// Takes everything and returns it as text.
pub(super) fn taken(outbox: &mut Outbox) -> String {
    let mut out = Vec::new();
    while let Some(chunk) = outbox.take_any() {
        out.extend(bytes(&chunk));
        outbox.recycle(chunk);
    }
    String::from_utf8(out).unwrap()
}

/// The subjects of the publishes in whole frames of `stream`, and what follows the last whole frame.
pub(super) fn subjects(stream: &[u8]) -> (Vec<String>, usize) {
    let mut decoder = ClientDecoder::new(DecodeLimits::default());
    let mut found = Vec::new();
    while let Some(frame) = decoder.next(stream).unwrap() {
        if let ClientFrame::Publish(frame) = frame {
            found.push(String::from_utf8(stream[frame.subject()].to_vec()).unwrap());
        }
    }
    (found, stream.len() - decoder.consumed())
}

#[test]
fn frames_leave_in_the_order_of_the_calls_whatever_their_kind() {
    let mut outbox = online();
    publish(&mut outbox, "a", b"1").unwrap();
    assert_eq!(outbox.subscribe(b"s", Some(b"q"), sid(1)), Ok(OnWire::Yes));
    publish_with_header(&mut outbox, "b").unwrap();
    assert_eq!(outbox.unsubscribe(sid(1), Some(3)), OnWire::Yes);
    outbox.fence(FenceId(7)).unwrap();
    publish(&mut outbox, "c", b"").unwrap();
    let chunk = outbox.take().unwrap();
    let expected = "PUB a 1\r\n1\r\nSUB s q 1\r\n\
                    HPUB b 18 19\r\nNATS/1.0\r\nk: v\r\n\r\nx\r\nUNSUB 1 3\r\nPING\r\nPUB c 0\r\n\r\n";
    assert_eq!(bytes(&chunk), expected.as_bytes());
    assert_eq!(chunk.len(), expected.len());
    assert_eq!(chunk.publishes(), 3);
    assert_eq!(chunk.fences(), [Fence { id: FenceId(7), publishes_before: 2 }]);
    assert!(outbox.take().is_none());
    assert_eq!(outbox.published(), (3, 1 + 19));
}

#[test]
fn a_reply_subject_stands_behind_the_subject() {
    let mut outbox = online();
    let payload = Bytes::from_static(b"x");
    let message = Publish { subject: b"a", reply: Some(b"r"), headers: None, payload: &payload };
    outbox.publish(message).unwrap();
    assert_eq!(taken(&mut outbox), "PUB a r 1\r\nx\r\n");
}

#[test]
fn an_empty_header_map_is_sent_as_no_headers_even_to_a_server_without_them() {
    let mut outbox = offline();
    outbox.set_online(ServerLimits { headers: HeaderSupport::No, ..ANY_SERVER });
    let (headers, payload) = (HeaderMap::new(), Bytes::from_static(b"x"));
    let message =
        Publish { subject: b"a", reply: None, headers: Some(&headers), payload: &payload };
    outbox.publish(message).unwrap();
    assert_eq!(taken(&mut outbox), "PUB a 1\r\nx\r\n");
}

#[test]
fn a_large_payload_is_written_from_where_it_is() {
    let mut outbox = online();
    let large = Bytes::from(vec![b'x'; SPLICE_BYTES_MIN]);
    publish(&mut outbox, "a", b"1").unwrap();
    let message = Publish { subject: b"b", reply: None, headers: None, payload: &large };
    outbox.publish(message).unwrap();
    publish(&mut outbox, "c", b"2").unwrap();
    let chunk = outbox.take().unwrap();
    let slices: Vec<&[u8]> = chunk.slices(0).collect();
    assert_eq!(slices[0], b"PUB a 1\r\n1\r\nPUB b 16384\r\n");
    assert_eq!(slices[1].as_ptr(), large.as_ptr(), "the payload is not copied");
    assert_eq!(slices[2], b"\r\nPUB c 1\r\n2\r\n");
    assert_eq!(slices.len(), 3);
    assert_eq!(chunk.len(), slices.concat().len());
}

#[test]
fn a_payload_below_the_threshold_is_copied_so_that_nothing_stays_pinned() {
    let mut outbox = online();
    publish(&mut outbox, "a", &vec![0; SPLICE_BYTES_MIN - 1]).unwrap();
    assert_eq!(outbox.take().unwrap().slices(0).count(), 1);
}

#[test]
fn what_is_left_of_a_chunk_begins_at_any_byte() {
    let mut outbox = online();
    publish(&mut outbox, "a", &vec![b'x'; SPLICE_BYTES_MIN]).unwrap();
    publish(&mut outbox, "b", b"1").unwrap();
    let chunk = outbox.take().unwrap();
    let whole = bytes(&chunk);
    for from in 0..=whole.len() {
        let rest: Vec<u8> = chunk.slices(from).flatten().copied().collect();
        assert!(rest == whole[from..], "from {from}");
        assert!(chunk.slices(from).all(|slice| !slice.is_empty()), "from {from}");
    }
}

#[test]
fn a_chunk_is_filled_and_closed_before_it_grows_over_the_size_of_one_write() {
    let mut outbox = online();
    for _ in 0..800 {
        publish(&mut outbox, "a", &[0; 1000]).unwrap();
    }
    let mut publishes = Vec::new();
    while let Some(chunk) = outbox.take() {
        assert!(chunk.len() <= CHUNK_BYTES, "{}", chunk.len());
        publishes.push(chunk.publishes());
        assert_eq!(subjects(&bytes(&chunk)).1, 0, "whole frames only");
    }
    // A frame is "PUB a 1000", two line ends and 1000 bytes: 387 go into 384 KiB.
    assert_eq!(publishes, [387, 387, 26]);
}

#[test]
fn the_size_of_one_write_can_be_chosen() {
    for size in [1 << 10, 128 << 10] {
        let limits = OutboxLimits { chunk: size, ..OutboxLimits::default() };
        let mut outbox = Outbox::new(limits);
        outbox.set_online(ANY_SERVER);
        for _ in 0..400 {
            publish(&mut outbox, "a", &[0; 500]).unwrap();
        }
        let first = outbox.take().unwrap().len();
        // The head of a frame is not counted beforehand.
        assert!(first < size + 32 && first > size - 520, "{first} of {size}");
    }
}

#[test]
fn written_buffers_are_filled_again() {
    let mut outbox = online();
    publish(&mut outbox, "a", &[0; 1000]).unwrap();
    let chunk = outbox.take().unwrap();
    let at = chunk.slices(0).next().unwrap().as_ptr();
    outbox.recycle(chunk);
    publish(&mut outbox, "a", b"").unwrap();
    let second = outbox.take().unwrap();
    publish(&mut outbox, "a", b"").unwrap();
    let third = outbox.take().unwrap();
    let reused = |chunk: &Chunk| chunk.slices(0).next().unwrap().as_ptr() == at;
    assert!(reused(&second) || reused(&third));
}

#[test]
fn after_a_warm_up_the_same_buffers_go_round_and_none_is_made_or_grows() {
    let mut outbox = online();
    // Buffers and their bytes, in use or not.
    let pool = |outbox: &Outbox| {
        let used = outbox.closed.iter().chain([&outbox.tail]).map(Chunk::capacity);
        let all: Vec<usize> = outbox.free.iter().map(Vec::capacity).chain(used).collect();
        (all.len(), all.iter().sum::<usize>())
    };
    let mut round = || {
        while publish(&mut outbox, "a", &[b'x'; 1000]).is_ok() {}
        let full = pool(&outbox);
        while let Some(chunk) = outbox.take() {
            outbox.recycle(chunk);
        }
        (full, pool(&outbox))
    };
    // The buffers grow to their size in the first rounds.
    for _ in 0..3 {
        round();
    }
    let (full, empty) = round();
    assert_eq!(full, empty);
    assert!(full.0 > 2, "a full queue went through: {full:?}");
    for number in 0..100 {
        assert_eq!(round(), (full, full), "in round {number}");
    }
}

#[test]
fn positions_count_every_byte_and_meet_when_all_was_taken() {
    let mut outbox = online();
    assert_eq!((outbox.start_position(), outbox.end_position()), (0, 0));
    publish(&mut outbox, "a", b"1").unwrap();
    outbox.fence(FenceId(1)).unwrap();
    assert_eq!((outbox.start_position(), outbox.end_position()), (0, 18));
    assert_eq!((outbox.queued_bytes(), outbox.is_empty()), (18, false));
    outbox.take().unwrap();
    assert_eq!((outbox.start_position(), outbox.end_position()), (18, 18));
    assert!(outbox.is_empty());
}

#[test]
fn an_unfinished_chunk_goes_back_behind_the_start_position() {
    let mut outbox = online();
    publish(&mut outbox, "a", b"1").unwrap();
    publish(&mut outbox, "b", b"1").unwrap();
    let end = outbox.end_position();
    let chunk = outbox.take().unwrap();
    let report = outbox.set_offline(vec![(chunk, 12)], Cut::Other);
    assert_eq!((report.written, report.kept), (1, 1));
    assert_eq!((outbox.start_position(), outbox.end_position()), (end - 12, end));
}

#[test]
fn above_the_high_water_mark_a_publisher_waits_until_bytes_were_taken() {
    let mut outbox = offline();
    outbox.set_limits(OutboxLimits { high_water: 100, low_water: 50, ..OutboxLimits::default() });
    outbox.set_online(ANY_SERVER);
    publish(&mut outbox, "a", &[0; 60]).unwrap();
    assert!(outbox.has_room() && !outbox.is_low());
    publish(&mut outbox, "a", &[0; 60]).unwrap();
    assert!(!outbox.has_room());
    assert_eq!(publish(&mut outbox, "a", b""), Err(Refusal::Full));
    outbox.fence(FenceId(1)).unwrap();
    assert_eq!(outbox.subscribe(b"s", None, sid(1)), Ok(OnWire::Yes), "only messages wait");
    outbox.take().unwrap();
    assert!(outbox.has_room() && outbox.is_low());
    publish(&mut outbox, "a", b"").unwrap();
}

#[test]
fn without_a_connection_messages_are_kept_up_to_a_limit_and_nothing_is_to_be_taken() {
    let mut outbox = offline();
    outbox.set_reconnect_buffer(ReconnectBuffer::new(BufferPolicy::new().bytes(100)));
    publish(&mut outbox, "a", &[0; 50]).unwrap();
    assert_eq!(publish(&mut outbox, "a", &[0; 50]), Err(Refusal::BufferFull { limit: 100 }));
    publish(&mut outbox, "b", &[b'x'; 5]).unwrap();
    assert!(outbox.take().is_none() && outbox.has_room() && outbox.is_low());
    outbox.set_online(ANY_SERVER);
    assert_eq!(subjects(taken(&mut outbox).as_bytes()), (vec!["a".to_string(), "b".into()], 0));
}

#[test]
fn with_a_limit_of_zero_nothing_is_kept_without_a_connection() {
    let mut outbox = offline();
    outbox.set_reconnect_buffer(ReconnectBuffer::new(BufferPolicy::new().bytes(0)));
    assert_eq!(publish(&mut outbox, "a", b"1"), Err(Refusal::BufferFull { limit: 0 }));
    assert_eq!(publish(&mut outbox, "a", b""), Err(Refusal::BufferFull { limit: 0 }));
    outbox.set_online(ANY_SERVER);
    publish(&mut outbox, "a", b"").unwrap();
}

#[test]
fn what_the_server_would_refuse_is_refused_here() {
    let mut outbox = offline();
    outbox.set_online(ServerLimits { max_payload: 18, headers: HeaderSupport::Yes });
    publish(&mut outbox, "a", &[0; 18]).unwrap();
    let error = Refusal::MaxPayloadExceeded { size: 19, limit: 18 };
    assert_eq!(publish(&mut outbox, "a", &[0; 19]), Err(error));
    assert_eq!(publish_with_header(&mut outbox, "a"), Err(error), "headers count");
    outbox.set_server_limits(ServerLimits { headers: HeaderSupport::No, ..ANY_SERVER });
    assert_eq!(publish_with_header(&mut outbox, "a"), Err(Refusal::HeadersNotSupported));
    publish(&mut outbox, "a", &[0; 19]).unwrap();
    assert_eq!(outbox.published().0, 2, "a refused message is not counted");
}

#[test]
fn a_drain_ends_subscriptions_first_and_publishes_then() {
    let mut outbox = online();
    outbox.restrict(Intake::PublishOnly);
    assert_eq!(outbox.subscribe(b"s", None, sid(1)), Err(Refusal::Draining));
    publish(&mut outbox, "a", b"").unwrap();
    outbox.restrict(Intake::Draining);
    assert_eq!(publish(&mut outbox, "a", b""), Err(Refusal::Draining));
    outbox.fence(FenceId(1)).unwrap();
    outbox.restrict(Intake::Closed);
    assert_eq!(publish(&mut outbox, "a", b""), Err(Refusal::Closed));
    assert_eq!(outbox.subscribe(b"s", None, sid(1)), Err(Refusal::Closed));
    assert_eq!(outbox.fence(FenceId(2)), Err(Refusal::Closed));
}

#[test]
fn a_restriction_is_never_lifted() {
    let mut outbox = online();
    outbox.restrict(Intake::Closed);
    for wider in [Intake::Open, Intake::PublishOnly, Intake::Draining] {
        outbox.restrict(wider);
        assert_eq!(outbox.intake(), Intake::Closed);
    }
}

#[test]
fn without_a_connection_control_frames_are_left_to_the_next_one() {
    let mut outbox = offline();
    assert_eq!(outbox.subscribe(b"s", None, sid(1)), Ok(OnWire::No));
    assert_eq!(outbox.unsubscribe(sid(1), None), OnWire::No);
    assert_eq!(outbox.fence(FenceId(1)), Err(Refusal::Disconnected));
    assert!(outbox.is_empty());
}

#[test]
fn a_lost_connection_takes_the_queued_control_frames_with_it() {
    let mut outbox = online();
    outbox.subscribe(b"s", None, sid(1)).unwrap();
    publish(&mut outbox, "a", b"1").unwrap();
    let chunk = outbox.take().unwrap();
    outbox.fence(FenceId(1)).unwrap();
    outbox.unsubscribe(sid(1), None);
    publish(&mut outbox, "b", b"2").unwrap();
    let report = outbox.set_offline(vec![(chunk, 0)], Cut::Other);
    assert_eq!(report, Requeued { written: 0, kept: 2, dropped: vec![], ..Requeued::default() });
    outbox.set_online(ANY_SERVER);
    assert_eq!(taken(&mut outbox), "PUB a 1\r\n1\r\nPUB b 1\r\n2\r\n");
}

#[test]
fn a_chunk_cut_at_any_byte_goes_on_with_the_first_frame_that_was_not_whole() {
    let frames =
        ["PUB a 1\r\n1\r\n", "PING\r\n", "PUB b r 2\r\n22\r\n", "SUB s 1\r\n", "PUB c 0\r\n\r\n"];
    let whole = frames.concat();
    for cut in 0..=whole.len() {
        let mut outbox = online();
        publish(&mut outbox, "a", b"1").unwrap();
        outbox.fence(FenceId(1)).unwrap();
        let (reply, payload) = (Some(&b"r"[..]), Bytes::from_static(b"22"));
        outbox.publish(Publish { subject: b"b", reply, headers: None, payload: &payload }).unwrap();
        outbox.subscribe(b"s", None, sid(1)).unwrap();
        publish(&mut outbox, "c", b"").unwrap();
        let chunk = outbox.take().unwrap();
        assert_eq!(bytes(&chunk), whole.as_bytes());
        publish(&mut outbox, "d", b"").unwrap();

        let (mut end, mut left, mut written) = (0, String::new(), 0);
        for frame in frames {
            end += frame.len();
            if !frame.starts_with("PUB") {
                continue;
            }
            if end > cut {
                left.push_str(frame);
            } else {
                written += 1;
            }
        }
        left.push_str("PUB d 0\r\n\r\n");
        let report = outbox.set_offline(vec![(chunk, cut)], Cut::Other);
        assert_eq!(
            report,
            Requeued { written, kept: 4 - written, dropped: vec![], ..Requeued::default() },
            "cut {cut}"
        );
        assert_eq!(taken(&mut outbox), left, "cut {cut}");
    }
}

#[test]
fn a_spliced_payload_that_was_cut_is_sent_again_from_its_start() {
    for cut in [0, 5, 15, 20, 10_000, SPLICE_BYTES_MIN + 13, SPLICE_BYTES_MIN + 14] {
        let mut outbox = online();
        publish(&mut outbox, "a", &vec![b'x'; SPLICE_BYTES_MIN]).unwrap();
        let chunk = outbox.take().unwrap();
        let whole = String::from_utf8(bytes(&chunk)).unwrap();
        assert_eq!(whole.len(), SPLICE_BYTES_MIN + 15);
        assert_eq!(outbox.set_offline(vec![(chunk, cut)], Cut::Other).kept, 1);
        assert!(taken(&mut outbox) == whole, "cut {cut}");
    }
}

#[test]
fn several_unfinished_chunks_go_back_in_order_before_what_was_queued() {
    let mut outbox = online();
    publish(&mut outbox, "a", b"").unwrap();
    let first = outbox.take().unwrap();
    publish(&mut outbox, "b", b"").unwrap();
    let second = outbox.take().unwrap();
    publish(&mut outbox, "c", b"").unwrap();
    let report = outbox.set_offline(vec![(first, 3), (second, 0)], Cut::Other);
    assert_eq!(report.kept, 3);
    assert_eq!(taken(&mut outbox), "PUB a 0\r\n\r\nPUB b 0\r\n\r\nPUB c 0\r\n\r\n");
}

/// Connects, cuts the first frame after its first byte, and returns what was dropped.
fn cut_once(outbox: &mut Outbox) -> Requeued {
    outbox.set_online(ANY_SERVER);
    let chunk = outbox.take().unwrap();
    outbox.set_offline(vec![(chunk, 1)], Cut::Other)
}

#[test]
fn a_frame_is_begun_again_three_times_and_then_given_up() {
    let mut outbox = offline();
    publish(&mut outbox, "bad", b"").unwrap();
    publish(&mut outbox, "good", b"").unwrap();
    for _ in 0..3 {
        assert_eq!(cut_once(&mut outbox).dropped, Vec::<String>::new());
    }
    assert_eq!(cut_once(&mut outbox).dropped, ["bad"]);
    assert_eq!(taken(&mut outbox), "PUB good 0\r\n\r\n");
}

#[test]
fn a_connection_that_was_lost_before_the_frame_began_is_not_held_against_it() {
    let mut outbox = offline();
    publish(&mut outbox, "a", b"").unwrap();
    for _ in 0..10 {
        outbox.set_online(ANY_SERVER);
        let chunk = outbox.take().unwrap();
        assert_eq!(outbox.set_offline(vec![(chunk, 0)], Cut::Other).kept, 1);
    }
    for _ in 0..10 {
        outbox.set_online(ANY_SERVER);
        assert_eq!(outbox.set_offline(vec![], Cut::Other).kept, 1);
    }
}

#[test]
fn restarts_of_one_frame_are_not_those_of_its_neighbours() {
    let mut outbox = offline();
    publish(&mut outbox, "a", b"").unwrap();
    publish(&mut outbox, "b", b"").unwrap();
    for _ in 0..3 {
        assert_eq!(cut_once(&mut outbox).kept, 2);
    }
    outbox.set_online(ANY_SERVER);
    let chunk = outbox.take().unwrap();
    let report = outbox.set_offline(vec![(chunk, 12)], Cut::Other);
    assert_eq!((report.written, report.kept), (1, 1), "a was written, b was cut once");
    for _ in 0..2 {
        assert_eq!(cut_once(&mut outbox).kept, 1);
    }
    assert_eq!(cut_once(&mut outbox).dropped, ["b"]);
}

#[test]
fn the_frame_that_the_server_refused_for_its_size_is_not_sent_again() {
    let mut outbox = online();
    publish(&mut outbox, "fine", b"").unwrap();
    publish(&mut outbox, "too.big", b"123").unwrap();
    publish(&mut outbox, "later", b"").unwrap();
    let chunk = outbox.take().unwrap();
    let report = outbox.set_offline(vec![(chunk, 24)], Cut::PayloadRefused);
    assert_eq!(
        report,
        Requeued { written: 1, kept: 1, dropped: vec!["too.big".into()], ..Requeued::default() }
    );
    assert_eq!(taken(&mut outbox), "PUB later 0\r\n\r\n");
}

#[test]
fn a_refused_size_drops_nothing_that_was_not_begun() {
    let mut outbox = online();
    publish(&mut outbox, "a", b"").unwrap();
    publish(&mut outbox, "b", b"").unwrap();
    let chunk = outbox.take().unwrap();
    let report = outbox.set_offline(vec![(chunk, 11)], Cut::PayloadRefused);
    assert_eq!(report, Requeued { written: 1, kept: 1, dropped: vec![], ..Requeued::default() });
}

#[test]
fn what_a_narrower_server_would_refuse_leaves_the_queue_by_name() {
    let mut outbox = offline();
    publish(&mut outbox, "small", &[b'x'; 10]).unwrap();
    publish(&mut outbox, "big", &[b'x'; 20]).unwrap();
    publish_with_header(&mut outbox, "headed").unwrap();
    publish(&mut outbox, "last", b"").unwrap();
    assert_eq!(outbox.drop_refused(ANY_SERVER), Vec::<String>::new());
    let narrow = ServerLimits { max_payload: 19, headers: HeaderSupport::Yes };
    assert_eq!(outbox.drop_refused(narrow), ["big"]);
    let old = ServerLimits { max_payload: 19, headers: HeaderSupport::No };
    assert_eq!(outbox.drop_refused(old), ["headed"]);
    assert_eq!(outbox.drop_refused(old), Vec::<String>::new());
    assert_eq!(taken(&mut outbox), "PUB small 10\r\nxxxxxxxxxx\r\nPUB last 0\r\n\r\n");
}

#[test]
fn a_message_that_was_taken_and_put_back_is_checked_like_any_other() {
    let mut outbox = online();
    publish(&mut outbox, "big", &[0; 200]).unwrap();
    publish_with_header(&mut outbox, "headed").unwrap();
    let chunk = outbox.take().unwrap();
    assert_eq!(outbox.set_offline(vec![(chunk, 0)], Cut::Other).kept, 2);
    let narrow = ServerLimits { max_payload: 100, headers: HeaderSupport::No };
    assert_eq!(outbox.drop_refused(narrow), ["big", "headed"]);
    assert!(outbox.is_empty());
}

#[test]
fn dropping_what_is_refused_keeps_count_of_restarts() {
    let mut outbox = offline();
    publish(&mut outbox, "a", b"").unwrap();
    publish(&mut outbox, "big", &[0; 9]).unwrap();
    for _ in 0..3 {
        assert_eq!(cut_once(&mut outbox).kept, 2);
    }
    let narrow = ServerLimits { max_payload: 5, headers: HeaderSupport::Yes };
    assert_eq!(outbox.drop_refused(narrow), ["big"]);
    assert_eq!(cut_once(&mut outbox).dropped, ["a"]);
}

#[test]
fn clearing_tells_what_was_lost() {
    let mut outbox = online();
    publish(&mut outbox, "a", b"1").unwrap();
    outbox.fence(FenceId(1)).unwrap();
    publish(&mut outbox, "b", &vec![0; 64 << 10]).unwrap();
    assert_eq!(outbox.clear(), (2, 12 + 6 + (64 << 10) + 15));
    assert_eq!(outbox.clear(), (0, 0));
    assert!(outbox.is_empty() && outbox.take().is_none());
}

#[test]
fn shrinking_never_touches_what_is_queued() {
    let mut outbox = online();
    publish(&mut outbox, "a", b"1").unwrap();
    outbox.shrink();
    assert_eq!(taken(&mut outbox), "PUB a 1\r\n1\r\n");
    outbox.shrink();
    publish(&mut outbox, "b", b"2").unwrap();
    assert_eq!(taken(&mut outbox), "PUB b 1\r\n2\r\n");
}

#[derive(Clone, Debug)]
enum Operation {
    Publish(usize),
    Fence,
    Subscribe,
    /// Writes a chunk whole.
    Write,
    /// Writes part of one, in per mille, and loses the connection.
    Cut(usize, Cut),
    Connect,
    Narrow(usize),
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let size = prop_oneof![0usize..40, 10_000usize..40_000];
    prop_oneof![
        6 => size.prop_map(Operation::Publish),
        1 => Just(Operation::Fence),
        1 => Just(Operation::Subscribe),
        2 => Just(Operation::Write),
        2 => (0usize..=1000, prop::sample::select(vec![Cut::Other, Cut::PayloadRefused]))
            .prop_map(|(at, cut)| Operation::Cut(at, cut)),
        3 => Just(Operation::Connect),
        1 => (0usize..30_000).prop_map(Operation::Narrow),
    ]
}

proptest! {
    #[test]
    fn every_publish_is_written_or_kept_or_dropped_by_name(
        operations in proptest::collection::vec(any_operation(), 1..60)
    ) {
        let mut outbox = offline();
        let mut accepted: Vec<String> = Vec::new();
        let mut written: Vec<String> = Vec::new();
        let mut dropped: Vec<String> = Vec::new();
        for operation in operations {
            match operation {
                Operation::Publish(size) => {
                    let subject = format!("s{}", accepted.len());
                    if publish(&mut outbox, &subject, &vec![b'x'; size]).is_ok() {
                        accepted.push(subject);
                    }
                }
                Operation::Fence => {
                    let _ = outbox.fence(FenceId(1));
                }
                Operation::Subscribe => {
                    outbox.subscribe(b"s", None, sid(1)).unwrap();
                }
                Operation::Write => {
                    if let Some(chunk) = outbox.take() {
                        written.extend(subjects(&bytes(&chunk)).0);
                        outbox.recycle(chunk);
                    }
                }
                Operation::Cut(at, cut) => {
                    let mut unfinished = Vec::new();
                    if let Some(chunk) = outbox.take() {
                        let at = chunk.len() * at / 1000;
                        written.extend(subjects(&bytes(&chunk)[..at]).0);
                        unfinished.push((chunk, at));
                    }
                    let report = outbox.set_offline(unfinished, cut);
                    dropped.extend(report.dropped);
                    prop_assert!(report.kept == 0 || !outbox.is_empty());
                }
                Operation::Connect => {
                    outbox.set_online(ANY_SERVER);
                }
                Operation::Narrow(max_payload) => {
                    let server = ServerLimits { max_payload, ..ANY_SERVER };
                    dropped.extend(outbox.drop_refused(server));
                }
            }
            prop_assert!(outbox.start_position() <= outbox.end_position());
        }
        let (kept, rest) = subjects(taken(&mut outbox).as_bytes());
        prop_assert_eq!(rest, 0);
        prop_assert!(outbox.is_empty());
        let number = |subject: &String| subject[1..].parse::<usize>().unwrap();
        let order: Vec<usize> = written.iter().chain(&kept).map(number).collect();
        prop_assert!(order.is_sorted(), "wire order is call order: {:?}", order);
        let mut fates = [written, kept, dropped].concat();
        fates.sort_by_key(number);
        prop_assert_eq!(fates, accepted);
    }
}

#[test]
fn dropping_publishes_keeps_subscriptions_and_fences_in_order() {
    let mut outbox = Outbox::new(OutboxLimits::default());
    let limits = ServerLimits { max_payload: usize::MAX, headers: HeaderSupport::Yes };
    outbox.set_online(limits);
    let sid = Sid::FIRST;
    let publish = |outbox: &mut Outbox| {
        let payload = Bytes::from_static(b"PING\r\n");
        let message = Publish { subject: b"a", reply: None, headers: None, payload: &payload };
        outbox.publish(message).unwrap();
    };
    publish(&mut outbox);
    outbox.subscribe(b"b", None, sid).unwrap();
    outbox.fence(FenceId(1)).unwrap();
    publish(&mut outbox);
    outbox.unsubscribe(sid, None);
    outbox.fence(FenceId(2)).unwrap();
    assert_eq!(outbox.drop_publishes(), 2);
    let chunk = outbox.take().unwrap();
    let bytes: Vec<u8> = chunk.slices(0).flatten().copied().collect();
    assert_eq!(bytes, b"SUB b 1\r\nPING\r\nUNSUB 1\r\nPING\r\n");
    let fences: Vec<FenceId> = chunk.fences().iter().map(|fence| fence.id).collect();
    assert_eq!(fences, [FenceId(1), FenceId(2)]);
    assert_eq!(chunk.publishes(), 0);
    assert!(outbox.is_empty());
}

/// Publishes and takes until so much was taken without a rest that it is a flood; leaves one message.
fn flooded() -> Outbox {
    let mut outbox = online();
    while !outbox.holds_back() {
        outbox.take();
        publish(&mut outbox, "flood", &[0; 8000]).unwrap();
    }
    outbox
}

#[test]
fn the_unfinished_chunk_of_a_flood_is_held_back_until_it_is_a_decent_write() {
    const DECENT: usize = 32 << 10;
    let mut outbox = flooded();
    for _ in 0..3 {
        assert!(outbox.queued_bytes() < DECENT && !outbox.is_empty());
        while outbox.queued_bytes() < DECENT {
            assert!(outbox.holds_back());
            publish(&mut outbox, "flood", &[0; 8000]).unwrap();
        }
        assert!(!outbox.holds_back(), "enough for a write");
        outbox.take().unwrap();
        publish(&mut outbox, "flood", &[0; 8000]).unwrap();
    }
}

#[test]
fn limits_may_be_as_large_as_a_number() {
    let limits = OutboxLimits { high_water: usize::MAX, low_water: usize::MAX, chunk: usize::MAX };
    let mut outbox = Outbox::new(OutboxLimits::default());
    for limits in [limits, OutboxLimits { chunk: 0, ..limits }] {
        outbox.set_limits(limits);
        outbox.set_online(ANY_SERVER);
        for _ in 0..3 {
            publish(&mut outbox, "a", b"x").unwrap();
            let chunk = outbox.take().unwrap();
            assert_eq!(chunk.publishes(), 1);
            outbox.recycle(chunk);
        }
    }
}

#[test]
fn where_publishers_are_ahead_of_the_socket_the_unfinished_chunk_is_held_back_until_it_is_full() {
    let mut outbox = online();
    while outbox.has_room() {
        publish(&mut outbox, "flood", &[0; 8000]).unwrap();
    }
    let mut writes = Vec::new();
    while writes.len() < 10 {
        if outbox.is_empty() || outbox.holds_back() {
            publish(&mut outbox, "flood", &[0; 8000]).unwrap();
        } else {
            writes.extend(outbox.take().map(|chunk| chunk.len()));
        }
    }
    assert!(writes.iter().all(|&write| write > CHUNK_BYTES - 10_000), "{writes:?}");
    outbox.release();
    while outbox.take().is_some() {}
    outbox.release();
    while !outbox.holds_back() {
        outbox.take();
        publish(&mut outbox, "flood", &[0; 8000]).unwrap();
    }
    while outbox.holds_back() {
        publish(&mut outbox, "flood", &[0; 8000]).unwrap();
    }
    assert!(outbox.queued_bytes() < CHUNK_BYTES / 2, "after a rest they have to get ahead first");
}

#[test]
fn what_is_waited_for_is_not_held_back_though_a_flood_goes_before_it() {
    let mut outbox = online();
    while outbox.queued_bytes() < 600 << 10 {
        publish(&mut outbox, "flood", &[0; 8000]).unwrap();
    }
    outbox.fence(FenceId(1)).unwrap();
    let mut fences = 0;
    while !outbox.is_empty() {
        assert!(!outbox.holds_back(), "the PING at the end is waited for");
        fences += outbox.take().unwrap().fences().len();
    }
    assert_eq!(fences, 1);
    publish(&mut outbox, "later", b"x").unwrap();
    assert!(outbox.holds_back(), "what follows it is the flood's again");
}

#[test]
fn nothing_is_held_back_that_somebody_waits_for_or_after_a_rest() {
    let mut outbox = online();
    publish(&mut outbox, "first", b"x").unwrap();
    assert!(!outbox.holds_back(), "a lone message goes out at once");

    let mut outbox = flooded();
    outbox.fence(FenceId(1)).unwrap();
    assert!(!outbox.holds_back(), "a PING is waited for");

    let mut outbox = flooded();
    outbox.subscribe(b"a", None, sid(1)).unwrap();
    assert!(!outbox.holds_back(), "so is a SUB");

    let mut outbox = flooded();
    outbox.release();
    assert!(!outbox.holds_back());
    assert!(outbox.take().is_some());
    publish(&mut outbox, "slowly", b"x").unwrap();
    assert!(!outbox.holds_back(), "a new flood has to begin first");

    let mut outbox = flooded();
    let _ = outbox.set_offline(Vec::new(), Cut::Other);
    outbox.set_online(ANY_SERVER);
    assert!(!outbox.holds_back(), "another connection begins without a flood");
}

#[test]
fn nothing_is_held_back_while_publishers_may_stand_in_line_for_it() {
    let large = vec![0; 64 << 10];
    let mut outbox = online();
    let low_water = outbox.limits().low_water;
    // Payloads that are not copied make one chunk as large as the queue.
    while outbox.queued_bytes() <= low_water {
        publish(&mut outbox, "a", &large).unwrap();
    }
    for _ in 0..2 {
        let queued = outbox.queued_bytes();
        assert_eq!(outbox.take().map(|chunk| chunk.len()), Some(queued));
        while outbox.is_low() {
            let small = outbox.queued_bytes();
            assert!(small == 0 || outbox.holds_back(), "{small} bytes of a flood wait for more");
            publish(&mut outbox, "a", &large).unwrap();
        }
        assert!(!outbox.holds_back(), "who would fill it is told to wait from here on");
    }
}

#[test]
fn copied_messages_among_large_ones_fill_a_chunk_as_they_do_alone() {
    let mut outbox = online();
    publish(&mut outbox, "large", &[0; SPLICE_BYTES_MIN]).unwrap();
    for _ in 0..2 * CHUNK_BYTES / 1000 {
        publish(&mut outbox, "small", &[0; 1000]).unwrap();
    }
    let first = outbox.take().unwrap();
    assert!(first.len() <= SPLICE_BYTES_MIN + CHUNK_BYTES, "{}", first.len());
    assert!(outbox.take().is_some());
}
