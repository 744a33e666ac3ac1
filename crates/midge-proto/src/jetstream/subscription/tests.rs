use super::{InvalidSubscription, SubscriptionOptions, Way};
use crate::jetstream::consumer::{AckPolicy, Config, DeliverPolicy, Info};
use crate::jetstream::stream;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

const WAYS: [Way; 3] = [Way::Push, Way::Pull, Way::Ordered];

fn options() -> SubscriptionOptions {
    SubscriptionOptions::new("orders.*")
}

/// The whole stream.
fn all() -> SubscriptionOptions {
    SubscriptionOptions::new("").stream("ORDERS")
}

fn filter(options: SubscriptionOptions, filter: &str) -> SubscriptionOptions {
    options.configure(|config| config.filter_subject = filter.into())
}

fn durable(name: &str) -> SubscriptionOptions {
    options().set("durable_name", |config| config.durable_name = Some(name.into()))
}

fn heartbeat(options: SubscriptionOptions) -> SubscriptionOptions {
    options.set("idle_heartbeat", |config| config.idle_heartbeat = Duration::from_secs(1))
}

fn unacknowledged() -> SubscriptionOptions {
    options().set("ack_policy", |config| config.ack_policy = AckPolicy::None)
}

/// A consumer as a server shows it.
fn info(config: Config) -> Info {
    Info {
        stream_name: "ORDERS".into(),
        name: "C".into(),
        config: Config { max_deliver: -1, ack_wait: Duration::from_secs(30), ..config },
        ..Info::default()
    }
}

fn pushing() -> Config {
    Config {
        durable_name: Some("C".into()),
        deliver_subject: Some("d".into()),
        filter_subject: "orders.*".into(),
        ..Config::default()
    }
}

fn pulled() -> Config {
    Config { deliver_subject: None, ..pushing() }
}

fn told(result: Result<(), InvalidSubscription>) -> String {
    result.map_or_else(|error| error.to_string(), |()| "ok".into())
}

#[test]
fn options_that_make_no_sense_are_named_with_their_values() {
    let ok = "ok";
    let ordered_durable = "option durable_name (\"C\") is none of ordered subscriptions";
    #[rustfmt::skip]
    let cases: Vec<(SubscriptionOptions, [&str; 3])> = vec![
        (options(), [ok, ok, ok]),
        (options().stream("ORDERS"), [ok, ok, ok]),
        (SubscriptionOptions::new("").stream("ORDERS"), [ok, ok, ok]),
        (SubscriptionOptions::new(""), ["a subscription needs a subject or a stream"; 3]),
        (durable("C"), [ok, ok, ordered_durable]),
        (durable("C").bind("ORDERS", "C"), [ok, ok, ordered_durable]),
        (durable("C").bind("ORDERS", "D"), [
            "option bind (\"D\") contradicts durable_name (\"C\")",
            "option bind (\"D\") contradicts durable_name (\"C\")",
            ordered_durable,
        ]),
        (options().keep_consumer(), [ok, ok, "option keep_consumer (true) is none of ordered subscriptions"]),
        (filter(options(), "orders.*"), [ok, ok, ok]),
        (filter(options(), "orders.new"), ["option subject (\"orders.*\") contradicts filter_subject (\"orders.new\")"; 3]),
        (filter(all(), "orders.new"), [ok, ok, ok]),
        (options().configure(|config| config.filter_subjects = vec!["orders.*".into()]), [
            "option subject (\"orders.*\") contradicts filter_subjects ([\"orders.*\"])"; 3
        ]),
        (all().configure(|config| config.filter_subjects = vec!["a".into(), "b".into()]), [ok, ok, ok]),
        (options().bind("ORDERS", "C"), [ok, ok, "option bind (\"C\") is none of ordered subscriptions"]),
        (options().queue_group("q"), [
            ok,
            "option deliver_group (\"q\") is none of pulled subscriptions",
            "option deliver_group (\"q\") is none of ordered subscriptions",
        ]),
        (heartbeat(options()), [ok, "option idle_heartbeat (1s) is none of pulled subscriptions", ok]),
        (heartbeat(options().queue_group("q")), [
            "option deliver_group (\"q\") contradicts idle_heartbeat (1s)",
            "option deliver_group (\"q\") is none of pulled subscriptions",
            "option deliver_group (\"q\") is none of ordered subscriptions",
        ]),
        (options().configure(|config| config.max_waiting = 3), [
            "option max_waiting (3) is none of pushed subscriptions",
            ok,
            "option max_waiting (3) is none of ordered subscriptions",
        ]),
        // The default, said aloud.
        (options().set("ack_policy", |config| config.ack_policy = AckPolicy::Explicit), [
            ok, ok, "option ack_policy (\"explicit\") is none of ordered subscriptions",
        ]),
        (unacknowledged().set("max_ack_pending", |config| config.max_ack_pending = 5), [
            "option ack_policy (\"none\") contradicts max_ack_pending (5)",
            "option ack_policy (\"none\") contradicts max_ack_pending (5)",
            "option ack_policy (\"none\") is none of ordered subscriptions",
        ]),
    ];
    for (options, expected) in cases {
        assert_eq!(WAYS.map(|way| told(options.check(way))), expected, "{options:?}");
    }
    assert!(matches!(
        SubscriptionOptions::new("a..b").check(Way::Push),
        Err(InvalidSubscription::Invalid(_))
    ));
}

#[test]
fn the_stream_of_a_subject_is_the_only_one_that_has_it() {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(options().stream_of(names(&["ORDERS"])).unwrap(), "ORDERS");
    let error = options().stream_of(names(&[])).unwrap_err();
    assert_eq!(error.to_string(), "no stream has subject \"orders.*\"");
    let error = options().stream_of(names(&["A", "B"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "several streams have subject \"orders.*\", name one of them: [\"A\", \"B\"]"
    );
}

#[test]
fn a_consumer_that_is_there_is_taken_only_if_it_is_the_one_that_is_wanted() {
    let grouped = || Config { deliver_group: Some("q".into()), ..pushing() };
    let bound = |config| Info { push_bound: true, ..info(config) };
    let filtered = |filters: &[&str]| Config {
        filter_subject: String::new(),
        filter_subjects: filters.iter().map(ToString::to_string).collect(),
        ..pushing()
    };
    #[rustfmt::skip]
    let cases = [
        (Way::Push, options(), info(pushing()), "ok"),
        (Way::Pull, options(), info(pulled()), "ok"),
        (Way::Push, options(), info(pulled()), "consumer \"C\" has no deliver subject and has to be pulled from"),
        (Way::Pull, options(), info(pushing()), "consumer \"C\" pushes to \"d\" and cannot be pulled from"),
        (Way::Push, options().queue_group("q"), info(grouped()), "ok"),
        (Way::Push, options().queue_group("q"), bound(grouped()), "ok"),
        (Way::Push, options().queue_group("p"), info(grouped()), "consumer \"C\" has queue group \"q\", asked for was queue group \"p\""),
        (Way::Push, options().queue_group("p"), info(pushing()), "consumer \"C\" has no queue group, asked for was queue group \"p\""),
        (Way::Push, options(), info(grouped()), "consumer \"C\" has queue group \"q\", asked for was no queue group"),
        (Way::Push, options(), bound(pushing()), "consumer \"C\" has a reader, and no queue group to share in"),
        (Way::Push, SubscriptionOptions::new("").stream("ORDERS"), info(pushing()), "ok"),
        (Way::Push, SubscriptionOptions::new("orders.new"), info(pushing()), "consumer \"C\" delivers [\"orders.*\"] and not \"orders.new\""),
        (Way::Push, options(), info(filtered(&["orders.*"])), "ok"),
        (Way::Push, options(), info(filtered(&["orders.*", "x"])), "consumer \"C\" delivers [\"orders.*\", \"x\"] and not \"orders.*\""),
    ];
    for (way, options, info, expected) in cases {
        assert_eq!(
            told(options.check_consumer(way, &info, None)),
            expected,
            "{options:?} of {info:?}"
        );
    }
}

#[test]
fn a_consumer_without_a_filter_is_taken_only_if_its_stream_has_nothing_but_the_subject() {
    let there_is = info(Config { filter_subject: String::new(), ..pulled() });
    let subjects = |subjects: &[&str]| stream::Config {
        subjects: subjects.iter().map(ToString::to_string).collect(),
        ..stream::Config::default()
    };
    let within = || subjects(&["orders.a", "orders.*"]);
    let source = stream::Source { name: "OTHER".into(), ..stream::Source::default() };
    let mirror = stream::Config { mirror: Some(source.clone()), ..within() };
    let sourced = stream::Config { sources: Some(vec![source]), ..within() };
    let transform = stream::SubjectTransform {
        source: "orders.a".into(),
        destination: "b".into(),
        ..stream::SubjectTransform::default()
    };
    let transformed = stream::Config { subject_transform: Some(transform), ..within() };
    let refused = "consumer \"C\" delivers all of its stream and not only \"orders.*\"; with an \
                   empty subject it can be read";
    #[rustfmt::skip]
    let cases = [
        (options(), Some(within()), "ok"),
        (options(), Some(subjects(&["orders.*", "orders.eu.*"])), refused),
        (options(), Some(subjects(&["orders.>"])), refused),
        (options(), Some(subjects(&[])), refused),
        (options(), Some(mirror), refused),
        (options(), Some(sourced), refused),
        (options(), Some(transformed), refused),
        (options(), None, refused),
        (SubscriptionOptions::new(">"), None, "ok"),
        (all(), None, "ok"),
    ];
    for (options, stream, expected) in cases {
        let result = options.check_consumer(Way::Pull, &there_is, stream.as_ref());
        assert_eq!(told(result), expected, "{options:?} of {stream:?}");
        // Who has the stream beforehand need not ask for it where that makes no difference.
        assert_eq!(options.wants_stream(&there_is), options.subject() == "orders.*");
    }
    assert!(!options().wants_stream(&info(pulled())), "a filter says it all");
}

#[test]
fn what_was_set_has_to_be_so_and_what_was_not_set_is_left_open() {
    let ten = Duration::from_secs(10);
    let wait = |time| options().set("ack_wait", move |config| config.ack_wait = time);
    let there_is = info(Config { max_ack_pending: 7, ..pulled() });
    #[rustfmt::skip]
    let cases = [
        (wait(Duration::from_secs(30)), "ok"),
        (options().set("max_deliver", |config| config.max_deliver = -1), "ok"),
        (durable("C"), "ok"),
        (wait(ten), "consumer \"C\" is not as the options say: ack_wait: 30s -> 10s"),
        (unacknowledged(), "consumer \"C\" is not as the options say: ack_policy: \"explicit\" -> \"none\" \
            (impossible: it is chosen when the consumer is created)"),
        (wait(ten).configure(|config| config.headers_only = true), "consumer \"C\" is not as the options say: \
            ack_wait: 30s -> 10s; headers_only: unset -> true"),
    ];
    for (options, expected) in cases {
        assert_eq!(
            told(options.check_consumer(Way::Pull, &there_is, None)),
            expected,
            "{options:?}"
        );
    }
    // A default that was said aloud is as good as any other value.
    let all = options().set("deliver_policy", |config| config.deliver_policy = DeliverPolicy::All);
    let new = info(Config { deliver_policy: DeliverPolicy::New, ..pulled() });
    assert!(all.check_consumer(Way::Pull, &there_is, None).is_ok());
    let Err(InvalidSubscription::Config { consumer, changes }) =
        all.check_consumer(Way::Pull, &new, None)
    else {
        panic!("the consumer begins elsewhere")
    };
    assert_eq!((consumer.as_str(), changes[0].field()), ("C", "deliver_policy"));
}

#[test]
fn a_consumer_that_says_the_same_in_other_words_is_the_one_that_is_wanted() {
    let sampled =
        |percentage| options().set("sample_freq", move |c| c.sample_frequency = percentage);
    let there_is = r#"{"stream_name": "ORDERS", "name": "C", "config": {
        "durable_name": "C", "filter_subject": "orders.*", "ack_policy": "explicit",
        "sample_freq": "50"}}"#;
    let info: Info = serde_json::from_str(there_is).unwrap();
    assert_eq!(told(sampled(50).check_consumer(Way::Pull, &info, None)), "ok");
    let told = told(sampled(5).check_consumer(Way::Pull, &info, None));
    assert!(told.contains("sample_freq"), "{told}");
}

#[test]
fn the_consumer_to_look_for_is_the_bound_one_or_the_durable_or_that_of_the_group() {
    let cases = [
        (options(), None),
        (options().queue_group("q"), Some("q")),
        (
            options().set("name", |config| config.name = Some("n".into())).queue_group("q"),
            Some("n"),
        ),
        (durable("C").queue_group("q"), Some("C")),
        (options().queue_group("q").bind("ORDERS", "B"), Some("B")),
    ];
    for (options, expected) in cases {
        assert_eq!(options.consumer(), expected, "{options:?}");
    }
    assert!(options().bind("ORDERS", "B").is_bound());
    assert_eq!(options().bind("ORDERS", "B").stream_name(), Some("ORDERS"));
    assert!(!durable("C").is_bound());
    assert!(durable("C").keep_consumer().keeps_consumer() && !durable("C").keeps_consumer());
}

#[test]
fn a_consumer_that_is_created_has_what_was_set_and_what_it_needs() {
    let base = Config { filter_subject: "orders.*".into(), ..Config::default() };
    let inbox = Some("_INBOX.1".to_string());
    let pushed = Config { deliver_subject: inbox, ..base.clone() };
    assert_eq!(options().to_create(Way::Push, "_INBOX.1"), pushed);
    assert_eq!(options().to_create(Way::Ordered, "_INBOX.1"), pushed);
    assert_eq!(options().to_create(Way::Pull, "_INBOX.1"), base);
    let set = filter(all(), "orders.new").to_create(Way::Pull, "_INBOX.1");
    assert_eq!(set.filter_subject, "orders.new", "there is no subject to take its place");
    let several = vec!["a".to_string(), "b".to_string()];
    let set = all().configure(|config| config.filter_subjects.clone_from(&several));
    let set = set.to_create(Way::Pull, "_INBOX.1");
    assert_eq!((set.filter_subject.as_str(), set.filter_subjects), ("", several));
    let elsewhere = options().set("deliver_subject", |c| c.deliver_subject = Some("d".into()));
    let elsewhere = elsewhere.to_create(Way::Push, "_INBOX.1");
    assert_eq!(elsewhere.deliver_subject.as_deref(), Some("d"));
    let grouped = options().queue_group("q").to_create(Way::Push, "_INBOX.1");
    assert_eq!(grouped.durable_name.as_deref(), Some("q"));
    let grouped = durable("C").queue_group("q").to_create(Way::Push, "_INBOX.1");
    assert_eq!(grouped.durable_name.as_deref(), Some("C"));
    let controlled = options().set("flow_control", |config| config.flow_control = true);
    let beat = |options: &SubscriptionOptions| options.to_create(Way::Push, "i").idle_heartbeat;
    assert_eq!(beat(&controlled), Duration::from_secs(5));
    assert_eq!(beat(&heartbeat(controlled)), Duration::from_secs(1));
}
