//! Secrets do not show, wherever one looks.

use crate::support::{assert_hides, connect_to, quick, rest_of, server_with, within};
use midge_test_server::{AccountOptions, Operator, UserOptions};
use midge_tokio::proto::nkeys::KeyPair;
use midge_tokio::{Auth, ConnectOptions};

const SECRET: &str = "hunter2secret";

#[tokio::test]
async fn options_hide_every_kind_of_credentials() {
    let key = KeyPair::new_user([9; 32]);
    let seed = key.seed().to_string();
    let operator = Operator::new().unwrap();
    let user = operator.system_account().user("u", UserOptions::new()).unwrap();
    let shown: Vec<(ConnectOptions, String)> = vec![
        (ConnectOptions::with_token(SECRET.into()), SECRET.into()),
        (ConnectOptions::with_user_and_password("u".into(), SECRET.into()), SECRET.into()),
        (ConnectOptions::with_nkey(seed.clone()), seed.clone()),
        (ConnectOptions::new().bearer_jwt(user.jwt().into()), user.jwt().into()),
        (ConnectOptions::with_credentials(&user.credentials()).unwrap(), user.seed().to_string()),
        (ConnectOptions::with_credentials(&user.credentials()).unwrap(), user.jwt().into()),
    ];
    for (options, secret) in &shown {
        assert_hides(options, secret);
    }
    let mut auth = Auth::new();
    auth.password = Some(SECRET.into());
    auth.token = Some(SECRET.into());
    auth.jwt = Some(SECRET.into());
    assert_hides(&auth, SECRET);
    assert_hides(&key, &seed);
}

#[tokio::test]
async fn errors_and_events_hide_the_credentials_of_urls() {
    let server = server_with("authorization { user: joe, password: right }");
    let url = format!("nats://joe:{SECRET}@127.0.0.1:{}", server.port());
    let error = within("a refusal", midge_tokio::connect(url.clone())).await.unwrap_err();
    assert_hides(&error, SECRET);
    assert!(!error.to_string().contains(SECRET), "{error}");

    let options = quick().retry_on_initial_connect();
    let client = connect_to(options, &url).await;
    let mut events = client.events();
    let seen = rest_of(&mut events).await;
    assert!(!seen.is_empty());
    for event in &seen {
        assert_hides(event, SECRET);
        assert!(!event.to_string().contains(SECRET), "{event}");
    }
    assert_hides(&client, SECRET);
    assert_hides(&client.server_pool().await.unwrap(), SECRET);
    assert_hides(&client.close_reason(), SECRET);
    let broken = format!("nats://joe:{SECRET}@[broken");
    let error = midge_tokio::connect(broken).await.unwrap_err();
    assert_hides(&error, SECRET);
    assert!(!error.to_string().contains(SECRET), "{error}");
}

#[tokio::test]
async fn a_connected_client_hides_its_credentials() {
    let server = server_with(&format!("authorization {{ user: joe, password: {SECRET} }}"));
    let url = format!("nats://joe:{SECRET}@127.0.0.1:{}", server.port());
    let client = connect_to(ConnectOptions::new(), &url).await;
    assert_hides(&client, SECRET);
    let connected = client.connected_server().unwrap();
    assert_hides(&connected, SECRET);
    assert!(!connected.to_string().contains(SECRET), "{connected}");
}

#[tokio::test]
async fn test_users_hide_their_keys() {
    let mut operator = Operator::new().unwrap();
    let account = operator.add_account("a", AccountOptions::new()).unwrap();
    let user = account.user("u", UserOptions::new()).unwrap();
    assert_hides(&user, &user.seed());
    assert_hides(&account, &user.seed());
}
