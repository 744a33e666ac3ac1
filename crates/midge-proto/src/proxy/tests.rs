use super::*;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;

fn proxy(text: &str) -> Proxy {
    text.parse().unwrap()
}

/// Feeds `answers` one after the other, with what the dialog wrote before each; `None` where the
/// proxy is to have more to say.
fn converse(url: &str, host: &str, turns: &[(&[u8], &[u8])]) -> Result<Vec<u8>, ProxyError> {
    let mut dialog = ProxyDialog::new(&proxy(url), host, 4222);
    let mut progress = Progress::Running;
    for (expected, answer) in turns {
        let mut out = Vec::new();
        dialog.take_output(&mut out);
        assert_eq!(out.escape_ascii().to_string(), expected.escape_ascii().to_string());
        // One byte at a time must do as well as all at once.
        for byte in answer.chunks(1) {
            assert_eq!(progress, Progress::Running);
            progress = dialog.handle_read(byte)?;
        }
    }
    assert_eq!(progress, Progress::Tunneled);
    Ok(dialog.take_rest())
}

const REQUEST: &[u8] = b"CONNECT h:4222 HTTP/1.1\r\nHost: h:4222\r\n\r\n";

#[test]
fn an_http_proxy_is_asked_to_connect() {
    let answers: [&[u8]; 4] = [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.0 200 Connection established\r\nVia: x\r\nA: b\r\n\r\n",
        b"HTTP/1.1 299\n\n",
        b"HTTP/1.1 200 \r\nX: y\n\r\n",
    ];
    for answer in answers {
        assert_eq!(converse("http://p", "h", &[(REQUEST, answer)]), Ok(vec![]));
    }
    let request = b"CONNECT [::1]:4222 HTTP/1.1\r\nHost: [::1]:4222\r\n\r\n";
    assert_eq!(converse("http://p", "::1", &[(request, answers[0])]), Ok(vec![]));
}

#[test]
fn an_http_proxy_gets_credentials_and_they_show_nowhere_else() {
    let url = "http://joe:s3%3Acret@p";
    let request =
        b"CONNECT h:4222 HTTP/1.1\r\nHost: h:4222\r\nProxy-Authorization: Basic am9lOnMzOmNyZXQ=\r\n\r\n";
    assert_eq!(converse(url, "h", &[(request, b"HTTP/1.1 200 OK\r\n\r\n")]), Ok(vec![]));
    let shown = format!("{:?} {}", proxy(url), proxy(url));
    assert!(!shown.contains("joe") && !shown.contains("s3"), "{shown}");
}

#[test]
fn what_follows_an_answer_belongs_to_the_server() {
    let mut dialog = ProxyDialog::new(&proxy("http://p"), "h", 4222);
    let read = dialog.handle_read(b"HTTP/1.1 200 OK\r\n\r\nINFO {}\r\n\r\n");
    assert_eq!(read, Ok(Progress::Tunneled));
    assert_eq!(dialog.take_rest(), b"INFO {}\r\n\r\n");

    let mut dialog = ProxyDialog::new(&proxy("socks5://p"), "h", 4222);
    let read = dialog.handle_read(b"\x05\0\x05\0\0\x03\x01a\0\x01INFO");
    assert_eq!(read, Ok(Progress::Tunneled));
    assert_eq!(dialog.take_rest(), b"INFO");
}

#[test]
fn refusals_of_an_http_proxy_are_told_by_status() {
    let table: [(&[u8], &str, &str); 6] = [
        (b"HTTP/1.1 407 x\r\n\r\n", "http://p", "wants a user name and a password"),
        (b"HTTP/1.1 407 x\r\n\r\n", "http://a:b@p", "refused user name and password"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "http://p", "status 502 Bad Gateway"),
        (b"HTTP/1.1 100\r\n\r\n", "http://p", "status 100"),
        (b"HTTP/1.1 200OK\r\n\r\n", "http://p", "is no answer of a proxy"),
        (b"HTTP/1.1\r\n\r\n", "http://p", "is no answer of a proxy"),
    ];
    for (answer, url, expected) in table {
        let mut dialog = ProxyDialog::new(&proxy(url), "h", 4222);
        let error = dialog.handle_read(answer).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // A NATS server in the proxy's place is noticed at its first byte.
    let mut dialog = ProxyDialog::new(&proxy("http://p"), "h", 4222);
    assert!(matches!(dialog.handle_read(b"I"), Err(ProxyError::NotAProxy(_))));
}

#[test]
fn an_endless_answer_is_given_up() {
    let mut dialog = ProxyDialog::new(&proxy("http://p"), "h", 4222);
    dialog.handle_read(b"HTTP/1.1 200 OK\r\nX: ").unwrap();
    let error = (0..100_000).find_map(|_| dialog.handle_read(b"x").err());
    assert_eq!(error, Some(ProxyError::AnswerTooLong { limit: 16384 }));
}

#[test]
fn a_socks_proxy_gets_a_name_or_an_address() {
    let granted: &[u8] = b"\x05\0\0\x01\x7f\0\0\x01\x10\x7e";
    let table: [(&str, &[u8]); 3] = [
        ("h", b"\x05\x01\0\x03\x01h\x10\x7e"),
        ("10.1.2.3", b"\x05\x01\0\x01\x0a\x01\x02\x03\x10\x7e"),
        ("::1", b"\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x10\x7e"),
    ];
    for (host, request) in table {
        let turns: [(&[u8], &[u8]); 2] = [(b"\x05\x01\0", b"\x05\0"), (request, granted)];
        assert_eq!(converse("socks5://p", host, &turns), Ok(vec![]), "{host}");
    }
    let long: &[u8] = b"\x05\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let turns: [(&[u8], &[u8]); 2] = [(b"\x05\x01\0", b"\x05\0"), (table[0].1, long)];
    assert_eq!(converse("socks5h://p", "h", &turns), Ok(vec![]));
}

#[test]
fn a_socks_proxy_gets_credentials_when_it_asks_for_them() {
    let url = "socks5://joe:pw@p";
    let hello: &[u8] = b"\x05\x02\0\x02";
    let request: &[u8] = b"\x05\x01\0\x03\x01h\x10\x7e";
    let granted: &[u8] = b"\x05\0\0\x01\0\0\0\0\0\0";
    let credentials: &[u8] = b"\x01\x03joe\x02pw";
    let asked = [(hello, &b"\x05\x02"[..]), (credentials, b"\x01\0"), (request, granted)];
    assert_eq!(converse(url, "h", &asked), Ok(vec![]));
    let unasked = [(hello, &b"\x05\0"[..]), (request, granted)];
    assert_eq!(converse(url, "h", &unasked), Ok(vec![]));
    let refused = [(hello, &b"\x05\x02"[..]), (credentials, b"\x01\x01")];
    assert_eq!(converse(url, "h", &refused), Err(ProxyError::CredentialsRefused));
    let dialog = ProxyDialog::new(&proxy(url), "h", 1);
    let shown = format!("{:?}", dialog.machine);
    assert!(!shown.contains("joe") && !shown.contains("pw"), "{shown}");
}

#[test]
fn refusals_of_a_socks_proxy_are_told_by_code() {
    for code in 1..=9 {
        let mut dialog = ProxyDialog::new(&proxy("socks5://p"), "h", 4222);
        dialog.handle_read(b"\x05\0").unwrap();
        let error = dialog.handle_read(&[5, code, 0, 1]).unwrap_err();
        assert_eq!(error, ProxyError::Socks(SocksReply(code)));
        assert!(error.to_string().contains(&format!("(code {code})")), "{error}");
    }
    let table: [(&[u8], ProxyError); 2] = [
        (b"\x05\xff", ProxyError::CredentialsRequired),
        (b"\x05\x02", ProxyError::NotAProxy(crate::Snippet::new(b"\x05\x02"))),
    ];
    for (answer, error) in table {
        let mut dialog = ProxyDialog::new(&proxy("socks5://p"), "h", 4222);
        assert_eq!(dialog.handle_read(answer), Err(error));
    }
    let mut dialog = ProxyDialog::new(&proxy("socks5://a:b@p"), "h", 4222);
    assert_eq!(dialog.handle_read(b"\x05\xff"), Err(ProxyError::CredentialsRefused));
    let mut dialog = ProxyDialog::new(&proxy("socks5://p"), "h", 4222);
    assert!(matches!(dialog.handle_read(b"HTTP"), Err(ProxyError::NotAProxy(_))));
}

#[test]
fn addresses_of_proxies_are_read_or_refused_without_their_secrets() {
    let shown = [
        ("http://p", "http://p:80"),
        ("HTTP://P:3128/", "http://p:3128"),
        ("socks5://u:p@[::1]:1", "socks5://[redacted]@[::1]:1"),
        (" socks5h://10.0.0.1 ", "socks5://10.0.0.1:1080"),
    ];
    for (text, expected) in shown {
        assert_eq!(proxy(text).to_string(), expected);
    }
    let long = format!("socks5://{}:x@p", "u".repeat(256));
    let refused = ["p:80", "https://p", "socks4://p", "http://", "http://p:0", "http://a b", &long];
    for text in refused {
        assert!(text.parse::<Proxy>().is_err(), "{text}");
    }
    let error = "ftp://joe:s3cret@p".parse::<Proxy>().unwrap_err().to_string();
    assert!(!error.contains("s3cret") && error.contains("http or socks5"), "{error}");
}
