use core::net::SocketAddr;
use core::time::Duration;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// Fetches a JSON document from the monitoring endpoint.
///
/// HTTP/1.0 without keep-alive: the answer ends with the connection and is never chunked.
pub(crate) fn fetch(address: SocketAddr, path: &str) -> Result<Value, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).map_err(text)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(text)?;
    stream.set_write_timeout(Some(TIMEOUT)).map_err(text)?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(text)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(text)?;
    parse(&String::from_utf8_lossy(&answer))
}

/// A status other than 200 is no failure by itself: `/healthz` answers 503 with a JSON body.
fn parse(answer: &str) -> Result<Value, String> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no body")?;
    let status = head.lines().next().unwrap_or_default();
    serde_json::from_str(body).map_err(|error| format!("{status}, with a body not JSON: {error}"))
}

/// The endpoint is on this machine; only a stopped server takes this long.
const TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_body_is_returned_whatever_the_status() {
        let ok = parse("HTTP/1.0 200 OK\r\nA: b\r\n\r\n{\"a\":1}").unwrap();
        assert_eq!(ok["a"], 1);
        let unavailable = parse("HTTP/1.0 503 x\r\n\r\n{\"status\":\"bad\"}").unwrap();
        assert_eq!(unavailable["status"], "bad");
    }

    #[test]
    fn other_bodies_are_errors_that_show_the_status() {
        assert!(parse("HTTP/1.0 404 Not Found\r\n\r\nnope").unwrap_err().contains("404"));
        assert!(parse("garbage").is_err());
    }
}
