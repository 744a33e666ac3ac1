use super::script::*;

fn choosing() -> Script {
    let config = Config { choice: Choice::Ask, ..config(&["10.0.0.1", "10.0.0.2"]) };
    let mut t = Script::connected_with(config);
    t.server_closes();
    t.expect_lost("the server closed the connection");
    t.expect_action("choose of nats://10.0.0.1:4222 nats://10.0.0.2:4222");
    t.expect_nothing();
    t
}

#[test]
fn the_first_attempt_is_the_pools_and_reconnects_are_the_applications() {
    let mut t = choosing();
    assert_eq!(t.server_chosen(Some(("10.0.0.2", Duration::ZERO))), Chosen::Application);
    t.expect_action("dial 10.0.0.2:4222");
    t.dial_fails("refused");
    t.expect_event("refused");
    t.expect_hangup();
    t.expect_action("choose of nats://10.0.0.1:4222 nats://10.0.0.2:4222");
}

#[test]
fn a_chosen_server_may_be_dialed_later() {
    let mut t = choosing();
    assert_eq!(t.server_chosen(Some(("10.0.0.2", secs(3)))), Chosen::Application);
    t.advance(millis(2_999));
    t.expect_nothing();
    t.advance(millis(1));
    t.expect_action("dial 10.0.0.2:4222");
}

#[test]
fn a_choice_outside_the_pool_or_none_leaves_it_to_the_pool() {
    let mut t = choosing();
    assert_eq!(t.server_chosen(Some(("10.9.9.9", Duration::ZERO))), Chosen::NotInPool);
    t.expect_action("dial 10.0.0.1:4222");
    let mut t = choosing();
    assert_eq!(t.server_chosen(None), Chosen::Pool);
    t.expect_action("dial 10.0.0.1:4222");
}

#[test]
fn a_choice_that_takes_too_long_is_made_by_the_pool() {
    let mut t = choosing();
    t.advance(secs(5));
    t.expect_action("dial 10.0.0.1:4222");
    assert_eq!(t.server_chosen(Some(("10.0.0.2", Duration::ZERO))), Chosen::TooLate);
    t.expect_nothing();
}

#[test]
fn the_application_names_the_delay_before_each_attempt() {
    let mut t = Script::new(Config { delay: Delay::Ask, ..config(&["10.0.0.1", "10.0.0.2"]) });
    t.expect_action("delay of 1");
    t.expect_nothing();
    t.delay_chosen(Duration::ZERO);
    t.expect_action("dial 10.0.0.1:4222");
    t.dial_fails("refused");
    t.expect_event("refused");
    t.expect_hangup();
    t.expect_action("delay of 2");
    t.delay_chosen(secs(2));
    t.advance(millis(1_999));
    t.expect_nothing();
    t.advance(millis(1));
    t.expect_action("dial 10.0.0.2:4222");
}

#[test]
fn a_delay_that_is_not_named_in_time_is_none() {
    let mut t = Script::new(Config { delay: Delay::Ask, ..config(&["10.0.0.1"]) });
    t.expect_action("delay of 1");
    t.advance(secs(5));
    t.expect_action("dial 10.0.0.1:4222");
    t.delay_chosen(secs(1));
    t.expect_nothing();
}

#[test]
fn a_late_choice_of_a_server_does_not_answer_the_question_for_a_delay() {
    let config = Config { choice: Choice::Ask, delay: Delay::Ask, ..config(&["10.0.0.1"]) };
    let mut t = Script::new(config);
    t.expect_action("delay of 1");
    t.delay_chosen(Duration::ZERO);
    t.expect_dial();
    t.handshake();
    t.server_closes();
    t.expect_lost("the server closed the connection");
    t.expect_action("choose of nats://10.0.0.1:4222");
    t.advance(secs(5));
    t.expect_action("delay of 1");
    assert_eq!(t.server_chosen(None), Chosen::TooLate);
    t.expect_nothing();
    t.delay_chosen(Duration::ZERO);
    t.expect_dial();
}
