use super::script::*;

#[test]
fn a_fence_passes_with_its_own_pong_and_tells_the_round_trip() {
    let mut t = Script::connected();
    t.publish("a", "1");
    t.fence(1);
    t.advance(millis(5));
    t.fence(2);
    t.expect_written("PUB a 1\r\n1\r\nPING\r\nPING\r\n");
    t.advance(millis(5));
    t.server_sends("PONG\r\n");
    t.expect_action("fence 1 after 10ms");
    t.expect_nothing();
    t.server_sends("PONG\r\n");
    t.expect_action("fence 2 after 5ms");
    t.expect_nothing();
}

#[test]
fn a_keep_alive_in_between_takes_its_own_pong() {
    let mut t = Script::connected();
    t.advance(secs(60));
    t.fence(1);
    t.expect_written("PING\r\nPING\r\n");
    t.server_sends("PONG\r\n");
    t.expect_nothing();
    t.server_sends("PONG\r\n");
    t.expect_action("fence 1 after 0ns");
}

#[test]
fn whoever_waits_on_a_lost_connection_hears_that_and_the_next_pong_is_not_theirs() {
    let mut t = Script::connected();
    t.fence(1);
    t.fence(2);
    t.expect_written("PING\r\nPING\r\n");
    t.server_closes();
    t.expect_hangup();
    t.expect_action("failed [1, 2]");
    t.expect_action("offline: the server closed the connection");
    t.expect_dial();
    t.handshake();
    t.server_sends("PONG\r\nPONG\r\n");
    t.expect_nothing();
}

#[test]
fn publishes_are_uncertain_until_a_pong_covers_them() {
    let mut t = Script::connected();
    t.publish("a", "1");
    t.publish("b", "1");
    assert_eq!(t.machine.publishes_written(), (2, 2));
    t.fence(1);
    t.publish("c", "1");
    assert_eq!(t.machine.publishes_written(), (3, 3));
    t.server_sends("PONG\r\n");
    assert_eq!(t.machine.publishes_written(), (3, 1));
    t.advance(secs(60));
    t.server_sends("PONG\r\n");
    assert_eq!(t.machine.publishes_written(), (3, 0), "a keep-alive covers them too");
}

#[test]
fn counts_begin_anew_with_each_connection() {
    let mut t = Script::connected();
    t.publish("a", "1");
    t.server_closes();
    t.expect_lost("the server closed the connection");
    assert_eq!(t.machine.publishes_written(), (1, 1), "the driver asks now");
    t.expect_written("PUB a 1\r\n1\r\n");
    t.expect_dial();
    t.handshake();
    assert_eq!(t.machine.publishes_written(), (0, 0));
}

#[test]
fn a_pong_may_come_before_the_chunk_of_its_ping_is_out() {
    let mut t = Script::connected();
    t.socket_takes(0);
    t.publish("blocker", "");
    t.publish("a", "");
    t.fence(1);
    t.publish("b", "");
    t.socket_takes(34);
    t.expect_written("PUB blocker 0\r\n\r\nPUB a 0\r\n\r\nPING\r\n");
    t.server_sends("PONG\r\n");
    t.expect_action("fence 1 after 0ns");
    assert_eq!(t.machine.publishes_written(), (1, 0), "b is not whole yet");
    t.socket_takes(usize::MAX);
    assert_eq!(t.machine.publishes_written(), (3, 1));
}

#[test]
fn every_publish_of_a_lost_connection_is_in_one_count() {
    for cut in 0..=44 {
        let mut t = Script::connected();
        t.publish("a", "1");
        t.fence(1);
        t.server_sends("PONG\r\n");
        t.socket_takes(0);
        t.publish("first", "1");
        t.publish("b", "2");
        t.publish("c", "3");
        t.socket_takes(cut);
        t.server_closes();
        let (written, uncertain) = t.machine.publishes_written();
        let fenced = written - uncertain;
        assert_eq!(fenced, 1);
        let counted = written + t.requeued.written + t.requeued.kept;
        assert_eq!(counted, 4, "cut {cut}");
        assert!(t.requeued.dropped.is_empty());
    }
}

#[test]
fn the_frame_that_was_too_large_for_the_server_is_not_sent_again() {
    let mut t = Script::connected();
    t.socket_takes(12);
    t.publish("too.big", "12345");
    t.server_sends("-ERR 'Maximum Payload Violation'\r\n");
    t.expect_hangup();
    t.expect_action("refused: server error: Maximum Payload Violation");
    assert_eq!(t.requeued.dropped, ["too.big"]);
}
