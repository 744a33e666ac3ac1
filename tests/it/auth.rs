//! Credentials: every kind, good and bad, and what happens when they end.

use crate::support::{
    assert_contains, connect_to, event, next, pick, quick, rest_of, server_with, state, within,
};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use midge_test_server::{
    Account, AccountOptions, FakeServer, NatsServer, Operator, User, UserOptions,
};
use midge_tokio::proto::nkeys::KeyPair;
use midge_tokio::{
    Auth, AuthError, Cause, Client, CloseReason, ConnectErrorKind, ConnectOptions, Credentials,
    Event, State, Step,
};
use std::sync::Arc;

const DAY: Duration = Duration::from_secs(86_400);
const PASSWORD: &str = "authorization { user: joe, password: s3cret }";

/// Checks that the client may do something with the server.
async fn works(client: &Client) {
    let mut subscriber = client.subscribe("w").await.unwrap();
    client.publish("w", "x".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "x");
}

async fn refused(options: ConnectOptions, url: &str) {
    let error = within("a refusal", options.connect(url)).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::AuthorizationViolation, "{error:?}");
    assert_eq!(error.attempt().unwrap().step, Step::Connect);
    assert_contains(&error, "Authorization Violation");
}

#[tokio::test]
async fn user_and_password_let_in_only_if_they_are_right() {
    let server = server_with(PASSWORD);
    let right = ConnectOptions::with_user_and_password("joe".into(), "s3cret".into());
    works(&connect_to(right, &server.url()).await).await;
    let wrong = ConnectOptions::with_user_and_password("joe".into(), "other".into());
    refused(wrong, &server.url()).await;
    refused(ConnectOptions::new(), &server.url()).await;
}

#[tokio::test]
async fn options_can_be_cloned_with_all_they_say() {
    let server = server_with(PASSWORD);
    let options =
        quick().name("twice").user_and_password("joe".into(), "s3cret".into()).ping_interval(DAY);
    for options in [options.clone(), options] {
        let shown = format!("{options:?}");
        assert!(shown.contains("twice") && shown.contains("86400s"), "{shown}");
        works(&connect_to(options, &server.url()).await).await;
    }
}

#[tokio::test]
async fn a_token_lets_in_only_if_it_is_right() {
    let server = server_with("authorization { token: \"t0ken/+@:\" }");
    works(&connect_to(ConnectOptions::with_token("t0ken/+@:".into()), &server.url()).await).await;
    refused(ConnectOptions::with_token("other".into()), &server.url()).await;
    // A user without a password in a URL is a token; special characters are escaped there.
    let url = format!("nats://t0ken%2F%2B%40%3A@127.0.0.1:{}", server.port());
    works(&connect_to(ConnectOptions::new(), &url).await).await;
}

#[tokio::test]
async fn credentials_in_a_url_go_before_those_of_the_options() {
    let server = server_with(PASSWORD);
    let url = format!("nats://joe:s3cret@127.0.0.1:{}", server.port());
    works(&connect_to(ConnectOptions::new(), &url).await).await;
    let other = ConnectOptions::with_user_and_password("joe".into(), "other".into());
    works(&connect_to(other, &url).await).await;
    let wrong = format!("nats://joe:other@127.0.0.1:{}", server.port());
    refused(ConnectOptions::new(), &wrong).await;
}

#[tokio::test]
async fn an_nkey_lets_in_from_its_seed_from_a_file_and_through_a_signer() {
    let key = KeyPair::new_user([7; 32]);
    let server =
        server_with(&format!("authorization {{ users: [{{ nkey: {} }}] }}", key.public_key()));
    let url = server.url();
    let seed = key.seed().to_string();
    works(&connect_to(ConnectOptions::with_nkey(seed.clone()), &url).await).await;

    let path = server.folder().join("user.nk");
    std::fs::write(&path, format!("{seed}\n")).unwrap();
    works(&connect_to(ConnectOptions::new().nkey_file(&path), &url).await).await;

    let public = key.public_key();
    let key = Arc::new(key);
    let signer = ConnectOptions::new().nkey_signer(public.clone(), move |nonce| {
        let key = Arc::clone(&key);
        async move { Ok(key.sign(&nonce).to_vec()) }
    });
    works(&connect_to(signer, &url).await).await;

    let stranger = KeyPair::new_user([8; 32]);
    refused(ConnectOptions::with_nkey(stranger.seed().to_string()), &url).await;
    let forger = ConnectOptions::new().nkey_signer(public, move |nonce| {
        let signature = stranger.sign(&nonce).to_vec();
        async move { Ok(signature) }
    });
    refused(forger, &url).await;
}

#[tokio::test]
async fn an_nkey_fails_with_the_reason_where_the_server_sends_nothing_to_sign() {
    let server = server_with(PASSWORD);
    let key = KeyPair::new_user([7; 32]);
    let path = server.folder().join("user.nk");
    std::fs::write(&path, key.seed()).unwrap();
    let signer = ConnectOptions::new().nkey_signer(key.public_key(), async |_| {
        panic!("there is nothing to sign");
    });
    for options in [
        ConnectOptions::with_nkey(key.seed().to_string()),
        ConnectOptions::new().nkey_file(&path),
        signer,
    ] {
        let error = within("a failure", options.connect(server.url())).await.unwrap_err();
        assert_eq!(error.kind(), ConnectErrorKind::Authentication, "{error:?}");
        assert_contains(&error, "no nonce");
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_had_fail_the_attempt_with_the_reason() {
    let server = server_with(PASSWORD);
    let options =
        ConnectOptions::with_auth_callback(|_| async { Err(AuthError::new("vault is shut")) });
    let error = within("a failure", options.connect(server.url())).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Authentication, "{error:?}");
    let attempt = error.attempt().unwrap();
    assert_eq!(attempt.step, Step::Credentials);
    assert!(matches!(attempt.cause, Cause::Credentials(_)));
    assert_contains(&error, "vault is shut");
    let error = ConnectOptions::with_credentials_file("/nowhere/a.creds").await.unwrap_err();
    assert_contains(error, "/nowhere/a.creds");
    assert!(ConnectOptions::with_credentials("no credentials at all").is_err());
}

#[tokio::test]
async fn credentials_that_cannot_be_right_are_named_before_anybody_is_dialed() {
    let bad = [
        (Credentials::nkey("SUrubbish"), "nkey seed: 9 characters instead of 58"),
        (Credentials::nkey_file("/nowhere/user.nk"), "nkey file: /nowhere/user.nk: "),
        (Credentials::file("/nowhere/a.creds"), "credentials file: /nowhere/a.creds: "),
        (Credentials::jwt_and_seed("SUrubbish", "SUrubbish"), "JWT: "),
    ];
    let server = NatsServer::start().unwrap();
    let client = connect_to(quick(), &server.url()).await;
    for (credentials, text) in bad {
        let options = ConnectOptions::new().authentication(credentials.clone());
        // Nobody is there to be dialed; the client would go on trying.
        let options = options.retry_on_initial_connect();
        let error = within("build", options.connect("nats://127.0.0.1:1")).await.unwrap_err();
        assert_eq!(error.kind(), ConnectErrorKind::Authentication, "{error:?}");
        assert!(error.to_string().starts_with(text), "{error}");
        assert!(!error.to_string().contains("SUrubbish"), "{error}");
        let error = client.set_credentials(credentials).unwrap_err();
        assert!(error.to_string().starts_with(text), "{error}");
    }
    client.set_credentials(Credentials::token("t")).unwrap();
    let twice = ConnectOptions::with_token("t".into()).user_and_password("u".into(), "p".into());
    let error = within("build", twice.connect("nats://127.0.0.1:1")).await.unwrap_err();
    assert!(error.to_string().ends_with(": token, user and password"), "{error}");
}

#[tokio::test]
async fn a_callback_that_never_answers_is_bounded_by_the_connection_timeout() {
    let server = server_with(PASSWORD);
    let options = ConnectOptions::with_auth_callback(|_| core::future::pending())
        .connection_timeout(Duration::from_millis(150));
    let error = within("a failure", options.connect(server.url())).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::TimedOut);
    assert_eq!(error.attempt().unwrap().step, Step::Credentials);
}

#[tokio::test]
async fn a_callback_may_fail_and_is_asked_again() {
    let server = server_with(PASSWORD);
    let calls = Arc::new(AtomicUsize::new(0));
    let options = quick().retry_on_initial_connect().auth_callback({
        let calls = Arc::clone(&calls);
        move |_| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            async move {
                if call < 3 {
                    return Err(AuthError::new(format!("no luck at call {call}")));
                }
                let mut auth = Auth::new();
                auth.username = Some("joe".into());
                auth.password = Some("s3cret".into());
                Ok(auth)
            }
        }
    });
    let client = connect_to(options, &server.url()).await;
    state(&client, State::Connected).await;
    works(&client).await;
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_token_from_a_callback_is_asked_for_at_every_attempt() {
    let fake = FakeServer::start().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let options = quick().auth_callback(move |_| {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        async move { Ok(Auth { token: Some(format!("token {call}")), ..Auth::new() }) }
    });
    let url = fake.url();
    let server = tokio::task::spawn_blocking(move || {
        for call in 0..3 {
            let mut connection = fake.accept();
            let connect = connection.handshake();
            assert_eq!(connect["auth_token"], format!("token {call}"));
            connection.expect_line("PING");
            connection.send("PONG\r\n");
            connection.close();
        }
    });
    let _client = connect_to(options, &url).await;
    within("three attempts", server).await.unwrap();
}

#[tokio::test]
async fn a_static_token_and_one_from_a_callback_contradict_each_other() {
    let asking = |options: ConnectOptions| {
        options.auth_callback(|_| async { Ok(Auth { token: Some("t".into()), ..Auth::new() }) })
    };
    let server = server_with("authorization { token: t }");
    works(&connect_to(asking(ConnectOptions::new()), &server.url()).await).await;
    works(&connect_to(ConnectOptions::with_token("t".into()), &server.url()).await).await;
    for both in [
        asking(ConnectOptions::with_token("t".into())),
        asking(ConnectOptions::new()).token("t".into()),
    ] {
        let error = within("an error", both.connect(server.url())).await.unwrap_err();
        assert_eq!(error.kind(), ConnectErrorKind::Options);
        assert_contains(&error, "more than one kind of credentials");
    }
}

struct Jwts {
    server: NatsServer,
    account: Arc<Account>,
    user: User,
}

fn jwts(options: UserOptions) -> Jwts {
    let mut operator = Operator::new().unwrap();
    let account = operator.add_account("a", AccountOptions::new()).unwrap();
    let user = account.user("u", options).unwrap();
    let server = NatsServer::builder().operator(&operator).start().unwrap();
    Jwts { server, account: Arc::new(account), user }
}

fn signed(user: &User, nonce: &[u8]) -> Auth {
    let key = KeyPair::from_seed(&user.seed()).unwrap();
    let mut auth = Auth::new();
    auth.jwt = Some(user.jwt().to_owned());
    auth.signature = Some(key.sign(nonce).to_vec());
    auth
}

#[tokio::test]
async fn a_jwt_lets_in_from_a_file_a_text_and_through_callbacks() {
    let Jwts { server, account, user } = jwts(UserOptions::new());
    let url = server.url();
    let path = server.folder().join("u.creds");
    user.write_credentials(&path).unwrap();
    let options = ConnectOptions::with_credentials_file(&path).await.unwrap();
    works(&connect_to(options, &url).await).await;
    let options = ConnectOptions::with_credentials(&user.credentials()).unwrap();
    works(&connect_to(options, &url).await).await;
    let key = Arc::new(KeyPair::from_seed(&user.seed()).unwrap());
    let options = ConnectOptions::with_jwt(user.jwt().to_owned(), move |nonce| {
        let key = Arc::clone(&key);
        async move { Ok(key.sign(&nonce).to_vec()) }
    });
    works(&connect_to(options, &url).await).await;
    let stranger = account.user("other", UserOptions::new()).unwrap();
    let options = ConnectOptions::with_auth_callback(move |nonce| {
        let auth = signed(&stranger, &nonce);
        async move { Ok(auth) }
    });
    works(&connect_to(options, &url).await).await;

    let bearer = account.user("bearer", UserOptions::new().bearer()).unwrap();
    let options = ConnectOptions::new().bearer_jwt(bearer.jwt().to_owned());
    works(&connect_to(options, &url).await).await;

    refused(ConnectOptions::new(), &url).await;
    refused(ConnectOptions::new().bearer_jwt(user.jwt().to_owned()), &url).await;
    let expired = account.user("old", UserOptions::new().expired()).unwrap();
    refused(ConnectOptions::with_credentials(&expired.credentials()).unwrap(), &url).await;
}

#[tokio::test]
async fn a_credentials_file_is_read_again_at_each_attempt() {
    let Jwts { server, account, user } = jwts(UserOptions::new());
    let path = server.folder().join("u.creds");
    let expired = account.renew(&user, UserOptions::new().expired()).unwrap();
    expired.write_credentials(&path).unwrap();
    let options = quick()
        .retry_on_initial_connect()
        .retry_refused_credentials()
        .credentials_file(&path)
        .await
        .unwrap();
    let client = connect_to(options, &server.url()).await;
    let mut events = client.events();
    pick("a refusal", &mut events, |event| matches!(event, Event::AttemptFailed(_)).then_some(()))
        .await;
    user.write_credentials(&path).unwrap();
    state(&client, State::Connected).await;
    works(&client).await;
}

#[tokio::test]
async fn a_jwt_that_ends_while_connected_is_replaced_by_the_callback() {
    let Jwts { server, account, user } = jwts(UserOptions::new());
    let calls = Arc::new(AtomicUsize::new(0));
    let options = quick().auth_callback({
        let calls = Arc::clone(&calls);
        move |nonce| {
            let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
            let life = Duration::from_secs(if first { 2 } else { 3_600 });
            let fresh = account.renew(&user, UserOptions::new().expires_in(life)).unwrap();
            let auth = signed(&fresh, &nonce);
            async move { Ok(auth) }
        }
    });
    let client = connect_to(options, &server.url()).await;
    let mut events = client.events();
    let mut subscriber = client.subscribe("e").await.unwrap();
    pick("the server's complaint", &mut events, |event| match event {
        Event::Lost(reason) => {
            assert_contains(reason.to_string().to_lowercase(), "expired");
            Some(())
        }
        _ => None,
    })
    .await;
    event(&mut events, &Event::Connected).await;
    client.publish("e", "x".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "x");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn two_equal_refusals_close_the_client() {
    let mut server = server_with(PASSWORD);
    let options = quick().user_and_password("joe".into(), "s3cret".into());
    let client = connect_to(options, &server.url()).await;
    let mut events = client.events();
    // The server throws out whom it does not let in any more.
    server.reload("authorization { user: joe, password: changed }").unwrap();
    let seen = rest_of(&mut events).await;
    let refusals = seen.iter().filter(|event| matches!(event, Event::AttemptFailed(_))).count();
    assert_eq!(refusals, 2, "{seen:?}");
    let Some(CloseReason::Refused(failure)) = client.close_reason() else {
        panic!("{:?}", client.close_reason());
    };
    assert_contains(&failure, "Authorization Violation");
}

#[tokio::test]
async fn refusals_are_taken_for_passing_if_they_are_to_be() {
    let mut server = server_with(PASSWORD);
    let options =
        quick().user_and_password("joe".into(), "s3cret".into()).retry_refused_credentials();
    let client = connect_to(options, &server.url()).await;
    let mut events = client.events();
    server.reload("authorization { user: joe, password: changed }").unwrap();
    for _ in 0..5 {
        pick("a refusal", &mut events, |event| {
            matches!(event, Event::AttemptFailed(_)).then_some(())
        })
        .await;
    }
    server.reload(PASSWORD).unwrap();
    event(&mut events, &Event::Connected).await;
    works(&client).await;
}

#[tokio::test]
async fn a_jwt_and_its_seed_as_two_texts_let_in_only_together() {
    let Jwts { server, account, user } = jwts(UserOptions::new());
    let url = server.url();
    let seed = user.seed().to_string();
    let options = ConnectOptions::with_jwt_and_seed(user.jwt().to_owned(), seed.clone());
    assert!(!format!("{options:?}").contains(&seed));
    works(&connect_to(options, &url).await).await;
    let stranger = account.user("other", UserOptions::new()).unwrap();
    let mixed = ConnectOptions::new().jwt_and_seed(stranger.jwt().to_owned(), seed);
    refused(mixed, &url).await;
    let broken = ConnectOptions::with_jwt_and_seed(user.jwt().to_owned(), "SUAnotaseed".into());
    let error = within("a failure", broken.connect(url)).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Authentication, "{error}");
    assert!(!error.to_string().contains("SUAnotaseed"), "{error}");
}

#[tokio::test]
async fn a_seed_file_is_read_again_at_each_attempt_bare_or_decorated() {
    let (old, new) = (KeyPair::new_user([7; 32]), KeyPair::new_user([8; 32]));
    let config =
        |key: &KeyPair| format!("authorization {{ users: [{{ nkey: {} }}] }}", key.public_key());
    let mut server = server_with(&config(&old));
    let path = server.folder().join("user.nk");
    std::fs::write(&path, old.seed().as_bytes()).unwrap();
    let client = connect_to(quick().nkey_file(&path), &server.url()).await;
    works(&client).await;
    let mut events = client.events();
    let decorated = format!(
        "-----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        *new.seed()
    );
    std::fs::write(&path, decorated).unwrap();
    server.reload(config(&new)).unwrap();
    event(&mut events, &Event::Disconnected).await;
    event(&mut events, &Event::Connected).await;
    works(&client).await;
}
