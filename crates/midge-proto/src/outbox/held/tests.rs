use super::super::tests::{ANY_SERVER, online, publish, publish_with_header, subjects, taken};
use super::super::{BufferPolicy, Cut, FenceId, ReconnectBuffer, Resend, Unfenced};
use super::*;
use alloc::string::{String, ToString};
use alloc::vec;

/// Writes the queue; what was written is kept, of which the first `fenced` are proved to have
/// arrived.
fn written(outbox: &mut Outbox, fenced: u64) -> Unfenced {
    let mut unfenced = Unfenced::new(Resend::Yes);
    let mut end = 0;
    while let Some(chunk) = outbox.take() {
        end += u64::from(chunk.publishes());
        assert!(unfenced.handle_written(chunk, end).is_none());
    }
    unfenced.handle_fenced(fenced);
    unfenced
}

fn three() -> Outbox {
    let mut outbox = online();
    for subject in ["a", "b", "c"] {
        publish(&mut outbox, subject, b"1").unwrap();
    }
    outbox
}

#[test]
fn what_was_written_and_not_fenced_is_sent_again_before_all_else() {
    for fenced in 0..=3 {
        let mut outbox = three();
        let unfenced = written(&mut outbox, fenced);
        publish(&mut outbox, "d", b"1").unwrap();
        let report = outbox.set_offline_with(unfenced, vec![], Cut::Other);
        assert_eq!((report.repeated, report.kept), (3 - fenced, 1), "{fenced} fenced");
        outbox.set_online(ANY_SERVER);
        let expected = &["a", "b", "c", "d"][fenced as usize..];
        assert_eq!(subjects(taken(&mut outbox).as_bytes()).0, expected);
    }
}

#[test]
fn a_pong_may_cover_part_of_the_chunk_that_was_being_written() {
    let mut outbox = three();
    let mut unfenced = written(&mut outbox, 0);
    publish(&mut outbox, "d", b"1").unwrap();
    outbox.fence(FenceId(1)).unwrap();
    publish(&mut outbox, "e", b"1").unwrap();
    publish(&mut outbox, "f", b"1").unwrap();
    let chunk = outbox.take().unwrap();
    unfenced.handle_fenced(4);
    // All but the end of the last one was taken by the socket.
    let taken_bytes = chunk.len() - 1;
    let report = outbox.set_offline_with(unfenced, vec![(chunk, taken_bytes)], Cut::Other);
    assert_eq!((report.written, report.repeated, report.kept), (2, 1, 1));
    outbox.set_online(ANY_SERVER);
    assert_eq!(subjects(taken(&mut outbox).as_bytes()).0, ["e", "f"]);
}

#[test]
fn chunks_are_kept_only_where_they_may_be_needed() {
    let mut outbox = three();
    outbox.fence(FenceId(1)).unwrap();
    let chunk = outbox.take().unwrap();
    let mut forgetful = Unfenced::new(Resend::No);
    let chunk = forgetful.handle_written(chunk, 3).expect("nobody needs it");
    let mut covered = Unfenced::new(Resend::Yes);
    covered.handle_fenced(3);
    let chunk = covered.handle_written(chunk, 3).expect("a PONG covers it already");
    let mut keeping = Unfenced::new(Resend::Yes);
    let len = chunk.len();
    assert!(keeping.handle_written(chunk, 3).is_none());
    assert_eq!(keeping.bytes(), len);
    assert!(keeping.wants_ping(len) && !keeping.wants_ping(1));
    keeping.handle_fenced(2);
    assert_eq!(keeping.bytes(), len);
    keeping.handle_fenced(3);
    assert_eq!(keeping.bytes(), 0);
}

#[test]
fn whoever_decides_sees_every_message_and_its_fate_and_the_declined_are_counted() {
    let mut outbox = three();
    let unfenced = written(&mut outbox, 1);
    publish_with_header(&mut outbox, "d").unwrap();
    let _ = outbox.set_offline_with(unfenced, vec![], Cut::Other);
    publish(&mut outbox, "e", b"1").unwrap();
    let held = outbox.take_held();
    publish(&mut outbox, "meanwhile", b"1").unwrap();
    let mut seen: Vec<(String, HeldFate)> = Vec::new();
    let decided = held.decide(|publish| {
        seen.push((publish.message.subject.to_string(), publish.fate));
        if publish.message.headers.is_some() {
            assert_eq!(publish.message.payload, "x");
            return Verdict::Drop;
        }
        if *publish.message.subject == *"b" { Verdict::Drop } else { Verdict::Send }
    });
    outbox.put_back(decided);
    let (uncertain, unwritten) = (HeldFate::Uncertain, HeldFate::Unwritten);
    let expected = [("b", uncertain), ("c", uncertain), ("d", unwritten), ("e", unwritten)];
    assert_eq!(seen, expected.map(|(subject, fate)| (subject.to_string(), fate)));
    outbox.set_online(ANY_SERVER);
    assert_eq!(subjects(taken(&mut outbox).as_bytes()).0, ["c", "e", "meanwhile"]);
    assert_eq!(outbox.poll_drops().unwrap().declined, 2);
}

#[test]
fn a_message_stays_uncertain_while_it_waits_through_a_second_loss() {
    let mut outbox = three();
    let unfenced = written(&mut outbox, 0);
    let _ = outbox.set_offline_with(unfenced, vec![], Cut::Other);
    outbox.set_online(ANY_SERVER);
    publish(&mut outbox, "d", b"1").unwrap();
    // Nothing of it is written before this one is lost, too.
    let report = outbox.set_offline(vec![], Cut::Other);
    assert_eq!((report.repeated, report.kept), (0, 4));
    let mut fates = Vec::new();
    let decided = outbox.take_held().decide(|publish| {
        fates.push(publish.fate);
        Verdict::Send
    });
    outbox.put_back(decided);
    let (uncertain, unwritten) = (HeldFate::Uncertain, HeldFate::Unwritten);
    assert_eq!(fates, [uncertain, uncertain, uncertain, unwritten]);
}

#[test]
fn messages_dropped_meanwhile_are_not_asked_about() {
    let mut outbox = three();
    let policy = BufferPolicy::new().messages(1).when_full(super::super::WhenFull::DropOldest);
    let _ = outbox.set_offline(vec![], Cut::Other);
    outbox.set_reconnect_buffer(ReconnectBuffer::new(policy));
    let _ = outbox.set_offline(vec![], Cut::Other);
    publish(&mut outbox, "d", b"1").unwrap();
    let mut seen = 0;
    let decided = outbox.take_held().decide(|_| {
        seen += 1;
        Verdict::Send
    });
    outbox.put_back(decided);
    assert_eq!(seen, 1);
}

#[test]
fn reply_subjects_of_what_waits_can_be_seen() {
    let mut outbox = three();
    let payload = bytes::Bytes::new();
    let (subject, reply) = (b"r", Some(&b"inbox.1"[..]));
    let message = super::super::Publish { subject, reply, headers: None, payload: &payload };
    outbox.publish(message).unwrap();
    let mut replies = Vec::new();
    outbox.visit_replies(|reply| replies.push(reply.to_vec()));
    assert_eq!(replies, [b"inbox.1"]);
}
