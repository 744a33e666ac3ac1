use super::*;
use InvalidServerAddrKind as Kind;
use alloc::vec;
use proptest::prelude::*;

fn addr(text: &str) -> ServerAddr {
    text.parse().unwrap()
}

fn refusal(text: &str) -> InvalidServerAddr {
    text.parse::<ServerAddr>().unwrap_err()
}

#[test]
fn schemes_hosts_and_ports_are_read_from_every_usual_form() {
    let table = [
        ("localhost", "nats", "localhost", 4222, "/"),
        ("localhost:4333", "nats", "localhost", 4333, "/"),
        (" \tnats://Demo.NATS.io/\r\n", "nats", "demo.nats.io", 4222, "/"),
        ("nats://a_b-c.d:", "nats", "a_b-c.d", 4222, "/"),
        ("NATS://h:1/ignored?x=1", "nats", "h", 1, "/"),
        ("tls://10.0.0.1", "tls", "10.0.0.1", 4222, "/"),
        ("tls://[::1]:65535", "tls", "::1", 65535, "/"),
        ("nats://[0:0::1]", "nats", "::1", 4222, "/"),
        ("::1", "nats", "::1", 4222, "/"),
        ("nats://[fe80::1%25eth0]:1", "nats", "fe80::1%eth0", 1, "/"),
        ("nats://[fe80::1%eth0]", "nats", "fe80::1%eth0", 4222, "/"),
        ("ws://h", "ws", "h", 80, "/"),
        ("wss://h/", "wss", "h", 443, "/"),
        ("wss://h:8443/a/b/?c=d#e", "wss", "h", 8443, "/a/b/?c=d"),
        ("ws://h?x=1", "ws", "h", 80, "/?x=1"),
        ("ws://h/ä", "ws", "h", 80, "/%C3%A4"),
    ];
    for (text, scheme, host, port, path) in table {
        let addr = addr(text);
        let read = (addr.scheme(), addr.host(), addr.port(), addr.path());
        assert_eq!(read, (scheme, host, port, path), "{text}");
        assert!(!addr.has_user_pass(), "{text}");
    }
}

#[test]
fn a_unix_address_is_the_path_of_a_socket() {
    let socket = addr("unix:///run/my%20nats.sock");
    assert_eq!(socket.unix_path(), Some("/run/my nats.sock"));
    assert_eq!((socket.scheme(), socket.host(), socket.port()), ("unix", "localhost", 0));
    assert!(!socket.is_websocket() && !socket.tls_required());
    let secret = addr("unix://joe:s3cret@/run/nats.sock");
    assert_eq!((secret.username(), secret.password()), (Some("joe"), Some("s3cret")));
    assert_eq!(secret.to_string(), "unix://[redacted]@/run/nats.sock");
    assert_eq!(secret.without_credentials(), addr("unix:///run/nats.sock"));
    assert_ne!(addr("unix:///a"), addr("unix:///b"));
    // What a server announces is an address of TCP.
    assert_eq!(socket.with_host_port("h").unwrap(), addr("nats://h"));
    for (text, kind) in [
        ("unix://", Kind::NoPath),
        ("unix:///", Kind::NoPath),
        ("unix://host/a", Kind::InvalidHost),
        ("unix://u:p@host/a", Kind::InvalidHost),
    ] {
        assert_eq!(refusal(text).kind(), kind, "{text}");
    }
    assert_eq!(addr("nats://h").unix_path(), None);
}

#[test]
fn user_name_password_and_token_are_decoded() {
    let table = [
        ("nats://joe:pw@h", Some("joe"), Some("pw")),
        ("joe:pw@h:1", Some("joe"), Some("pw")),
        ("nats://tok%2Fen@h", Some("tok/en"), None),
        ("nats://j%40e:p%3A%C3%A4%2C@h", Some("j@e"), Some("p:ä,")),
        ("nats://joe:a:b@c@h", Some("joe"), Some("a:b@c")),
        ("nats://:pw@h", None, Some("pw")),
        ("nats://joe:@h", Some("joe"), Some("")),
        ("nats://@h", None, None),
        ("nats://100%:%zz@h", Some("100%"), Some("%zz")),
    ];
    for (text, username, password) in table {
        let addr = addr(text);
        assert_eq!((addr.username(), addr.password()), (username, password), "{text}");
        assert_eq!(addr.has_user_pass(), username.is_some() || password.is_some(), "{text}");
        assert_eq!(addr.host(), "h", "{text}");
    }
}

#[test]
fn texts_that_are_no_address_are_refused_each_with_its_reason() {
    let table = [
        ("", Kind::Empty),
        (" \n", Kind::Empty),
        ("http://h", Kind::UnsupportedScheme),
        ("://h", Kind::UnsupportedScheme),
        ("ftp:///tmp/x", Kind::UnsupportedScheme),
        ("nats://a b", Kind::BlankOrControl),
        ("nats://a\r\nPUB x", Kind::BlankOrControl),
        ("nats://a\u{2003}b", Kind::BlankOrControl),
        ("ws://h/a\0", Kind::BlankOrControl),
        ("nats://", Kind::NoHost),
        ("nats://:4222", Kind::NoHost),
        ("joe:pw@", Kind::NoHost),
        ("nats://h:0", Kind::InvalidPort),
        ("nats://h:65536", Kind::InvalidPort),
        ("nats://h:+1", Kind::InvalidPort),
        ("nats://h:4222x", Kind::InvalidPort),
        ("nats://[::1]:x", Kind::InvalidPort),
        ("nats://[::1", Kind::InvalidHost),
        ("nats://[::1]4222", Kind::InvalidHost),
        ("nats://[10.0.0.1]", Kind::InvalidHost),
        ("nats://[fe80::1%]", Kind::InvalidHost),
        ("nats://a:1:2", Kind::InvalidHost),
        ("nats://h*st", Kind::InvalidHost),
        ("nats://bücher.example", Kind::InvalidHost),
        ("nats://%41", Kind::InvalidHost),
        ("nats://joe:%ff@h", Kind::InvalidUserInfo),
        ("nats://joe:12/34@h", Kind::MisplacedAt),
    ];
    for (text, kind) in table {
        assert_eq!(refusal(text).kind(), kind, "{text:?}");
    }
    assert_eq!(refusal(&"a".repeat(254)).kind(), Kind::InvalidHost);
}

#[test]
fn a_refusal_names_the_text_without_its_secrets() {
    let table = [
        ("http://joe:SECRET@h", "http://[redacted]@h"),
        ("nats://joe:SEC/RET@h:1", "nats://[redacted]@h:1"),
        ("nats://joe:SECRET", "nats://joe:[redacted]"),
        ("nats://joe:SECRET/x", "nats://joe:[redacted]"),
        ("nats://h:SECRET?x=SECRET", "nats://h:[redacted]?[redacted]"),
        ("nats://[::1]:SECRET", "nats://[::1]:[redacted]"),
        ("joe:SECRET://h", "[redacted]://h"),
        ("nats://h:99999/", "nats://h:99999/"),
        ("nats://a\r\nb", "nats://a\\r\\nb"),
    ];
    for (text, shown) in table {
        let error = refusal(text);
        assert_eq!(error.text(), shown);
        assert!(!format!("{error} {error:?}").contains("SECRET"), "{error}");
        assert!(error.to_string().contains(shown), "{error}");
    }
    let long = refusal(&format!("nats://{}", "a".repeat(10_000)));
    assert!(long.text().len() < 200);
}

#[test]
fn credentials_and_query_show_in_the_url_only() {
    let addr = addr("wss://joe:SECRET@H/p?access=SECRET");
    assert_eq!(addr.as_url_str(), "wss://joe:SECRET@H/p?access=SECRET");
    assert_eq!(addr.redacted(), "wss://[redacted]@h:443/p?[redacted]");
    assert_eq!(format!("{addr}"), addr.redacted());
    let shown = format!("{addr:?} {addr:#?}");
    assert!(!shown.contains("SECRET") && !shown.contains("joe"), "{shown}");
}

#[test]
fn the_url_has_a_scheme_and_no_slash_or_blank_at_its_end() {
    assert_eq!(addr(" localhost:4222/ ").as_url_str(), "nats://localhost:4222");
    assert_eq!(addr("TLS://a:b@H").as_url_str(), "tls://a:b@H");
}

#[test]
fn the_scheme_tells_about_tls_and_websocket() {
    for (text, tls, websocket) in [
        ("nats://h", false, false),
        ("tls://h", true, false),
        ("ws://h", false, true),
        ("wss://h", true, true),
    ] {
        assert_eq!((addr(text).tls_required(), addr(text).is_websocket()), (tls, websocket));
    }
}

#[test]
fn addresses_are_equal_when_they_lead_to_the_same_place_as_the_same_user() {
    assert_eq!(addr("nats://H:4222/"), addr("h"));
    assert_eq!(addr("nats://[::1]"), addr("nats://[0::1]:4222"));
    assert_eq!(addr("localhost"), ServerAddr::default());
    assert_eq!(addr(ServerAddr::default().as_url_str()), ServerAddr::default());
    assert_ne!(addr("tls://h"), addr("nats://h"));
    assert_ne!(addr("a@h"), addr("b@h"));
    assert_ne!(addr("ws://h/a"), addr("ws://h/b"));
    assert!(addr("nats://a") < addr("nats://b"));
}

#[test]
fn a_discovered_server_takes_scheme_and_path_but_no_credentials() {
    let seed = addr("wss://joe:pw@h:1/p?q");
    let other = seed.with_host_port("[::2]:2").unwrap();
    assert_eq!(other, addr("wss://[::2]:2/p?q"));
    assert_eq!(
        addr("tls://h").with_host_port("10.0.0.9:4333").unwrap(),
        addr("tls://10.0.0.9:4333")
    );
    assert_eq!(seed.with_host_port("x").unwrap().port(), 443);
    assert_eq!(seed.without_credentials(), addr("wss://h:1/p?q"));
    assert_eq!(seed.without_credentials().as_url_str(), "wss://h:1/p?q");
}

#[test]
fn an_announcement_that_is_more_than_host_and_port_is_refused() {
    let seed = addr("tls://h");
    for text in ["nats://a:1", "a:1/x", "u@a:1", "a?b", "a#b"] {
        assert_eq!(seed.with_host_port(text).unwrap_err().kind(), Kind::NotHostAndPort, "{text}");
    }
    assert_eq!(seed.with_host_port("").unwrap_err().kind(), Kind::NoHost);
    assert_eq!(seed.with_host_port("a b").unwrap_err().kind(), Kind::InvalidHost);
    assert_eq!(seed.with_host_port("a:0").unwrap_err().kind(), Kind::InvalidPort);
}

#[test]
fn a_list_skips_empty_entries_and_must_not_be_empty() {
    let list = ServerAddr::parse_list(" a , b:1,, tls://c/ ,").unwrap();
    assert_eq!(list, [addr("a"), addr("b:1"), addr("tls://c")]);
    for text in ["", " ", ",", " , ,"] {
        assert_eq!(ServerAddr::parse_list(text).unwrap_err().kind(), Kind::Empty, "{text:?}");
    }
    assert_eq!(ServerAddr::parse_list("a,b:x").unwrap_err().kind(), Kind::InvalidPort);
}

#[test]
fn a_password_that_a_comma_cuts_in_two_does_not_show() {
    let error = ServerAddr::parse_list("nats://joe:SEC,RET@h").unwrap_err();
    assert!(!error.to_string().contains("SEC"), "{error}");
}

#[test]
fn everything_that_names_servers_gives_their_addresses() {
    fn read(servers: impl ToServerAddrs) -> Vec<String> {
        servers.to_server_addrs().unwrap().map(|addr| addr.host().to_owned()).collect()
    }
    assert_eq!(read("a,b"), ["a", "b"]);
    assert_eq!(read("a".to_owned()), ["a"]);
    assert_eq!(read(addr("a")), ["a"]);
    assert_eq!(read(["a", "b,c"]), ["a", "b", "c"]);
    assert_eq!(read(&["a", "b"][..]), ["a", "b"]);
    assert_eq!(read(vec!["a".to_owned()]), ["a"]);
    assert_eq!(read([addr("a"), addr("b")]), ["a", "b"]);
    assert_eq!(read(vec![addr("a"), addr("b")]), ["a", "b"]);
    assert_eq!(read(&[addr("a")][..]), ["a"]);
    let (text, one, many) = ("a".to_owned(), addr("a"), vec!["a"]);
    assert_eq!([read(&text), read(&one), read(&many)], [read("a"), read(one), read(many)]);
}

#[test]
fn a_list_without_any_server_is_refused() {
    assert_eq!("".to_server_addrs().unwrap_err().kind(), Kind::Empty);
    assert_eq!(Vec::<String>::new().to_server_addrs().unwrap_err().kind(), Kind::Empty);
    assert_eq!(Vec::<ServerAddr>::new().to_server_addrs().unwrap_err().kind(), Kind::Empty);
    assert_eq!(vec!["a", ""].to_server_addrs().unwrap_err().kind(), Kind::Empty);
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(
        text in "\\PC{0,40}|(nats|ws|x)://[a-c:@/?#%0-9\\[\\], ]{0,20}",
    ) {
        let _ = ServerAddr::parse_list(&text);
        let _ = addr("wss://h").with_host_port(&text);
    }

    #[test]
    fn what_was_read_can_be_read_again(
        text in "((nats|tls|ws|wss)://)?([a-c%@:]{1,5}@)?([a-c.]{1,5}|\\[::1\\])(:[1-9]{1,4})?[/?a-c#]{0,4}",
    ) {
        if let Ok(first) = text.parse::<ServerAddr>() {
            prop_assert_eq!(&addr(first.as_url_str()), &first);
            let bare = first.without_credentials();
            prop_assert_eq!(&addr(bare.as_url_str()), &bare);
            prop_assert!(!bare.has_user_pass());
        }
    }

    #[test]
    fn no_password_shows(password in "[A-Z/?#:@,\\[\\]]{3,12}Z") {
        let text = format!("nats://joe:{password}@h:1");
        let shown = match text.parse::<ServerAddr>() {
            Ok(addr) => format!("{addr} {addr:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert!(!shown.contains(&password), "{}", shown);
    }
}
