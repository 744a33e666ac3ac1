use super::pull::BatchConfig;
use super::*;
use crate::jetstream::names::NameFault;
use crate::jetstream::test_messages::{answer, assert_wire, status, wire};
use crate::jetstream::{ApiError, ApiLevel, ApiRequest, InvalidConfig, StreamName, Timestamp};
use alloc::string::{String, ToString};
use alloc::vec;
use core::time::Duration;
use serde_json::{Value, json};

fn stream() -> StreamName {
    StreamName::new("S").unwrap()
}

fn id() -> Id {
    Id::parse("S", "C").unwrap()
}

fn create(config: impl Into<Config>) -> CreateRequest {
    CreateRequest::new(stream(), config).unwrap()
}

fn body_of<R: ApiRequest>(request: &R) -> Value {
    serde_json::from_str(&wire(request).1).unwrap()
}

#[test]
fn each_call_has_its_subject_and_body() {
    assert_wire(&InfoRequest::new(id()), "CONSUMER.INFO.S.C", "");
    assert_wire(&DeleteRequest::new(id()), "CONSUMER.DELETE.S.C", "");
    assert_wire(&NamesRequest::new(stream()), "CONSUMER.NAMES.S", "");
    let page = ListRequest::new(stream()).offset(256);
    assert_wire(&page, "CONSUMER.LIST.S", r#"{"offset":256}"#);
    assert_wire(
        &PauseRequest::until(id(), Timestamp::UNIX_EPOCH),
        "CONSUMER.PAUSE.S.C",
        r#"{"pause_until":"1970-01-01T00:00:00Z"}"#,
    );
    assert_wire(&PauseRequest::resume(id()), "CONSUMER.PAUSE.S.C", "");
    assert_wire(&ResetRequest::new(id()), "CONSUMER.RESET.S.C", "");
    assert_wire(&ResetRequest::new(id()).sequence(5), "CONSUMER.RESET.S.C", r#"{"seq":5}"#);
    let unpin = UnpinRequest::new(id(), "A").unwrap();
    assert_wire(&unpin, "CONSUMER.UNPIN.S.C", r#"{"group":"A"}"#);
    assert!(UnpinRequest::new(id(), "a b").is_err());
    assert_wire(&LeaderStepDownRequest::new(id()), "CONSUMER.LEADER.STEPDOWN.S.C", "");
    let remove = PeerRemoveRequest::new(id(), "n3");
    assert_wire(&remove, "CONSUMER.PEER.REMOVE.S.C", r#"{"peer":"n3"}"#);
    let next = pull::next_subject(&Default::default(), &id());
    assert_eq!(next, "$JS.API.CONSUMER.MSG.NEXT.S.C");
}

#[test]
fn the_subject_of_a_creation_has_the_name_and_a_single_filter() {
    let subject = |config: Config| wire(&create(config)).0;
    assert_eq!(subject(Config::default()), "$JS.API.CONSUMER.CREATE.S");
    assert_eq!(subject(Config::from("C")), "$JS.API.CONSUMER.CREATE.S.C");
    let filtered = Config { filter_subject: "a.>".into(), ..Config::from("C") };
    assert_eq!(subject(filtered), "$JS.API.CONSUMER.CREATE.S.C.a.>");
    let filters = vec!["a".into(), "b".into()];
    let filtered = Config { filter_subjects: filters, ..Config::from("C") };
    assert_eq!(subject(filtered), "$JS.API.CONSUMER.CREATE.S.C");
}

#[test]
fn a_plain_configuration_has_no_field_a_server_might_not_know() {
    let request = create(Config::from("C"));
    assert_wire(
        &request,
        "CONSUMER.CREATE.S.C",
        r#"{"stream_name":"S","config":{"durable_name":"C","name":"C","deliver_policy":"all","ack_policy":"explicit","replay_policy":"instant"}}"#,
    );
    assert_eq!(request.requirement(), None);
    let strict = create(Config::from("C")).action(Action::Create).pedantic();
    let body = body_of(&strict);
    assert_eq!((&body["action"], &body["pedantic"]), (&json!("create"), &json!(true)));
    assert_eq!(strict.requirement().unwrap().field(), "pedantic");
    assert_eq!(body_of(&create("C").action(Action::Update))["action"], "update");
}

/// Every field, as the server writes it.
fn full() -> Value {
    json!({
        "deliver_subject": "d", "durable_name": "C", "name": "C", "description": "t",
        "deliver_group": "q", "deliver_policy": "by_start_sequence", "opt_start_seq": 1,
        "ack_policy": "all", "ack_wait": 2, "max_deliver": 3, "filter_subject": "f",
        "replay_policy": "original", "rate_limit_bps": 4, "sample_freq": "50%", "max_waiting": 5,
        "max_ack_pending": 6, "headers_only": true, "flow_control": true, "idle_heartbeat": 7,
        "max_batch": 8, "max_bytes": 9, "max_expires": 10, "inactive_threshold": 11,
        "num_replicas": 3, "mem_storage": true, "metadata": {"k": "v"}, "backoff": [12, 13],
        "priority_policy": "overflow", "priority_groups": ["A"], "priority_timeout": 14,
        "pause_until": "2026-01-01T00:00:00Z",
    })
}

#[test]
fn every_field_of_a_configuration_is_read_and_written() {
    let config: Config = serde_json::from_value(full()).unwrap();
    assert!(config.unknown.is_empty(), "{:?}", config.unknown);
    assert_eq!(config.deliver_policy, DeliverPolicy::ByStartSequence { start_sequence: 1 });
    assert_eq!(config.sample_frequency, 50);
    assert_eq!(config.backoff, [Duration::from_nanos(12), Duration::from_nanos(13)]);
    assert_eq!(serde_json::to_value(&config).unwrap(), full());
}

#[test]
fn what_a_newer_server_wrote_survives_a_change() {
    let mut from_server = full();
    from_server["future"] = json!([{"x": null}]);
    from_server["ack_policy"] = json!("some");
    from_server["deliver_policy"] = json!("best");
    from_server.as_object_mut().unwrap().remove("opt_start_seq");
    let mut config: Config = serde_json::from_value(from_server.clone()).unwrap();
    config.description = Some("new".into());
    from_server["description"] = json!("new");
    let body = body_of(&create(config.clone()));
    assert_eq!(body["config"], from_server);

    // What is kept goes through the kinds of consumers, too.
    config.deliver_subject = None;
    let pull = pull::Config::try_from_consumer_config(config).unwrap();
    assert_eq!(Config::from(pull).unknown.names().collect::<vec::Vec<_>>(), ["future"]);
}

#[test]
fn every_start_is_one_value() {
    let time: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for (policy, wire) in [
        (DeliverPolicy::All, json!({"deliver_policy": "all"})),
        (DeliverPolicy::Last, json!({"deliver_policy": "last"})),
        (DeliverPolicy::New, json!({"deliver_policy": "new"})),
        (
            DeliverPolicy::ByStartSequence { start_sequence: 9 },
            json!({"deliver_policy": "by_start_sequence", "opt_start_seq": 9}),
        ),
        (
            DeliverPolicy::ByStartTime { start_time: time },
            json!({"deliver_policy": "by_start_time", "opt_start_time": "2026-01-01T00:00:00Z"}),
        ),
        (DeliverPolicy::LastPerSubject, json!({"deliver_policy": "last_per_subject"})),
    ] {
        assert_eq!(serde_json::to_value(policy).unwrap(), wire);
        assert_eq!(serde_json::from_value::<DeliverPolicy>(wire).unwrap(), policy);
    }
    let late = r#"{"deliver_policy":"by_start_time","opt_start_time":"3000-01-01T00:00:00Z"}"#;
    let policy: DeliverPolicy = serde_json::from_str(late).unwrap();
    assert_eq!(policy, DeliverPolicy::ByStartTime { start_time: Timestamp::MAX });
}

#[test]
fn each_newer_field_needs_its_level_and_is_named_in_the_refusal() {
    let base = Config::from("C");
    for (config, field, level) in [
        (
            Config { pause_until: Some(Timestamp::MAX), ..base.clone() },
            "pause_until",
            ApiLevel::V2_11,
        ),
        (
            Config { priority_groups: vec!["A".into()], ..base.clone() },
            "priority_groups",
            ApiLevel::V2_11,
        ),
        (
            Config { priority_timeout: Duration::from_secs(1), ..base.clone() },
            "priority_timeout",
            ApiLevel::V2_11,
        ),
        (
            Config { priority_policy: PriorityPolicy::Overflow, ..base.clone() },
            "priority_policy",
            ApiLevel::V2_11,
        ),
        (
            Config { priority_policy: PriorityPolicy::Prioritized, ..base.clone() },
            "priority_policy: prioritized",
            ApiLevel::V2_12,
        ),
        (
            Config { ack_policy: AckPolicy::FlowControl, ..base },
            "ack_policy: flow_control",
            ApiLevel::V2_14,
        ),
    ] {
        let request = create(config);
        assert!(request.check_level(level).is_ok(), "{field}");
        let refusal = request.check_level(ApiLevel(level.0 - 1)).unwrap_err();
        assert_eq!((refusal.field(), refusal.needed()), (field, level));
    }
    for (requirement, level) in [
        (PauseRequest::resume(id()).requirement(), ApiLevel::V2_11),
        (UnpinRequest::new(id(), "A").unwrap().requirement(), ApiLevel::V2_11),
        (ResetRequest::new(id()).requirement(), ApiLevel::V2_14),
        (PeerRemoveRequest::new(id(), "n").requirement(), ApiLevel::V2_15),
    ] {
        assert_eq!(requirement.unwrap().level(), level);
    }
}

#[test]
fn names_filters_and_groups_are_checked_before_anything_is_sent() {
    let check = |config: Config| CreateRequest::new(stream(), config).map(|_| ());
    let two_names = Config { name: Some("D".into()), ..Config::from("C") };
    let Err(InvalidConfig::Name(error)) = check(two_names) else { panic!() };
    assert_eq!(error.fault(), NameFault::NotTheDurableName);
    let same_name = Config { name: Some("C".into()), ..Config::from("C") };
    assert_eq!(check(same_name), Ok(()));
    let both = Config {
        filter_subject: "a".into(),
        filter_subjects: vec!["b".into()],
        ..Config::from("C")
    };
    assert_eq!(check(both), Err(InvalidConfig::TwoKindsOfFilters));
    for config in [
        Config::from("a.b"),
        Config { filter_subject: "a b".into(), ..Config::from("C") },
        Config { filter_subjects: vec![String::new()], ..Config::from("C") },
        Config { priority_groups: vec!["a b".into()], ..Config::from("C") },
    ] {
        assert!(check(config.clone()).is_err(), "{config:?}");
    }
}

#[test]
fn the_kinds_of_consumers_are_told_apart() {
    let pulled: Config = Config::from("C");
    let pushed = Config { deliver_subject: Some("d".into()), ..Config::from("C") };
    assert!(pull::Config::try_from_consumer_config(pulled.clone()).is_ok());
    assert_eq!(pull::Config::try_from_consumer_config(pushed.clone()), Err(WrongKind::Push));
    assert_eq!(
        pull::OrderedConfig::try_from_consumer_config(pushed.clone()).unwrap_err(),
        WrongKind::Push
    );
    assert_eq!(
        push::OrderedConfig::try_from_consumer_config(pulled.clone()).unwrap_err(),
        WrongKind::Pull
    );
    assert_eq!(push::Config::try_from_consumer_config(pulled).unwrap_err(), WrongKind::Pull);
    let push = push::Config::try_from_consumer_config(pushed.clone()).unwrap();
    assert_eq!(push.deliver_subject, "d");
    assert_eq!(Config::from(push), pushed);
}

#[test]
fn ordered_consumers_leave_nothing_behind_and_need_no_acks() {
    let config = Config::from(pull::OrderedConfig::default());
    assert_eq!((config.ack_policy, config.max_deliver), (AckPolicy::None, 1));
    assert!(config.memory_storage && config.num_replicas == 1);
    assert_eq!(config.inactive_threshold, Duration::from_secs(300));
    let config =
        Config::from(push::OrderedConfig { deliver_subject: "d".into(), ..Default::default() });
    assert_eq!((config.ack_policy, config.max_deliver), (AckPolicy::None, 1));
    assert!(config.flow_control && config.idle_heartbeat == Duration::from_secs(5));
}

#[test]
fn an_info_is_decoded_with_all_its_parts() {
    let info = InfoRequest::new(id())
        .decode(&answer(
            r#"{"stream_name":"S","name":"C","created":"2026-01-01T00:00:00Z",
            "config":{"durable_name":"C","ack_policy":"flow_control","sourcing":true},
            "delivered":{"consumer_seq":1,"stream_seq":2,"last_active":"2026-01-02T00:00:00Z"},
            "ack_floor":{"consumer_seq":3,"stream_seq":4},"num_ack_pending":5,"num_redelivered":6,
            "num_waiting":7,"num_pending":8,"cluster":{"leader":""},"push_bound":true,"paused":true,
            "pause_remaining":9,"priority_groups":[{"group":"A","pinned_client_id":"x",
            "pinned_ts":"2026-01-03T00:00:00Z"}],"ts":"2026-01-04T00:00:00Z","x":1}"#,
        ))
        .unwrap();
    assert_eq!(info.config.ack_policy, AckPolicy::FlowControl);
    assert_eq!((info.delivered.stream_sequence, info.ack_floor.consumer_sequence), (2, 3));
    assert_eq!((info.num_pending, info.cluster.unwrap().leader), (8, None));
    assert!(info.paused && info.push_bound);
    assert_eq!(info.pause_remaining, Some(Duration::from_nanos(9)));
    assert_eq!(info.priority_groups[0].pinned_client_id.as_deref(), Some("x"));
}

#[test]
fn pauses_resets_and_pins_are_decoded() {
    let pause = PauseRequest::resume(id());
    let paused =
        answer(r#"{"paused":true,"pause_until":"2026-01-01T00:00:00Z","pause_remaining":5}"#);
    let response = pause.decode(&paused).unwrap();
    assert_eq!((response.paused, response.pause_remaining), (true, Some(Duration::from_nanos(5))));
    let resumed = answer(r#"{"paused":false,"pause_until":"0001-01-01T00:00:00Z"}"#);
    assert_eq!(pause.decode(&resumed).unwrap(), PauseResponse::default());
    let reset = answer(r#"{"stream_name":"S","name":"C","num_pending":3,"reset_seq":7}"#);
    let response = ResetRequest::new(id()).decode(&reset).unwrap();
    assert_eq!((response.reset_seq, response.info.num_pending), (7, 3));
    let unpin = UnpinRequest::new(id(), "A").unwrap();
    assert_eq!(unpin.decode(&answer(r#"{"type":"x"}"#)), Ok(()));
    let refused = answer(r#"{"error":{"code":404,"err_code":10014,"description":"x"}}"#);
    assert!(matches!(unpin.decode(&refused), Err(ApiError::JetStream(_))));
    assert_eq!(unpin.decode(&status(503, None)), Err(ApiError::NoResponders));
}

#[test]
fn a_pull_says_what_it_wants_and_nothing_else() {
    let mut out = vec::Vec::new();
    BatchConfig::from(10).encode(&mut out);
    assert_eq!(out, br#"{"batch":10}"#);
    let seconds = Duration::from_secs;
    let full = BatchConfig {
        batch: 1,
        expires: Some(seconds(10)),
        no_wait: true,
        max_bytes: 2,
        idle_heartbeat: seconds(5),
        min_pending: Some(3),
        min_ack_pending: Some(4),
        group: Some("A".into()),
        id: Some("pin".into()),
        priority: Some(0),
    };
    out.clear();
    full.encode(&mut out);
    let expected = json!({
        "batch": 1, "expires": 10_000_000_000_u64, "no_wait": true, "max_bytes": 2,
        "idle_heartbeat": 5_000_000_000_u64, "min_pending": 3, "min_ack_pending": 4, "group": "A",
        "id": "pin", "priority": 0,
    });
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), expected);
    assert_eq!(full.check(), Ok(()));
    for bad in [
        BatchConfig { idle_heartbeat: Duration::from_millis(5001), ..full.clone() },
        BatchConfig { priority: Some(10), ..full.clone() },
        BatchConfig { group: Some(String::new()), ..full },
    ] {
        assert!(bad.check().is_err(), "{bad:?}");
    }
}

#[test]
fn values_out_of_range_survive_a_change_of_something_else() {
    let mut from_server = full();
    for (name, value) in [
        ("deliver_policy", json!("the-first-one-of-each-subject-that-there-is")),
        ("ack_wait", json!(-1)),
        ("backoff", json!([1, -2])),
        ("pause_until", json!("9999-12-31T00:00:00Z")),
        ("priority_policy", json!("whoever-comes-first-is-served-before-all-others")),
    ] {
        from_server[name] = value;
    }
    from_server.as_object_mut().unwrap().remove("opt_start_seq");
    let info = json!({"stream_name": "S", "name": "C", "config": from_server.clone()});
    let info = InfoRequest::new(id()).decode(&answer(&info.to_string())).unwrap();
    let mut config = info.config;
    config.description = Some("new".into());
    from_server["description"] = json!("new");
    assert_eq!(body_of(&create(config))["config"], from_server);
}
