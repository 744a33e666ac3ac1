use super::*;
use crate::jetstream::test_messages::{answer, assert_wire, wire};
use crate::jetstream::{ApiError, ApiLevel, ApiRequest, InvalidConfig, StreamName, Timestamp};
use crate::subject::Subject;
use alloc::string::ToString;
use alloc::vec;
use core::time::Duration;
use serde_json::{Value, json};

fn name() -> StreamName {
    StreamName::new("S").unwrap()
}

fn body_of<R: ApiRequest>(request: &R) -> Value {
    serde_json::from_str(&wire(request).1).unwrap()
}

#[test]
fn each_call_has_its_subject_and_body() {
    assert_wire(&InfoRequest::new(name()), "STREAM.INFO.S", "");
    assert_wire(
        &InfoRequest::new(name()).with_deleted(true).subjects(">"),
        "STREAM.INFO.S",
        r#"{"deleted_details":true,"subjects_filter":">"}"#,
    );
    assert_wire(&DeleteRequest::new(name()), "STREAM.DELETE.S", "");
    assert_wire(&NamesRequest::new(), "STREAM.NAMES", "");
    assert_wire(&NamesRequest::new().subject_filter("a.b"), "STREAM.NAMES", r#"{"subject":"a.b"}"#);
    assert_wire(&ListRequest::new().offset(256), "STREAM.LIST", r#"{"offset":256}"#);
    assert_wire(&PurgeRequest::new(name()), "STREAM.PURGE.S", "");
    assert_wire(
        &PurgeRequest::new(name()).filter("a").keep(5).sequence(7),
        "STREAM.PURGE.S",
        r#"{"filter":"a","seq":7}"#,
    );
    assert_wire(&PurgeRequest::new(name()).sequence(7).keep(5), "STREAM.PURGE.S", r#"{"keep":5}"#);
    // With 0, servers would delete everything.
    assert_wire(&PurgeRequest::new(name()).sequence(0), "STREAM.PURGE.S", r#"{"seq":1}"#);
    let delete = DeleteMessageRequest::new(name(), 9);
    assert_wire(&delete, "STREAM.MSG.DELETE.S", r#"{"seq":9}"#);
    assert_wire(&delete.mark_only(), "STREAM.MSG.DELETE.S", r#"{"seq":9,"no_erase":true}"#);
    assert_wire(&LeaderStepDownRequest::new(name()), "STREAM.LEADER.STEPDOWN.S", "");
    let preferred = Placement { preferred: Some("n2".into()), ..Placement::default() };
    assert_wire(
        &LeaderStepDownRequest::new(name()).placement(preferred),
        "STREAM.LEADER.STEPDOWN.S",
        r#"{"placement":{"preferred":"n2"}}"#,
    );
    let peer = r#"{"peer":"n3"}"#;
    assert_wire(&PeerRemoveRequest::new(name(), "n3"), "STREAM.PEER.REMOVE.S", peer);
    assert_wire(&PeerRemoveRequest::evacuate(name(), "n3"), "STREAM.PEER.EVACUATE.S", peer);
    assert_wire(&CancelMoveRequest::new(name()), "STREAM.CANCEL_MOVE.S", "");
    assert_wire(
        &SnapshotRequest::new(name(), Subject::from("d")).chunk_size(1024).without_consumers(),
        "STREAM.SNAPSHOT.S",
        r#"{"deliver_subject":"d","no_consumers":true,"chunk_size":1024}"#,
    );
}

#[test]
fn a_plain_configuration_has_no_field_a_server_might_not_know() {
    let config = Config { name: "S".into(), subjects: vec!["a".into()], ..Config::default() };
    let request = CreateRequest::new(&config).unwrap();
    assert_wire(
        &request,
        "STREAM.CREATE.S",
        r#"{"name":"S","subjects":["a"],"retention":"limits","max_consumers":0,"max_msgs":0,"max_bytes":0,"max_age":0,"max_msgs_per_subject":0,"max_msg_size":0,"discard":"old","storage":"file","num_replicas":0}"#,
    );
    assert_eq!(request.requirement(), None);
    assert_eq!(request.headers(), None);
    let update = UpdateRequest::new("S").unwrap();
    assert_eq!(wire(&update).0, "$JS.API.STREAM.UPDATE.S");
}

/// Every field, as the server writes it.
fn full() -> Value {
    json!({
        "name": "S", "description": "d", "subjects": ["a", "b.>"], "retention": "workqueue",
        "max_consumers": 1, "max_msgs": 2, "max_bytes": 3, "max_age": 4_000_000_000_u64,
        "max_msgs_per_subject": 5, "max_msg_size": 6, "discard": "new",
        "discard_new_per_subject": true, "storage": "memory", "num_replicas": 3, "no_ack": true,
        "duplicate_window": 7, "sealed": true, "allow_rollup_hdrs": true, "deny_delete": true,
        "deny_purge": true, "republish": {"src": "a", "dest": "r", "headers_only": true},
        "allow_direct": true, "mirror_direct": true,
        "mirror": {
            "name": "M", "opt_start_seq": 8, "opt_start_time": "2026-01-01T00:00:00Z",
            "filter_subject": "f", "external": {"api": "p", "deliver": "q"},
        },
        "sources": [{
            "name": "N", "subject_transforms": [{"src": "a", "dest": "b"}],
            "consumer": {"name": "c", "deliver_subject": "e"},
        }],
        "metadata": {"k": "v"}, "subject_transform": {"src": "x", "dest": "y"},
        "compression": "s2",
        "consumer_limits": {"inactive_threshold": 9, "max_ack_pending": 10}, "first_seq": 11,
        "placement": {"cluster": "C", "tags": ["t"]}, "persist_mode": "async",
        "allow_msg_ttl": true, "subject_delete_marker_ttl": 12, "allow_atomic": true,
        "allow_msg_schedules": true, "allow_msg_counter": true, "allow_batched": true,
    })
}

#[test]
fn every_field_of_a_configuration_is_read_and_written() {
    let config: Config = serde_json::from_value(full()).unwrap();
    assert!(config.unknown.is_empty(), "{:?}", config.unknown);
    assert_eq!(config.retention, RetentionPolicy::WorkQueue);
    assert_eq!(config.max_age, Duration::from_secs(4));
    let mirror = config.mirror.as_ref().unwrap();
    assert_eq!(mirror.start_time, Some("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap()));
    assert_eq!(mirror.external.as_ref().unwrap().delivery_prefix.as_deref(), Some("q"));
    assert_eq!(config.compression, Some(Compression::S2));
    assert_eq!(config.persist_mode, Some(PersistenceMode::Async));
    assert_eq!(serde_json::to_value(&config).unwrap(), full());
}

#[test]
fn what_a_newer_server_wrote_survives_a_change() {
    let mut from_server = full();
    from_server["future"] = json!({"deep": [1, null, {"x": 1.5}]});
    from_server["retention"] = json!("forever");
    from_server["template_owner"] = json!("old");
    for path in [
        "/mirror",
        "/mirror/external",
        "/sources/0",
        "/sources/0/consumer",
        "/sources/0/subject_transforms/0",
        "/republish",
        "/subject_transform",
        "/placement",
        "/consumer_limits",
    ] {
        from_server.pointer_mut(path).unwrap()["future"] = json!(path);
    }
    let mut config: Config = serde_json::from_value(from_server.clone()).unwrap();
    assert_eq!(config.retention.as_str(), "forever");
    assert_eq!(config.template_owner, "old");
    config.max_messages = 99;
    from_server["max_msgs"] = json!(99);
    from_server.as_object_mut().unwrap().remove("template_owner");
    assert_eq!(body_of(&UpdateRequest::new(config).unwrap()), from_server);
}

#[test]
fn null_and_missing_fields_are_the_default() {
    let nulls = r#"{"name":"S","subjects":null,"sources":null,"metadata":null,"mirror":null,
        "retention":null,"max_age":null,"compression":null,"placement":{"tags":null},
        "description":"","duplicate_window":-1,"max_msg_size":99999999999}"#;
    let config: Config = serde_json::from_str(nulls).unwrap();
    let expected = Config {
        name: "S".into(),
        placement: Some(Placement::default()),
        max_message_size: i32::MAX,
        ..Config::default()
    };
    assert_eq!(config, expected);
}

#[test]
fn each_newer_field_needs_its_level_and_is_named_in_the_refusal() {
    let source = |consumer| Source { consumer: Some(consumer), ..Source::new("N") };
    let consumer = StreamConsumerSource::new("c", "d");
    let base = Config::from("S");
    let config = |change: &dyn Fn(&mut Config)| {
        let mut config = base.clone();
        change(&mut config);
        config
    };
    for (config, field, level) in [
        (config(&|it| it.allow_message_ttl = true), "allow_msg_ttl", ApiLevel::V2_11),
        (
            config(&|it| it.subject_delete_marker_ttl = Some(Duration::from_secs(1))),
            "subject_delete_marker_ttl",
            ApiLevel::V2_11,
        ),
        (config(&|it| it.allow_atomic_publish = true), "allow_atomic", ApiLevel::V2_12),
        (config(&|it| it.allow_message_counter = true), "allow_msg_counter", ApiLevel::V2_12),
        (config(&|it| it.allow_message_schedules = true), "allow_msg_schedules", ApiLevel::V2_12),
        (
            config(&|it| it.persist_mode = Some(PersistenceMode::Async)),
            "persist_mode",
            ApiLevel::V2_12,
        ),
        (config(&|it| it.allow_batch_publish = true), "allow_batched", ApiLevel::V2_14),
        (config(&|it| it.mirror = Some(source(consumer.clone()))), "consumer", ApiLevel::V2_14),
        (
            config(&|it| it.sources = Some(vec![source(consumer.clone())])),
            "consumer",
            ApiLevel::V2_14,
        ),
    ] {
        let request = CreateRequest::new(&config).unwrap();
        assert!(request.check_level(level).is_ok(), "{field}");
        let refusal = request.check_level(ApiLevel(level.0 - 1)).unwrap_err();
        assert_eq!((refusal.field(), refusal.needed()), (field, level));
        let headers = request.headers().unwrap();
        let header = headers.get("Nats-Required-Api-Level").unwrap();
        assert_eq!(header.as_str().parse(), Ok(level.0));
        assert!(body_of(&request).pointer("/name").is_some());
    }
    let pedantic = CreateRequest::new("S").unwrap().pedantic();
    assert_eq!(pedantic.requirement().unwrap().field(), "pedantic");
    assert_eq!(body_of(&pedantic)["pedantic"], true);
    for (requirement, level) in [
        (PeerRemoveRequest::evacuate(name(), "p").requirement(), ApiLevel::V2_15),
        (CancelMoveRequest::new(name()).requirement(), ApiLevel::V2_15),
        (
            SnapshotRequest::new(name(), Subject::from("d")).window_size(1).requirement(),
            ApiLevel::V2_12_LATE,
        ),
    ] {
        assert_eq!(requirement.unwrap().level(), level);
    }
    assert_eq!(PeerRemoveRequest::new(name(), "p").requirement(), None);
}

#[test]
fn a_domain_is_sent_as_a_prefix() {
    let hub = Source { domain: Some("hub".into()), ..Source::new("M") };
    let config = Config { mirror: Some(hub.clone()), ..Config::from("S") };
    let body = body_of(&CreateRequest::new(config).unwrap());
    assert_eq!(body["mirror"], json!({"name": "M", "external": {"api": "$JS.hub.API"}}));

    let both = Source { external: Some(External::default()), ..hub.clone() };
    let config = Config { sources: Some(vec![hub, both]), ..Config::from("S") };
    let error = CreateRequest::new(config).unwrap_err();
    assert_eq!(error, InvalidConfig::DomainAndExternal { source: "M".into() });
}

#[test]
fn names_and_subjects_are_checked_before_anything_is_sent() {
    for config in [
        Config::from(""),
        Config::from("a.b"),
        Config { subjects: vec!["a b".into()], ..Config::from("S") },
        Config { subjects: vec!["a..b".into()], ..Config::from("S") },
        Config { mirror: Some(Source::new("x*")), ..Config::from("S") },
        Config {
            mirror: Some(Source { domain: Some("a.b".into()), ..Source::new("M") }),
            ..Config::from("S")
        },
    ] {
        assert!(CreateRequest::new(&config).is_err(), "{config:?}");
        assert!(UpdateRequest::new(&config).is_err(), "{config:?}");
    }
}

#[test]
fn an_info_is_decoded_with_all_its_parts() {
    let page = InfoRequest::new(name())
        .decode(&answer(
            r#"{"type":"io.nats.jetstream.api.v1.stream_info_response","total":3,"offset":0,
            "limit":100000,"config":{"name":"S"},"created":"2026-01-01T00:00:00Z",
            "state":{"messages":1,"bytes":2,"first_seq":3,"first_ts":"2026-01-02T00:00:00Z",
            "last_seq":4,"last_ts":"0001-01-01T00:00:00Z","consumer_count":5,"num_subjects":6,
            "subjects":{"a":1,"b":2},"num_deleted":1,"deleted":[7],"lost":{"msgs":[8],"bytes":9}},
            "domain":"d","cluster":{"name":"C","raft_group":"g","leader":"n1",
            "leader_since":"2026-01-03T00:00:00Z","system_account":true,"traffic_account":"T",
            "replicas":[{"name":"n2","current":true,"active":10,"offline":true,"lag":11,"peer":"p"}],
            "desired":{"name":"x"}},
            "mirror":{"name":"M","lag":12,"active":-1,"error":{"code":1,"err_code":2}},
            "sources":[{"name":"N","lag":13,"active":14,"external":{"api":"p"},"seq":15}],
            "alternates":[{"name":"S","cluster":"C"}],"ts":"2026-01-04T00:00:00Z","x":null}"#,
        ))
        .unwrap();
    assert_eq!((page.next_offset(), page.paging.total), (Some(2), 3));
    let next = InfoRequest::new(name()).subjects(">").next(&page).unwrap();
    assert_wire(&next, "STREAM.INFO.S", r#"{"offset":2,"subjects_filter":">"}"#);
    let info = page.info;
    assert_eq!(info.state.subjects["b"], 2);
    assert_eq!(info.state.last_timestamp, None);
    assert_eq!(info.state.deleted, Some(vec![7]));
    assert_eq!(info.state.lost.as_ref().unwrap().messages, [8]);
    let cluster = info.cluster.unwrap();
    assert_eq!((cluster.leader.as_deref(), cluster.system_account), (Some("n1"), true));
    assert_eq!(cluster.replicas[0].peer.as_deref(), Some("p"));
    let mirror = info.mirror.unwrap();
    assert_eq!((mirror.active, mirror.error.unwrap().error_code().0), (None, 2));
    assert_eq!(info.sources[0].sequence, Some(15));
    assert_eq!(info.alternates[0].cluster, "C");
    assert!(info.time_stamp.is_some() && info.created.is_some());
}

#[test]
fn a_date_nobody_can_tell_does_not_cost_the_answer() {
    let create = CreateRequest::new("S").unwrap();
    let info = create
        .decode(&answer(
            r#"{"config":{"name":"S","mirror":{"name":"M","opt_start_time":"9999-01-01T00:00:00Z"}},
            "created":"yesterday","state":{"first_ts":"1000-01-01T00:00:00Z","last_ts":null}}"#,
        ))
        .unwrap();
    assert_eq!(info.created, None);
    assert_eq!(info.state.first_timestamp, Some(Timestamp::MIN));
    assert_eq!(info.config.mirror.unwrap().start_time, Some(Timestamp::MAX));
}

#[test]
fn the_deleted_message_of_a_stream_that_never_had_one_is_dropped() {
    let decode = |state| {
        let body = alloc::format!(r#"{{"config":{{"name":"S"}},"state":{state}}}"#);
        InfoRequest::new(name()).decode(&answer(&body)).unwrap().info.state
    };
    let state = decode(r#"{"last_seq":0,"num_deleted":1,"deleted":[0]}"#);
    assert_eq!((state.deleted_count, state.deleted), (Some(0), Some(vec![])));
    let state = decode(r#"{"last_seq":3,"num_deleted":2,"deleted":[1,2]}"#);
    assert_eq!((state.deleted_count, state.deleted), (Some(2), Some(vec![1, 2])));
}

#[test]
fn a_backup_goes_back_as_it_came() {
    let snapshot = SnapshotRequest::new(name(), Subject::from("d"))
        .decode(&answer(r#"{"config":{"name":"S"},"state":{"messages":5,"future":1}}"#))
        .unwrap();
    assert_eq!(snapshot.state().unwrap().messages, 5);
    let restore = RestoreRequest::new(StreamName::new("T").unwrap(), snapshot);
    assert_eq!(wire(&restore).0, "$JS.API.STREAM.RESTORE.T");
    let body = body_of(&restore);
    assert_eq!((&body["config"]["name"], &body["state"]["future"]), (&json!("T"), &json!(1)));
    let answer = restore.decode(&answer(r#"{"deliver_subject":"x"}"#)).unwrap();
    assert_eq!(answer.deliver_subject, "x");
}

#[test]
fn values_out_of_range_survive_a_change_of_something_else() {
    let odd = json!({
        "retention": "until-the-last-of-all-consumers-has-acknowledged",
        "max_age": -5,
        "duplicate_window": -1,
        "max_msg_size": 99_999_999_999_i64,
        "subject_delete_marker_ttl": -7,
        "sources": [{"name": "O", "opt_start_time": "9999-12-31T00:00:00Z"}],
        "consumer_limits": {"inactive_threshold": -1},
    });
    let mut from_server = full();
    for (name, value) in odd.as_object().unwrap() {
        from_server[name] = value.clone();
    }
    from_server.as_object_mut().unwrap().remove("template_owner");
    let info = json!({"config": from_server.clone(), "state": {}});
    let info = InfoRequest::new(name()).decode(&answer(&info.to_string())).unwrap().info;
    let names: vec::Vec<_> = info.config.unknown.out_of_range().collect();
    let mut expected: vec::Vec<_> = odd.as_object().unwrap().keys().map(|key| &**key).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(info.config.unknown.json("max_age").unwrap(), "-5");

    let mut config = info.config;
    config.max_messages = 99;
    from_server["max_msgs"] = json!(99);
    assert_eq!(body_of(&UpdateRequest::new(&config).unwrap()), from_server);

    // What is changed is what the user wants.
    config.max_age = Duration::from_secs(1);
    config.consumer_limits = None;
    from_server["max_age"] = json!(1_000_000_000);
    from_server.as_object_mut().unwrap().remove("consumer_limits");
    assert_eq!(body_of(&UpdateRequest::new(config).unwrap()), from_server);
}

#[test]
fn what_is_only_written_another_way_is_not_out_of_range() {
    let plain = json!({"config": {
        "name": "S", "subjects": null, "retention": "limits", "max_age": 0, "storage": "file",
        "description": "", "metadata": {}, "sources": [], "placement": {"tags": null},
        "template_owner": "old",
    }});
    let info = InfoRequest::new(name()).decode(&answer(&plain.to_string())).unwrap().info;
    assert!(info.config.unknown.is_empty(), "{:?}", info.config.unknown);
}

#[test]
fn what_came_in_other_words_goes_back_in_them_until_it_is_changed() {
    let zoned = json!({"name": "O", "opt_start_time": "2024-01-01T02:00:00+02:00"});
    let utc = json!({"name": "O", "opt_start_time": "2024-01-01T00:00:00Z"});
    let decode = |origin: &Value| {
        let mut config = full();
        (config["mirror"], config["sources"]) = (origin.clone(), json!([origin]));
        let info = json!({"config": config, "state": {}});
        InfoRequest::new(name()).decode(&answer(&info.to_string())).unwrap().info.config
    };
    let mut config = decode(&zoned);
    assert_eq!(config.unknown.out_of_range().count(), 0, "{:?}", config.unknown);
    assert_eq!(config, decode(&utc));

    config.max_messages = 99;
    let sent = body_of(&UpdateRequest::new(&config).unwrap());
    assert_eq!((&sent["mirror"], &sent["sources"]), (&zoned, &json!([zoned])));
    config.mirror.as_mut().unwrap().name = "P".into();
    let sent = body_of(&UpdateRequest::new(&config).unwrap());
    assert_eq!(sent["mirror"], json!({"name": "P", "opt_start_time": "2024-01-01T00:00:00Z"}));
    assert_eq!(sent["sources"], json!([zoned]));
}

#[test]
fn a_page_that_does_not_follow_the_one_before_is_no_answer() {
    let page = r#"{"total":9,"offset":0,"limit":3,"streams":["A","B","C"]}"#;
    assert!(NamesRequest::new().decode(&answer(page)).is_ok());
    let error = NamesRequest::new().offset(3).decode(&answer(page)).unwrap_err();
    assert!(matches!(error, ApiError::Malformed(_)), "{error}");
    let info = r#"{"config":{},"total":9,"offset":0,"state":{"subjects":{"a":1}}}"#;
    let first = InfoRequest::new(name()).subjects(">");
    let second = first.next(&first.decode(&answer(info)).unwrap()).unwrap();
    assert!(matches!(second.decode(&answer(info)), Err(ApiError::Malformed(_))));
}
