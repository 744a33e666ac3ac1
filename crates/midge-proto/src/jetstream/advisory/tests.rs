use super::{Abandonment, Advisory, AdvisoryEvent, AdvisoryFilter, AdvisoryKind, AssetAction};
use crate::jetstream::test_messages::answer;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

fn read(kind: &str, fields: &str) -> Advisory {
    Advisory::read(&answer(&format!(
        r#"{{"type":"io.nats.jetstream.{kind}","id":"I","timestamp":"2026-11-21T11:41:50.5Z",
        "newer":[{{}}]{fields}}}"#
    )))
}

const OF_STREAM: &str = r#","stream":"S""#;
const OF_CONSUMER: &str = r#","stream":"S","consumer":"C","stream_seq":7,"consumer_seq":9,
    "deliveries":2,"group":"g","pinned_id":"p","ack_time":1500,"reason":"because""#;

#[test]
fn every_kind_is_read_with_what_it_is_about() {
    for kind in [
        "stream_action",
        "snapshot_create",
        "snapshot_complete",
        "restore_create",
        "restore_complete",
        "stream_batch_abandoned",
        "stream_leader_elected",
        "stream_quorum_lost",
    ] {
        let advisory = read(&format!("advisory.v1.{kind}"), OF_STREAM);
        assert_ne!(advisory.event, AdvisoryEvent::Unknown, "{kind}");
        assert_eq!((advisory.stream(), advisory.consumer()), (Some("S"), None), "{kind}");
    }
    for kind in [
        "advisory.v1.consumer_action",
        "advisory.v1.consumer_pause",
        "advisory.v1.max_deliver",
        "advisory.v1.nak",
        "advisory.v1.terminated",
        "advisory.v1.consumer_group_pinned",
        "advisory.v1.consumer_group_unpinned",
        "advisory.v1.consumer_leader_elected",
        "advisory.v1.consumer_quorum_lost",
        "metric.v1.consumer_ack",
    ] {
        let advisory = read(kind, OF_CONSUMER);
        assert_ne!(advisory.event, AdvisoryEvent::Unknown, "{kind}");
        assert_eq!((advisory.stream(), advisory.consumer()), (Some("S"), Some("C")), "{kind}");
        assert_eq!(advisory.id, "I");
        assert_eq!(advisory.time.unwrap().to_string(), "2026-11-21T11:41:50.5Z");
    }
    for kind in [
        "api_audit",
        "api_limit_reached",
        "domain_leader_elected",
        "server_out_of_space",
        "server_removed",
        "meta_rescue",
    ] {
        let advisory = read(&format!("advisory.v1.{kind}"), r#","server":"N","domain":"D""#);
        assert_ne!(advisory.event, AdvisoryEvent::Unknown, "{kind}");
        assert_eq!((advisory.stream(), advisory.domain.as_deref()), (None, Some("D")), "{kind}");
    }
}

#[test]
fn what_an_advisory_says_is_read() {
    let AdvisoryEvent::MessageTerminated(terminated) =
        read("advisory.v1.terminated", OF_CONSUMER).event
    else {
        panic!()
    };
    assert_eq!((terminated.stream_sequence, terminated.consumer_sequence), (7, 9));
    assert_eq!((terminated.deliveries, terminated.reason.as_deref()), (2, Some("because")));
    let AdvisoryEvent::AckSampled(sample) = read("metric.v1.consumer_ack", OF_CONSUMER).event
    else {
        panic!()
    };
    assert_eq!(sample.ack_time, Duration::from_nanos(1500));
    let AdvisoryEvent::StreamAction(action) =
        read("advisory.v1.stream_action", r#","stream":"S","action":"delete""#).event
    else {
        panic!()
    };
    assert_eq!(action.action, AssetAction::Delete);
    let AdvisoryEvent::BatchAbandoned(batch) =
        read("advisory.v1.stream_batch_abandoned", r#","batch":"b","reason":"large""#).event
    else {
        panic!()
    };
    assert_eq!((&*batch.batch, batch.reason), ("b", Abandonment::Large));
}

#[test]
fn what_is_unknown_is_kept_as_it_came() {
    for body in [
        r#"{"type":"io.nats.jetstream.advisory.v2.max_deliver","stream":"S"}"#,
        r#"{"type":"io.nats.jetstream.advisory.v1.max_deliver","stream":5}"#,
        r#"{"type":"io.nats.server.advisory.v1.client_connect"}"#,
        "{}",
        "[]",
        "",
        "no JSON",
    ] {
        let advisory = Advisory::read(&answer(body));
        assert_eq!(advisory.event, AdvisoryEvent::Unknown, "{body}");
        assert_eq!(advisory.body(), body.as_bytes());
        assert_eq!(advisory.stream(), None);
    }
    assert_eq!(Advisory::read(&answer(r#"{"type":"x","id":"I"}"#)).kind, "x");
}

#[test]
fn a_filter_is_a_set_of_subjects_without_overlap() {
    use AdvisoryKind as Kind;
    let all = AdvisoryFilter::new;
    let (stream, consumer) = (|| "S".parse().unwrap(), || "C".parse().unwrap());
    let kinds = [Kind::ApiAudit, Kind::StreamDeleted, Kind::MaxDeliveries, Kind::AckSampled];
    for (filter, subjects) in [
        (all(), &["ADVISORY.>", "METRIC.>"][..]),
        (
            all().stream(stream()),
            &["ADVISORY.STREAM.*.S", "ADVISORY.CONSUMER.*.S.*", "METRIC.CONSUMER.*.S.*"],
        ),
        (
            all().stream(stream()).consumer(consumer()),
            &["ADVISORY.CONSUMER.*.S.C", "METRIC.CONSUMER.*.S.C"],
        ),
        (all().consumer(consumer()), &["ADVISORY.CONSUMER.*.*.C", "METRIC.CONSUMER.*.*.C"]),
        (
            all().kinds(kinds).kinds(kinds),
            &[
                "ADVISORY.API",
                "ADVISORY.STREAM.DELETED.*",
                "ADVISORY.CONSUMER.MAX_DELIVERIES.*.*",
                "METRIC.CONSUMER.ACK.*.*",
            ],
        ),
        (
            all().kinds(kinds).stream(stream()),
            &[
                "ADVISORY.STREAM.DELETED.S",
                "ADVISORY.CONSUMER.MAX_DELIVERIES.S.*",
                "METRIC.CONSUMER.ACK.S.*",
            ],
        ),
        (
            all().kinds(kinds).consumer(consumer()),
            &["ADVISORY.CONSUMER.MAX_DELIVERIES.*.C", "METRIC.CONSUMER.ACK.*.C"],
        ),
        (all().kinds([Kind::ApiAudit]).stream(stream()), &[]),
    ] {
        let found: Vec<_> = filter.subjects();
        let found: Vec<_> =
            found.iter().map(|subject| subject.strip_prefix("$JS.EVENT.").unwrap()).collect();
        assert_eq!(found, subjects);
    }
}
