//! Requests get their own reply, or hear why not.

use crate::adapters::Adapter;
use crate::stage::{Stage, conformance, serve_echo, within};
use core::time::Duration;
use midge::{Request, RequestErrorKind};

conformance! {
    a_request_gets_its_reply,
    many_requests_at_once_get_their_own_replies,
    nobody_listens_is_told_at_once,
    a_request_that_is_not_answered_times_out,
    a_request_over_its_own_inbox_gets_its_reply,
    a_client_answers_its_own_requests,
}

async fn a_request_gets_its_reply<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let (client, service) = (stage.connect(&server).await, stage.connect(&server).await);
    serve_echo(&service, "echo").await;
    for number in 0..200 {
        let payload = number.to_string();
        let request = client.request("echo", payload.clone().into());
        assert_eq!(within("a reply", request).await.unwrap().payload, payload);
    }
    assert_eq!(client.requests_in_flight(), 0);
}

async fn many_requests_at_once_get_their_own_replies<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let (client, service) = (stage.connect(&server).await, stage.connect(&server).await);
    serve_echo(&service, "echo").await;
    let requests = (0..500).map(|number| {
        let client = client.clone();
        async move {
            let payload = number.to_string();
            let reply = client.request("echo", payload.clone().into()).await.unwrap();
            assert_eq!(reply.payload, payload);
        }
    });
    within("all replies", futures_util::future::join_all(requests)).await;
}

async fn nobody_listens_is_told_at_once<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let result = within("an error", client.request("nobody", "".into())).await;
    assert_eq!(result.unwrap_err().kind(), RequestErrorKind::NoResponders);
}

async fn a_request_that_is_not_answered_times_out<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let _mute = client.subscribe("mute").await.unwrap();
    let request = Request::new().timeout(Some(Duration::from_millis(20)));
    let result = within("an error", client.send_request("mute", request)).await;
    assert_eq!(result.unwrap_err().kind(), RequestErrorKind::TimedOut);
    assert_eq!(client.requests_in_flight(), 0);
}

async fn a_request_over_its_own_inbox_gets_its_reply<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    serve_echo(&client, "echo").await;
    let request = Request::new().inbox(client.new_inbox()).payload("x".into());
    let reply = within("a reply", client.send_request("echo", request)).await.unwrap();
    assert_eq!(reply.payload, "x");
}

async fn a_client_answers_its_own_requests<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut requests = client.subscribe("self").await.unwrap();
    let answer = async {
        let request = requests.next().await.unwrap();
        client.respond(&request, "answer".into()).await.unwrap();
    };
    let ask = client.request("self", "question".into());
    let (reply, ()) = within("a reply", futures_util::future::join(ask, answer)).await;
    assert_eq!(reply.unwrap().payload, "answer");
}
