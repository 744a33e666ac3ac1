//! Following a message through the server.

use crate::support::{connect, next, server};
use midge_tokio::HeaderMap;
use midge_tokio::header::{TraceDelivery, TraceParent};

#[tokio::test]
async fn the_server_reports_what_it_does_with_a_traced_message() {
    let server = server();
    let client = connect(&server).await;
    let mut reports = client.subscribe("trace.here").await.unwrap();
    let mut messages = client.subscribe("orders").await.unwrap();
    for (delivery, is_delivered) in
        [(TraceDelivery::Deliver, true), (TraceDelivery::TraceOnly, false)]
    {
        let mut headers = HeaderMap::new();
        headers.trace_to("trace.here", delivery);
        client.publish_with_headers("orders", headers, "x".into()).await.unwrap();
        let report: serde_json::Value =
            serde_json::from_slice(&next(&mut reports).await.payload).unwrap();
        assert_eq!(report["request"]["header"]["Nats-Trace-Dest"][0], "trace.here", "{report}");
        let events = report["events"].as_array().unwrap();
        assert_eq!(events[0]["type"], "in", "{report}");
        assert_eq!(events[0]["subj"], "orders", "{report}");
        client.sync().await.unwrap();
        let delivered = messages.try_next().unwrap();
        assert_eq!(delivered.is_some(), is_delivered, "{delivered:?}");
    }
}

#[tokio::test]
async fn the_span_of_a_message_arrives_with_it() {
    let server = server();
    let client = connect(&server).await;
    let mut messages = client.subscribe("orders").await.unwrap();
    let span = TraceParent { trace_id: [7; 16], parent_id: [9; 8], sampled: true };
    let mut headers = HeaderMap::new();
    headers.set_trace_parent(&span);
    client.publish_with_headers("orders", headers, "x".into()).await.unwrap();
    let received = next(&mut messages).await.headers.unwrap();
    assert_eq!(received.trace_parent(), Some(span));
}
