//! GET over HTTP/1.1, which is all that is asked of servers here.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Status and body of the answer.
pub(super) fn get(url: &str, path: &str) -> Result<(u16, String)> {
    let text = match (url.strip_prefix("http://"), url.strip_prefix("unix:")) {
        (Some(address), _) => {
            let stream = TcpStream::connect(address).context("nobody answers")?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            ask(stream, address, path)?
        }
        #[cfg(unix)]
        (None, Some(socket)) => {
            let stream = std::os::unix::net::UnixStream::connect(socket);
            let stream = stream.context("nobody answers")?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            ask(stream, "localhost", path)?
        }
        _ => anyhow::bail!("{url} cannot be asked"),
    };
    parse(&text).with_context(|| format!("{url}{path} answers no HTTP"))
}

fn ask(mut stream: impl Read + Write, host: &str, path: &str) -> Result<String> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text).context("the answer breaks off")?;
    Ok(text)
}

fn parse(text: &str) -> Option<(u16, String)> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// The value of a metric without labels in Prometheus' text form.
pub(super) fn metric(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_are_read() {
        let text = "HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\n{}";
        assert_eq!(parse(text), Some((503, "{}".to_owned())));
        assert_eq!(parse("SSH-2.0\r\n"), None);
    }

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let text = "# TYPE a counter\na_total_b 1\na_total 2\na_total{x=\"y\"} 3\n";
        assert_eq!(metric(text, "a_total"), Some(2.0));
        assert_eq!(metric(text, "a"), None);
    }
}
