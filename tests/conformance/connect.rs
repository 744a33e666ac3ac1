//! Getting in, and not getting in without the right credentials.

use crate::adapters::Adapter;
use crate::stage::{Stage, conformance, event, until};
use core::time::Duration;
use midge::{ConnectOptions, Event, State};
use midge_test_server::{AccountOptions, NatsServer, Operator, UserOptions};

conformance! {
    a_client_connects_and_knows_its_server,
    a_host_name_is_looked_up,
    a_local_address_is_dialed_from,
    the_first_connection_may_be_made_in_the_background,
    user_and_password_let_in_only_if_they_are_right,
    a_token_in_the_url_lets_in,
    an_nkey_and_a_jwt_let_in,
    a_name_and_keep_alives_reach_the_server,
}

async fn a_client_connects_and_knows_its_server<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    stage.assert_transport(&client);
    assert_eq!(client.connection_state(), State::Connected);
    assert_eq!(client.remote_addr(), Some(stage.address(&server)));
    assert_eq!(client.server_info().server_name, server.name());
    assert!(client.local_addr().is_some());
}

async fn a_host_name_is_looked_up<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let url = stage.url(&server).replace("127.0.0.1", "localhost");
    let client = stage.connect_to(stage.options(), &url).await;
    client.sync().await.unwrap();
    // And by the dialer, where it is left to that.
    let client = stage.connect_to(stage.options().skip_host_lookup(), &url).await;
    client.sync().await.unwrap();
}

async fn a_local_address_is_dialed_from<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let options = stage.options().local_address("127.0.0.3:0".parse().unwrap());
    let client = stage.connect_to(options, &stage.url(&server)).await;
    assert_eq!(client.local_addr().unwrap().ip().to_string(), "127.0.0.3");
}

async fn the_first_connection_may_be_made_in_the_background<A: Adapter>(stage: Stage<A>) {
    let mut server = stage.server();
    server.kill();
    let options = stage.options().retry_on_initial_connect();
    let client = stage.connect_to(options, &stage.url(&server)).await;
    let mut events = client.events();
    assert_eq!(client.connection_state(), State::Pending);
    let mut all = client.subscribe("x").await.unwrap();
    client.publish("x", "kept".into()).await.unwrap();
    server.restart().unwrap();
    event(&mut events, &Event::Connected).await;
    assert_eq!(crate::stage::next(&mut all).await.payload, "kept");
}

async fn user_and_password_let_in_only_if_they_are_right<A: Adapter>(stage: Stage<A>) {
    let server = stage.server_with("authorization: { user: u, password: right }");
    let options = |password: &str| {
        stage.on(ConnectOptions::with_user_and_password("u".into(), password.into()))
    };
    let client = stage.connect_to(options("right"), &stage.url(&server)).await;
    client.sync().await.unwrap();
    let error = stage.try_connect(options("wrong"), &stage.url(&server)).await.unwrap_err();
    assert!(!error.to_string().contains("wrong"), "{error}");
    stage.try_connect(stage.options(), &stage.url(&server)).await.unwrap_err();
}

async fn a_token_in_the_url_lets_in<A: Adapter>(stage: Stage<A>) {
    let server = stage.server_with("authorization: { token: secret }");
    let url = stage.url(&server).replace("://", "://secret@");
    let client = stage.connect_to(stage.options(), &url).await;
    client.sync().await.unwrap();
    stage.try_connect(stage.options(), &stage.url(&server)).await.unwrap_err();
}

async fn an_nkey_and_a_jwt_let_in<A: Adapter>(stage: Stage<A>) {
    let mut operator = Operator::new().unwrap();
    let account = operator.add_account("a", AccountOptions::new()).unwrap();
    let user = account.user("u", UserOptions::new()).unwrap();
    let server = stage.start(NatsServer::builder().operator(&operator));
    let options = stage.on(ConnectOptions::with_credentials(&user.credentials()).unwrap());
    let client = stage.connect_to(options, &stage.url(&server)).await;
    client.sync().await.unwrap();

    let config = format!("authorization: {{ users: [{{ nkey: {} }}] }}", user.public_key());
    let server = stage.server_with(&config);
    let options = stage.on(ConnectOptions::with_nkey(user.seed().to_string()));
    let client = stage.connect_to(options, &stage.url(&server)).await;
    client.sync().await.unwrap();
}

async fn a_name_and_keep_alives_reach_the_server<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let options = stage.options().name("conformance").ping_interval(Duration::from_millis(10));
    let client = stage.connect_to(options, &stage.url(&server)).await;
    let connz = server.monitor("/connz").unwrap();
    assert_eq!(connz["connections"][0]["name"], "conformance");
    // PINGs and PONGs are all there is.
    let sent = || client.statistics().out_bytes.load(core::sync::atomic::Ordering::Relaxed);
    let before = sent();
    until("keep-alives", || sent() > before + 100).await;
    assert_eq!(client.connection_state(), State::Connected);
}
