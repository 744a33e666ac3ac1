//! Requests: each gets its own answer, or an error in time, and leaves nothing behind.

use crate::support::{
    DEADLINE, assert_contains, connect, connect_to, event, next, numbered, quick, serve_echo,
    server, server_with, state, until, within,
};
use bytes::Bytes;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use midge_test_server::FaultProxy;
use midge_tokio::{
    ConnectErrorKind, ConnectOptions, Event, HeaderMap, OnDisconnect, PublishError, Request,
    RequestError, RequestErrorKind, State,
};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_request_gets_its_reply_with_headers() {
    let server = server();
    let client = connect(&server).await;
    serve_echo(&client, "echo").await;
    assert_eq!(client.request("echo", "x".into()).await.unwrap().payload, "x");
    let mut headers = HeaderMap::new();
    headers.insert("A", "b");
    let reply = client.request_with_headers("echo", headers.clone(), "y".into()).await.unwrap();
    assert_eq!((reply.payload, reply.headers), ("y".into(), Some(headers)));
    assert_eq!(client.requests_in_flight(), 0);
}

#[tokio::test]
async fn a_response_carries_headers_and_a_message_without_a_reply_subject_is_an_error() {
    let server = server();
    let client = connect(&server).await;
    let mut questions = client.subscribe("q").await.unwrap();
    let mut headers = HeaderMap::new();
    headers.append("Trace", "one");
    headers.append("Trace", "two");
    let answering = async {
        let question = next(&mut questions).await;
        client.respond_with_headers(&question, headers.clone(), "answer".into()).await.unwrap();
    };
    let (reply, ()) = futures_util::join!(client.request("q", "x".into()), answering);
    let reply = reply.unwrap();
    assert_eq!((reply.payload, reply.headers.as_ref()), ("answer".into(), Some(&headers)));

    client.publish("q", "no reply wanted".into()).await.unwrap();
    let message = next(&mut questions).await;
    let published = client.statistics().out_messages.load(Ordering::Relaxed);
    for result in [
        client.respond(&message, "x".into()).await,
        client.respond_with_headers(&message, headers, "x".into()).await,
    ] {
        assert_eq!(result, Err(PublishError::NoReply));
    }
    assert_eq!(client.statistics().out_messages.load(Ordering::Relaxed), published);
}

#[tokio::test]
async fn a_request_that_nobody_answers_times_out() {
    let server = server();
    let client = connect(&server).await;
    let _silent = client.subscribe("silent").await.unwrap();
    let timeout = Duration::from_millis(80);
    let began = Instant::now();
    let request = Request::new().timeout(Some(timeout));
    let error = within("time-out", client.send_request("silent", request)).await.unwrap_err();
    assert!(began.elapsed() >= timeout, "{:?}", began.elapsed());
    assert_eq!(error, RequestError::TimedOut(timeout));
    assert_eq!(error.kind(), RequestErrorKind::TimedOut);
    assert_eq!(client.requests_in_flight(), 0);
}

#[tokio::test]
async fn the_clients_timeout_holds_for_requests_that_name_none() {
    let server = server();
    let timeout = Duration::from_millis(60);
    let options = ConnectOptions::new().request_timeout(Some(timeout));
    let client = connect_to(options, &server.url()).await;
    assert_eq!(client.timeout(), Some(timeout));
    let _silent = client.subscribe("silent").await.unwrap();
    let error = within("time-out", client.request("silent", "x".into())).await.unwrap_err();
    assert_eq!(error, RequestError::TimedOut(timeout));
}

#[tokio::test]
async fn a_request_on_a_subject_without_listeners_fails_at_once() {
    let server = server();
    let client = connect(&server).await;
    let error = within("an answer", client.request("nobody", "x".into())).await.unwrap_err();
    assert_eq!(error, RequestError::NoResponders);
    let own = Request::new().inbox(client.new_inbox());
    let error = within("an answer", client.send_request("nobody", own)).await.unwrap_err();
    assert_eq!(error, RequestError::NoResponders);
    assert_eq!(client.requests_in_flight(), 0);
}

#[tokio::test]
async fn without_no_responders_the_request_waits_for_its_timeout() {
    let server = server();
    let client = connect_to(ConnectOptions::new().no_responders(false), &server.url()).await;
    let request = Request::new().timeout(Some(Duration::from_millis(80)));
    let error = within("time-out", client.send_request("nobody", request)).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::TimedOut);
}

#[tokio::test]
async fn many_requests_in_flight_get_each_its_own_answer() {
    let server = server();
    let client = connect(&server).await;
    let answering = connect(&server).await;
    serve_echo(&answering, "echo").await;
    let mut tasks = JoinSet::new();
    for number in 0..1_000 {
        let client = client.clone();
        tasks.spawn(async move {
            let reply = client.request("echo", numbered(number)).await.unwrap();
            assert_eq!(reply.payload, numbered(number));
        });
    }
    within("1000 replies", async {
        while tasks.join_next().await.transpose().unwrap().is_some() {}
    })
    .await;
    assert_eq!(client.requests_in_flight(), 0);
    assert_eq!(client.subscription_count(), 1, "all replies share a subscription");
}

#[tokio::test]
async fn a_cancelled_request_leaves_nothing_behind_and_its_late_reply_is_ignored() {
    let server = server();
    let client = connect(&server).await;
    let answering = connect(&server).await;
    let mut questions = answering.subscription("slow").confirmed().await.unwrap();
    let task = {
        let client = client.clone();
        tokio::spawn(async move { client.request("slow", "first".into()).await })
    };
    let question = next(&mut questions).await;
    assert_eq!(client.requests_in_flight(), 1);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(client.requests_in_flight(), 0);

    answering.publish(question.reply.unwrap(), "late".into()).await.unwrap();
    answering.sync().await.unwrap();
    let request = client.request("slow", "second".into());
    let answer = async {
        let question = next(&mut questions).await;
        answering.publish(question.reply.unwrap(), "in time".into()).await.unwrap();
    };
    let (reply, ()) = within("a reply", async { tokio::join!(request, answer) }).await;
    assert_eq!(reply.unwrap().payload, "in time");
    assert_eq!(client.requests_in_flight(), 0);
}

#[tokio::test]
async fn only_the_first_of_several_replies_counts() {
    let server = server();
    let client = connect(&server).await;
    let mut questions = client.subscribe("q").await.unwrap();
    let request = client.request("q", Bytes::new());
    let answer = async {
        let reply = next(&mut questions).await.reply.unwrap();
        for text in ["one", "two", "three"] {
            client.publish(reply.clone(), text.into()).await.unwrap();
        }
    };
    let (reply, ()) = within("a reply", async { tokio::join!(request, answer) }).await;
    assert_eq!(reply.unwrap().payload, "one");
    client.sync().await.unwrap();
    assert_eq!(client.requests_in_flight(), 0);
}

#[tokio::test]
async fn a_request_may_bring_its_own_inbox() {
    let server = server();
    let client = connect(&server).await;
    let mut questions = client.subscribe("q").await.unwrap();
    let request = Request::new().payload("x".into()).inbox("my.own.inbox".into());
    let request = client.send_request("q", request);
    let answer = async {
        let question = next(&mut questions).await;
        assert_eq!(question.reply, Some("my.own.inbox".into()));
        client.publish("my.own.inbox", "y".into()).await.unwrap();
    };
    let (reply, ()) = within("a reply", async { tokio::join!(request, answer) }).await;
    assert_eq!(reply.unwrap().payload, "y");
    until("the inbox to go", || client.subscription_count() == 1).await;
}

#[tokio::test]
async fn inboxes_begin_with_the_prefix_of_the_options() {
    let server = server();
    let options = ConnectOptions::new().custom_inbox_prefix("_PRIVATE.me");
    let client = connect_to(options, &server.url()).await;
    assert!(client.new_inbox().starts_with("_PRIVATE.me."));
    assert_ne!(client.new_inbox(), client.new_inbox());
    let mut questions = client.subscribe("q").await.unwrap();
    let request = client.request("q", Bytes::new());
    let answer = async {
        let reply = next(&mut questions).await.reply.unwrap();
        assert!(reply.as_str().starts_with("_PRIVATE.me."), "{reply}");
        client.publish(reply, "y".into()).await.unwrap();
    };
    let (reply, ()) = within("a reply", async { tokio::join!(request, answer) }).await;
    assert_eq!(reply.unwrap().payload, "y");
}

#[tokio::test]
async fn a_request_that_is_not_allowed_fails_at_once_with_the_servers_words() {
    let server = server_with(
        r#"authorization { users: [
            { user: u, password: p, permissions: { publish: { deny: "secret" } } }
        ] }"#,
    );
    let options = ConnectOptions::with_user_and_password("u".into(), "p".into());
    let client = connect_to(options, &server.url()).await;
    let error = within("a refusal", client.request("secret", "x".into())).await.unwrap_err();
    assert!(matches!(error, RequestError::Denied(_)), "{error:?}");
    assert_contains(&error, "Permissions Violation for Publish to \"secret\"");
    assert_eq!(client.requests_in_flight(), 0);
}

#[tokio::test]
async fn whoever_may_not_receive_replies_hears_so_at_once_until_it_is_allowed() {
    let config = |deny: &str| {
        format!(
            r#"authorization {{ users: [ {{ user: s, password: p }},
                {{ user: u, password: p, permissions: {{ subscribe: {{ deny: [{deny}] }} }} }}
            ] }}"#
        )
    };
    let mut server = server_with(&config("\"_INBOX.>\", \"own\""));
    let options = |user: &str| ConnectOptions::with_user_and_password(user.into(), "p".into());
    let service = connect_to(options("s"), &server.url()).await;
    serve_echo(&service, "echo").await;
    let client = connect_to(options("u"), &server.url()).await;
    for _ in 0..2 {
        let reply = within("a refusal", client.request("echo", "x".into())).await;
        let error = reply.unwrap_err();
        assert!(matches!(error, RequestError::Denied(_)), "{error:?}");
        assert_contains(&error, "Permissions Violation for Subscription to \"_INBOX.");
        assert_eq!(client.requests_in_flight(), 0);
    }
    let mut inbox = client.new_reply_inbox(None).unwrap();
    let error = within("a refusal", inbox.reply()).await.unwrap_err();
    assert!(matches!(error, RequestError::Denied(_)), "{error:?}");
    for timeout in [None, Some(DEADLINE)] {
        let own = Request::new().inbox("own".into()).timeout(timeout);
        let error = within("a refusal", client.send_request("echo", own)).await.unwrap_err();
        assert_contains(&error, "Permissions Violation for Subscription to \"own\"");
        assert!(matches!(error, RequestError::Denied(_)), "{error:?}");
    }

    server.reload(config("\"other\"")).unwrap();
    within("a reply", async {
        // It is reloaded when the log says so, and the connection hears a moment later.
        while client.request("echo", "x".into()).await.is_err() {}
    })
    .await;
    // Who could receive and may not any more hears it as well.
    server.reload(config("\"_INBOX.>\"")).unwrap();
    within("a refusal", async { while client.request("echo", "x".into()).await.is_ok() {} }).await;
}

#[tokio::test]
async fn an_invalid_or_oversize_request_is_refused_before_it_is_sent() {
    let server = server_with("max_payload: 100");
    let client = connect(&server).await;
    let error = client.request("a b", "x".into()).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::InvalidSubject);
    let error = client.request("a", Bytes::from(vec![0; 101])).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::MaxPayloadExceeded);
    assert_eq!(client.requests_in_flight(), 0);
}

#[tokio::test]
async fn a_request_fails_at_the_loss_of_the_connection_if_it_is_to() {
    let mut server = server();
    let client = connect(&server).await;
    let mut silent = client.subscribe("silent").await.unwrap();
    let impatient = {
        let client = client.clone();
        let request = Request::new().timeout(None).on_disconnect(OnDisconnect::Fail);
        tokio::spawn(async move { client.send_request("silent", request).await })
    };
    next(&mut silent).await;
    let patient = {
        let client = client.clone();
        tokio::spawn(async move { client.request("silent", "patient".into()).await })
    };
    let question = next(&mut silent).await;
    server.kill();
    let error = within("a failure", impatient).await.unwrap().unwrap_err();
    assert_eq!(error, RequestError::Disconnected);
    state(&client, State::Disconnected).await;
    assert_eq!(client.requests_in_flight(), 1);
    server.restart().unwrap();
    // The answer may come over the next connection.
    client.publish(question.reply.unwrap(), "here".into()).await.unwrap();
    assert_eq!(within("a reply", patient).await.unwrap().unwrap().payload, "here");
}

#[tokio::test]
async fn close_ends_requests_that_wait() {
    let server = server();
    let client = connect(&server).await;
    let mut silent = client.subscribe("silent").await.unwrap();
    let task = {
        let client = client.clone();
        let request = Request::new().timeout(None);
        tokio::spawn(async move { client.send_request("silent", request).await })
    };
    next(&mut silent).await;
    client.close().await.unwrap();
    assert_eq!(within("the end", task).await.unwrap().unwrap_err(), RequestError::Closed);
    assert_eq!(client.requests_in_flight(), 0);
}

#[tokio::test]
async fn more_requests_at_once_than_the_outbox_has_room_for_are_all_answered() {
    let server = server();
    let client = connect(&server).await;
    serve_echo(&client, "busy").await;
    let payload = crate::support::pattern(1_000);
    let requests: Vec<_> = (0..10_000)
        .map(|_| {
            let (client, payload) = (client.clone(), payload.clone());
            tokio::spawn(async move { client.request("busy", payload).await })
        })
        .collect();
    for request in requests {
        let reply = within("a reply", request).await.unwrap().unwrap();
        assert_eq!(reply.payload, payload);
    }
    assert_eq!(client.requests_in_flight(), 0);
}

#[tokio::test]
async fn a_request_survives_a_reconnect_and_gets_the_reply_that_comes_after_it() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let mut events = client.events();
    let responder = connect(&server).await;
    let mut questions = responder.subscription("slow").confirmed().await.unwrap();
    let request = {
        let client = client.clone();
        tokio::spawn(async move { client.request("slow", "x".into()).await })
    };
    let question = next(&mut questions).await;
    proxy.cut();
    event(&mut events, &Event::Disconnected).await;
    event(&mut events, &Event::Connected).await;
    // The server has the subscription for replies again.
    client.sync().await.unwrap();
    responder.respond(&question, "late".into()).await.unwrap();
    assert_eq!(within("a reply", request).await.unwrap().unwrap().payload, "late");
}

#[tokio::test]
async fn a_reply_inbox_takes_the_first_reply_to_anything() {
    let server = server();
    let client = connect(&server).await;
    for subject in ["one", "two"] {
        serve_echo(&client, subject).await;
    }
    let before = client.subscription_count();
    let mut inbox = client.new_reply_inbox(Some(DEADLINE)).unwrap();
    let mut other = client.new_reply_inbox(None).unwrap();
    assert_ne!(inbox.subject(), other.subject());
    for subject in ["one", "two"] {
        let reply = inbox.subject().clone();
        client.publish_with_reply(subject, reply, subject.into()).await.unwrap();
    }
    let reply = within("a reply", inbox.reply()).await.unwrap();
    assert_eq!(inbox.reply().await, Err(RequestError::Closed), "there is one reply");
    assert!(["one", "two"].iter().any(|subject| reply.payload == *subject), "{reply:?}");
    client.publish(other.subject().clone(), "by hand".into()).await.unwrap();
    assert_eq!(within("a reply", other.reply()).await.unwrap().payload, "by hand");
    // They share the subscription of requests.
    assert_eq!(client.subscription_count(), before + 1);
    assert_eq!(client.requests_in_flight(), 0);
}

#[tokio::test]
async fn a_reply_inbox_ends_by_its_timeout_by_nobody_listening_and_with_the_client() {
    let server = server();
    let client = connect(&server).await;
    let short = Duration::from_millis(30);
    let mut inbox = client.new_reply_inbox(Some(short)).unwrap();
    let error = within("a time-out", inbox.reply()).await.unwrap_err();
    assert_eq!(error, RequestError::TimedOut(short));
    let mut inbox = client.new_reply_inbox(None).unwrap();
    client.publish_with_reply("nobody", inbox.subject().clone(), "x".into()).await.unwrap();
    let error = within("no responders", inbox.reply()).await.unwrap_err();
    assert_eq!(error, RequestError::NoResponders);
    drop(client.new_reply_inbox(None).unwrap());
    assert_eq!(client.requests_in_flight(), 0);
    let mut inbox = client.new_reply_inbox(None).unwrap();
    client.close().await.unwrap();
    assert_eq!(within("the end", inbox.reply()).await.unwrap_err(), RequestError::Closed);
    assert!(client.new_reply_inbox(None).is_err());
}

#[tokio::test]
async fn ids_in_inboxes_can_be_those_of_the_application() {
    let server = server();
    let made = Arc::new(AtomicU32::new(0));
    let options = ConnectOptions::new().id_generator({
        let made = Arc::clone(&made);
        move || format!("id{}", made.fetch_add(1, Ordering::Relaxed))
    });
    let client = connect_to(options.clone(), &server.url()).await;
    assert_eq!(client.new_inbox(), "_INBOX.id1", "the first is that of requests");
    let mut questions = client.subscribe("q").await.unwrap();
    let request = {
        let client = client.clone();
        tokio::spawn(async move { client.request("q", "x".into()).await })
    };
    let question = next(&mut questions).await;
    assert!(question.reply.as_ref().unwrap().starts_with("_INBOX.id0."), "{question:?}");
    client.respond(&question, "y".into()).await.unwrap();
    assert_eq!(within("a reply", request).await.unwrap().unwrap().payload, "y");
    for id in ["", "a b", "a.*"] {
        let options = ConnectOptions::new().id_generator(move || id.to_owned());
        let error = options.connect(server.url()).await.unwrap_err();
        assert_eq!(error.kind(), ConnectErrorKind::Options, "{id}: {error}");
    }
}
