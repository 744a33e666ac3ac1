use super::{Action, ConsumerSetup, Plan, Setup, Step, StreamSetup};
use crate::jetstream::consumer::{self, AckPolicy, DeliverPolicy};
use crate::jetstream::stream::{
    Config, ConsumerLimits, DiscardPolicy, Placement, RetentionPolicy, Source, StorageType,
};
use crate::jetstream::unknown;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

/// What nats-server 2.15.1 answers for a stream with nothing but a name.
const BARE_STREAM: &str = r#"{"name":"S","subjects":["S"],"retention":"limits","max_consumers":-1,
    "max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msgs_per_subject":-1,"max_msg_size":-1,
    "discard":"old","storage":"file","num_replicas":1,"duplicate_window":120000000000,
    "compression":"none","allow_direct":false,"mirror_direct":false,"sealed":false,
    "deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,"consumer_limits":{},
    "allow_msg_ttl":false,
    "metadata":{"_nats.level":"5","_nats.req.level":"0","_nats.ver":"2.15.1"}}"#;

/// The same for a durable pull consumer.
const BARE_CONSUMER: &str = r#"{"durable_name":"C","name":"C","deliver_policy":"all",
    "ack_policy":"explicit","ack_wait":30000000000,"max_deliver":-1,"replay_policy":"instant",
    "max_waiting":512,"max_ack_pending":1000,"num_replicas":0,
    "metadata":{"_nats.level":"5","_nats.req.level":"0","_nats.ver":"2.15.1"}}"#;

fn bare_stream() -> Config {
    serde_json::from_str(BARE_STREAM).unwrap()
}

fn bare_consumer() -> consumer::Config {
    serde_json::from_str(BARE_CONSUMER).unwrap()
}

fn fields(step: &Step) -> Vec<String> {
    step.changes().iter().map(|change| change.field().to_string()).collect()
}

fn updated(step: &Step) -> Config {
    let Action::UpdateStream(config) = step.action() else { panic!("{step}") };
    (**config).clone()
}

#[test]
fn what_the_server_fills_in_is_no_difference() {
    for wanted in [
        Config::from("S"),
        Config { max_messages: -1, num_replicas: 1, ..Config::from("S") },
        Config { consumer_limits: Some(ConsumerLimits::default()), ..Config::from("S") },
        Config { placement: Some(Placement::default()), ..Config::from("S") },
        Config { sources: Some(Vec::new()), ..Config::from("S") },
    ] {
        for setup in [StreamSetup::whole(&wanted), StreamSetup::listed(&wanted)] {
            let step = setup.unwrap().plan(Some(&bare_stream()));
            assert_eq!(step.action(), &Action::Nothing, "{step}");
            assert_eq!(step.to_string(), "stream S: as it should be\n");
        }
    }
    for setup in [ConsumerSetup::whole("C"), ConsumerSetup::listed("C")] {
        let step = setup.unwrap().plan("S", Some(&bare_consumer()), None);
        assert_eq!(step.to_string(), "consumer C of stream S: as it should be\n");
    }

    let aged = Config { max_age: Duration::from_secs(5), ..Config::from("S") };
    let mut actual = bare_stream();
    actual.max_age = Duration::from_secs(5);
    actual.duplicate_window = Duration::from_secs(5);
    let step = StreamSetup::whole(aged).unwrap().plan(Some(&actual));
    assert_eq!(step.action(), &Action::Nothing, "{step}");

    let limits = ConsumerLimits { max_ack_pending: 7, ..ConsumerLimits::default() };
    let actual = consumer::Config { max_ack_pending: 7, ..bare_consumer() };
    let setup = ConsumerSetup::whole("C").unwrap();
    assert_eq!(setup.plan("S", Some(&actual), Some(&limits)).action(), &Action::Nothing);
    assert_eq!(fields(&setup.plan("S", Some(&actual), None)), ["max_ack_pending"]);
}

#[test]
fn what_implies_something_else_is_understood() {
    let ttl = Some(Duration::from_secs(60));
    let markers = Config { subject_delete_marker_ttl: ttl, ..Config::from("S") };
    let mut actual = bare_stream();
    actual.subject_delete_marker_ttl = ttl;
    (actual.allow_message_ttl, actual.allow_rollup) = (true, true);
    let step = StreamSetup::whole(markers).unwrap().plan(Some(&actual));
    assert_eq!(step.action(), &Action::Nothing, "{step}");

    let mirror =
        Config { mirror: Some(Source::new("O")), mirror_direct: true, ..Config::from("S") };
    let mut actual = bare_stream();
    actual.subjects.clear();
    (actual.mirror, actual.duplicate_window) = (Some(Source::new("O")), Duration::ZERO);
    let step = StreamSetup::whole(mirror).unwrap().plan(Some(&actual));
    assert_eq!(step.action(), &Action::Nothing, "{step}");

    let filter = consumer::Config { filter_subjects: vec!["a".into()], .."C".into() };
    let actual = consumer::Config { filter_subject: "a".into(), ..bare_consumer() };
    let step = ConsumerSetup::whole(filter).unwrap().plan("S", Some(&actual), None);
    assert_eq!(step.action(), &Action::Nothing, "{step}");
    let backoff = consumer::Config { backoff: vec![Duration::from_secs(1)], .."C".into() };
    let actual = consumer::Config { ack_wait: Duration::from_secs(1), ..backoff.clone() };
    let step = ConsumerSetup::whole(backoff).unwrap().plan("S", Some(&actual), None);
    assert_eq!(step.action(), &Action::Nothing, "{step}");
}

#[test]
fn the_order_of_lists_is_no_difference_and_their_content_is() {
    let of = |subjects: &[&str]| Config {
        subjects: subjects.iter().map(ToString::to_string).collect(),
        ..bare_stream()
    };
    let setup = StreamSetup::whole(of(&["a", "b"])).unwrap();
    assert_eq!(setup.plan(Some(&of(&["b", "a"]))).action(), &Action::Nothing);
    assert_eq!(fields(&setup.plan(Some(&of(&["b", "c"])))), ["subjects"]);
    assert_eq!(fields(&setup.plan(Some(&of(&["a", "b", "c"])))), ["subjects"]);
}

#[test]
fn whole_takes_back_what_listed_leaves_alone() {
    let mut actual = bare_stream();
    actual.description = Some("by hand".into());
    actual.max_bytes = 5;
    actual.metadata.insert("team".into(), "red".into());
    let mut wanted = Config { max_messages: 10, ..Config::from("S") };
    wanted.metadata.insert("cost".into(), "1".into());

    let whole = StreamSetup::whole(&wanted).unwrap().plan(Some(&actual));
    let all = ["metadata.cost", "metadata.team", "description", "max_bytes", "max_msgs"];
    assert_eq!(fields(&whole), all);
    let config = updated(&whole);
    assert_eq!((config.max_messages, config.max_bytes, config.description), (10, -1, None));
    assert_eq!(config.metadata.into_iter().collect::<Vec<_>>(), [("cost".into(), "1".into())]);

    let listed = StreamSetup::listed(&wanted).unwrap();
    let step = listed.plan(Some(&actual));
    assert_eq!(fields(&step), ["metadata.cost", "max_msgs"]);
    let config = updated(&step);
    assert_eq!((config.max_messages, config.max_bytes), (10, 5));
    assert_eq!(config.description.as_deref(), Some("by hand"));
    assert_eq!(config.metadata.len(), 2, "the key of others stays: {:?}", config.metadata);

    let step = listed.owns(["max_bytes"]).plan(Some(&actual));
    assert_eq!(fields(&step), ["metadata.cost", "max_bytes", "max_msgs"]);
    assert_eq!(updated(&step).max_bytes, -1);
}

#[test]
fn subjects_are_merged_or_replaced() {
    let wanted = Config { subjects: vec!["b".into(), "c".into()], ..Config::from("S") };
    let actual = Config { subjects: vec!["a".into(), "b".into()], ..bare_stream() };
    let replace = StreamSetup::listed(&wanted).unwrap();
    assert_eq!(updated(&replace.plan(Some(&actual))).subjects, ["b", "c"]);
    let merge = replace.merge_subjects();
    assert_eq!(updated(&merge.plan(Some(&actual))).subjects, ["a", "b", "c"]);
    let merged = Config { subjects: vec!["c".into(), "b".into(), "a".into()], ..bare_stream() };
    assert_eq!(merge.plan(Some(&merged)).action(), &Action::Nothing);
}

#[test]
fn fields_that_nobody_here_knows_stay() {
    let mut json: serde_json::Value = serde_json::from_str(BARE_STREAM).unwrap();
    json["newer"] = serde_json::json!({"a": [1]});
    json["discard"] = "newest".into();
    let actual: Config = serde_json::from_value(json).unwrap();
    let wanted = Config { max_messages: 1, ..Config::from("S") };
    for setup in [StreamSetup::listed(&wanted), StreamSetup::whole(&wanted)] {
        let config = updated(&setup.unwrap().owns(["x"]).plan(Some(&actual)));
        assert_eq!(config.unknown.json("newer").as_deref(), Some(r#"{"a":[1]}"#));
    }
    let config = updated(&StreamSetup::listed(wanted).unwrap().plan(Some(&actual)));
    assert_eq!(config.discard.as_str(), "newest");
}

/// Clients in Go write dates in their own time zone, and servers keep what they were sent.
const ZONED: &str = "2024-01-01T02:00:00+02:00";
const SAME_MOMENT: &str = "2024-01-01T00:00:00Z";

fn origin(start_time: &str) -> Source {
    Source { start_time: Some(start_time.parse().unwrap()), ..Source::new("O") }
}

/// A stream as a server shows it that was set up in another zone.
fn zoned_stream(field: &str) -> Config {
    let mut json: serde_json::Value = serde_json::from_str(BARE_STREAM).unwrap();
    let origin = serde_json::json!({"name": "O", "opt_start_time": ZONED});
    json[field] = if field == "mirror" { origin } else { serde_json::json!([origin]) };
    for filled in ["subjects", "duplicate_window"] {
        json.as_object_mut().unwrap().remove(filled);
    }
    unknown::deserialize(json).unwrap()
}

#[test]
fn the_same_origin_in_other_words_is_no_difference_and_stays_in_those_words() {
    type With = fn(&str) -> Config;
    let later = "2024-01-01T00:00:01Z";
    for (field, with) in [
        ("mirror", (|start| Config { mirror: Some(origin(start)), ..Config::from("S") }) as With),
        ("sources", |start| Config { sources: Some(vec![origin(start)]), ..Config::from("S") }),
    ] {
        let actual = zoned_stream(field);
        for setup in [StreamSetup::whole, StreamSetup::listed] {
            let step = setup(with(SAME_MOMENT)).unwrap().plan(Some(&actual));
            assert_eq!(step.action(), &Action::Nothing, "{step}");
            assert_eq!(fields(&setup(with(later)).unwrap().plan(Some(&actual))), [field]);

            // A server refuses a mirror whose origin begins at the same moment in another zone.
            let limited = Config { max_messages: 5, ..with(SAME_MOMENT) };
            let step = setup(limited).unwrap().plan(Some(&actual));
            assert_eq!(fields(&step), ["max_msgs"]);
            let sent = unknown::write(&updated(&step)).unwrap();
            assert!(sent[field].to_string().contains(ZONED), "{}", sent[field]);
        }
    }
}

#[test]
fn the_same_start_and_percentage_in_other_words_are_no_difference() {
    let starting = |start: &str, sample_frequency| consumer::Config {
        deliver_policy: DeliverPolicy::ByStartTime { start_time: start.parse().unwrap() },
        sample_frequency,
        ..consumer::Config::from("C")
    };
    for (sampled, sample_frequency) in [("50", 50), ("50%", 50), ("0", 0), ("0%", 0)] {
        let mut json: serde_json::Value = serde_json::from_str(BARE_CONSUMER).unwrap();
        json["deliver_policy"] = "by_start_time".into();
        json["opt_start_time"] = ZONED.into();
        json["sample_freq"] = sampled.into();
        let actual: consumer::Config = unknown::deserialize(json).unwrap();
        for setup in [ConsumerSetup::whole, ConsumerSetup::listed] {
            let plan = |wanted| setup(wanted).unwrap().plan("S", Some(&actual), None);
            let step = plan(starting(SAME_MOMENT, sample_frequency));
            assert_eq!(step.action(), &Action::Nothing, "{step}");
            let step = plan(starting("2024-01-01T02:00:00Z", sample_frequency));
            assert_eq!(fields(&step), ["opt_start_time"]);
            let step = plan(starting(SAME_MOMENT, 51));
            assert_eq!(fields(&step), ["sample_freq"]);
            let Action::UpdateConsumer(config) = step.action() else { panic!("{step}") };
            let sent = unknown::write(&**config).unwrap();
            assert_eq!(
                (&sent["sample_freq"], &sent["opt_start_time"]),
                (&"51%".into(), &ZONED.into())
            );
        }
    }
}

#[test]
fn what_no_server_changes_is_said_with_the_reason() {
    type Change = fn(&mut Config);
    let cases: [(&str, Change, Change, bool); 12] = [
        ("storage", |_| {}, |c| c.storage = StorageType::Memory, true),
        ("retention", |_| {}, |c| c.retention = RetentionPolicy::WorkQueue, true),
        ("retention", |_| {}, |c| c.retention = RetentionPolicy::Interest, false),
        ("mirror", |c| c.mirror = Some(Source::new("O")), |_| {}, false),
        ("mirror", |_| {}, |c| c.mirror = Some(Source::new("O")), true),
        ("deny_purge", |c| c.deny_purge = true, |_| {}, true),
        ("deny_purge", |_| {}, |c| c.deny_purge = true, false),
        ("allow_msg_ttl", |c| c.allow_message_ttl = true, |_| {}, true),
        ("allow_msg_ttl", |_| {}, |c| c.allow_message_ttl = true, false),
        ("allow_msg_counter", |_| {}, |c| c.allow_message_counter = true, true),
        ("discard", |_| {}, |c| c.discard = DiscardPolicy::New, false),
        ("num_replicas", |_| {}, |c| c.num_replicas = 3, false),
    ];
    for (field, before, after, impossible) in cases {
        let (mut actual, mut wanted) = (bare_stream(), bare_stream());
        before(&mut actual);
        after(&mut wanted);
        let step = StreamSetup::whole(wanted).unwrap().plan(Some(&actual));
        let change = step.changes().iter().find(|change| change.field() == field).unwrap();
        assert_eq!(change.obstacle().is_some(), impossible, "{change}");
        assert_eq!(change.to_string().contains("impossible"), impossible, "{change}");
    }

    type ConsumerChange = fn(&mut consumer::Config);
    let cases: [(&str, ConsumerChange, bool); 7] = [
        ("deliver_policy", |c| c.deliver_policy = DeliverPolicy::New, true),
        ("ack_policy", |c| c.ack_policy = AckPolicy::None, true),
        ("deliver_subject", |c| c.deliver_subject = Some("d".into()), true),
        ("max_waiting", |c| c.max_waiting = 5, true),
        ("ack_wait", |c| c.ack_wait = Duration::from_secs(1), false),
        ("filter_subjects", |c| c.filter_subjects = vec!["a".into(), "b".into()], false),
        ("max_deliver", |c| c.max_deliver = 5, false),
    ];
    for (field, after, impossible) in cases {
        let mut wanted = bare_consumer();
        after(&mut wanted);
        let step = ConsumerSetup::whole(wanted).unwrap().plan("S", Some(&bare_consumer()), None);
        let change = step.changes().iter().find(|change| change.field() == field).unwrap();
        assert_eq!(change.obstacle().is_some(), impossible, "{change}");
    }
}

#[test]
fn filters_of_one_kind_take_the_place_of_the_other() {
    let actual = consumer::Config { filter_subject: "a".into(), ..bare_consumer() };
    let wanted =
        consumer::Config { filter_subjects: vec!["b".into(), "c".into()], ..Default::default() };
    let wanted = consumer::Config { durable_name: Some("C".into()), ..wanted };
    let step = ConsumerSetup::listed(wanted).unwrap().plan("S", Some(&actual), None);
    let Action::UpdateConsumer(config) = step.action() else { panic!("{step}") };
    assert_eq!((&*config.filter_subject, config.filter_subjects.len()), ("", 2));
    assert!(consumer::CreateRequest::new("S".parse().unwrap(), &**config).is_ok());
}

#[test]
fn a_plan_is_printed_line_by_line() {
    let mut wanted = bare_stream();
    wanted.storage = StorageType::Memory;
    wanted.max_age = Duration::from_secs(3600);
    wanted.duplicate_window = Duration::from_millis(1500);
    wanted.description = Some("a \u{1b}[1m\"text\"".into());
    let streams = StreamSetup::whole(wanted).unwrap();
    let plan = Plan::new(vec![
        streams.plan(Some(&bare_stream())),
        StreamSetup::whole("T").unwrap().plan(None),
        ConsumerSetup::whole("C").unwrap().plan("T", None, None),
        ConsumerSetup::whole("C").unwrap().plan("S", Some(&bare_consumer()), None),
    ]);
    assert_eq!(
        plan.to_string(),
        "stream S: update\n  \
         description: unset -> \"a \\u001b[1m\\\"text\\\"\"\n  \
         duplicate_window: 120s -> 1.5s\n  \
         max_age: 0ns -> 3600s\n  \
         storage: \"file\" -> \"memory\" \
         (impossible: messages do not move between files and memory)\n\
         stream T: create\n\
         consumer C of stream T: create\n\
         consumer C of stream S: as it should be\n"
    );
    assert!(!plan.is_empty());
    let obstacles: Vec<_> =
        plan.obstacles().map(|(asset, change)| format!("{asset} {}", change.field())).collect();
    assert_eq!(obstacles, ["stream S storage"]);
    assert!(Plan::new(plan.steps()[3..].to_vec()).is_empty());
}

#[test]
fn what_cannot_be_named_cannot_be_set_up() {
    assert!(StreamSetup::whole("a.b").is_err());
    assert!(ConsumerSetup::whole(consumer::Config::default()).is_err(), "it has no name");
    assert!(ConsumerSetup::listed("a b").is_err());
    let setup = Setup::new()
        .stream(StreamSetup::whole("S").unwrap())
        .consumer("S", ConsumerSetup::whole("C").unwrap());
    assert_eq!((setup.streams()[0].name(), setup.consumers()[0].1.name().as_str()), ("S", "C"));
}
