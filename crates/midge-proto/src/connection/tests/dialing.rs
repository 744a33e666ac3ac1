use super::script::*;
use crate::connection::*;

fn two_families() -> Script {
    let mut t = Script::new(config(&["nats.example"]));
    t.expect_action("resolve nats.example:4222");
    t.resolved(&["[fd00::1]:4222", "[fd00::2]:4222", "10.0.0.1:4222"]);
    t.expect_action("dial [fd00::1]:4222");
    t.expect_nothing();
    t
}

#[test]
fn a_slow_dial_is_joined_by_one_to_the_next_address_and_the_families_take_turns() {
    let mut t = two_families();
    t.advance(millis(249));
    t.expect_nothing();
    t.advance(millis(1));
    t.expect_action("dial 10.0.0.1:4222");
    t.advance(millis(250));
    t.expect_action("dial [fd00::2]:4222");
    t.advance(secs(2));
    t.expect_nothing();
}

#[test]
fn the_first_stream_that_opens_is_taken_and_the_others_are_ignored() {
    let mut t = two_families();
    t.advance(millis(250));
    t.expect_action("dial 10.0.0.1:4222");
    let slow = t.next_dial();
    t.handle_dialed();
    t.machine.handle_dial_failed(t.now(), slow, "late".to_string());
    t.machine.handle_dialed(t.now(), slow, None);
    t.server_sends(&info(""));
    t.expect_authenticate();
    t.authenticated(Auth::new());
    t.server_sends(&format!("PONG\r\n{}", second_info("")));
    t.expect_online();
    let (_, address) = t.machine.connected_server().unwrap();
    assert_eq!(address, "10.0.0.1:4222".parse().ok());
}

#[test]
fn a_failed_dial_is_followed_at_once_and_the_attempt_fails_with_the_last() {
    let mut t = two_families();
    t.advance(millis(250));
    t.expect_action("dial 10.0.0.1:4222");
    t.dial_fails("unreachable");
    t.expect_event("([fd00::1]:4222) failed at dialing: unreachable");
    t.expect_action("dial [fd00::2]:4222");
    t.dial_fails("refused");
    t.expect_event("(10.0.0.1:4222) failed at dialing: refused");
    t.expect_nothing();
    t.dial_fails("unreachable");
    t.expect_event("([fd00::2]:4222) failed at dialing: unreachable");
    t.expect_hangup();
}

#[test]
fn all_dials_together_have_the_one_deadline_of_the_attempt() {
    let mut t = two_families();
    t.advance(secs(5));
    t.expect_action("dial 10.0.0.1:4222");
    t.expect_action("dial [fd00::2]:4222");
    t.expect_event("failed at dialing: timed out");
    t.expect_hangup();
}

#[test]
fn without_a_stagger_one_address_is_dialed_after_the_other() {
    let mut t = Script::new(Config { dial_stagger: Duration::ZERO, ..config(&["nats.example"]) });
    t.expect_action("resolve nats.example:4222");
    t.resolved(&["10.0.0.1:4222", "10.0.0.2:4222"]);
    t.expect_action("dial 10.0.0.1:4222");
    t.advance(secs(4));
    t.expect_nothing();
    t.dial_fails("refused");
    t.expect_event("refused");
    t.expect_action("dial 10.0.0.2:4222");
}
