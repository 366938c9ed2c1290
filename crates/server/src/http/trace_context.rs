//! W3C trace context: which trace a request belongs to.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The one flag that is known here.
const SAMPLED: u8 = 1;

/// The trace of a request, and this server's span in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    trace_id: u128,
    span_id: u64,
    /// The caller's span.
    parent_id: Option<u64>,
    flags: u8,
}

impl TraceContext {
    /// A span in the caller's trace; in a new one if none is named, or not as it should be.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(TRACEPARENT).iter();
        let only = given.next().filter(|_| given.next().is_none());
        let parent = only.and_then(|value| parse(value.as_bytes()));
        let span_id = random().max(1);
        match parent {
            Some((trace_id, parent_id, flags)) => {
                Self { trace_id, span_id, parent_id: Some(parent_id), flags }
            }
            None => {
                let trace_id = u128::from(random()) << 64 | u128::from(random());
                Self { trace_id: trace_id.max(1), span_id, parent_id: None, flags: SAMPLED }
            }
        }
    }

    pub(crate) fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    pub(crate) fn span_id(&self) -> String {
        format!("{:016x}", self.span_id)
    }

    /// The caller's span; empty if there is none.
    pub(crate) fn parent_id(&self) -> String {
        self.parent_id.map_or_else(String::new, |id| format!("{id:016x}"))
    }

    /// Whether those who collect traces keep this one.
    pub(crate) fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// `traceparent` of the answer: its trace, and the server's span.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let Self { trace_id, span_id, flags, .. } = self;
        HeaderValue::from_str(&format!("00-{trace_id:032x}-{span_id:016x}-{flags:02x}")).ok()
    }
}

/// `00-<32 digits>-<16 digits>-<2 digits>`: trace, span and flags. Later versions may have more
/// behind it.
fn parse(value: &[u8]) -> Option<(u128, u64, u8)> {
    let (known, more) = value.split_at_checked(55)?;
    let mut parts = std::str::from_utf8(known).ok()?.split('-');
    let version = hex(parts.next()?, 2)?;
    let (trace_id, parent) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
    let flags = hex(parts.next()?, 2)?;
    let is_whole = match version {
        0 => more.is_empty(),
        0xff => false,
        _ => more.is_empty() || more[0] == b'-',
    };
    let is_valid = is_whole && parts.next().is_none() && trace_id != 0 && parent != 0;
    is_valid.then_some((trace_id, parent as u64, flags as u8 & SAMPLED))
}

/// A number of so many digits, in small letters.
fn hex(text: &str, n_digits: usize) -> Option<u128> {
    let is_hex = text.len() == n_digits
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if is_hex { u128::from_str_radix(text, 16).ok() } else { None }
}

/// A number that nobody has had: the keys of a new hasher are random.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn of(value: &str) -> TraceContext {
        let value = HeaderValue::from_str(value).unwrap();
        TraceContext::of(&HeaderMap::from_iter([(TRACEPARENT, value)]))
    }

    #[test]
    fn a_request_joins_the_trace_of_its_caller() {
        let context = of(&format!("00-{TRACE}-00f067aa0ba902b7-01"));
        assert_eq!(context.trace_id(), TRACE);
        assert_ne!(context.span_id(), "00f067aa0ba902b7", "a span of its own");
        assert_eq!(
            (context.parent_id().as_str(), context.is_sampled()),
            ("00f067aa0ba902b7", true)
        );
        let header = context.header().unwrap();
        let expected = format!("00-{TRACE}-{}-01", context.span_id());
        assert_eq!(header.to_str().unwrap(), expected);
        assert_eq!(of(&format!("01-{TRACE}-00f067aa0ba902b7-00-more")).trace_id(), TRACE);
    }

    #[test]
    fn a_context_that_is_none_begins_a_new_trace() {
        for value in [
            "",
            "00",
            &format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            &format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            &format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{TRACE}-00f067aa0ba902b7-0g"),
            &format!("00_{TRACE}_00f067aa0ba902b7_01"),
            &format!("00-{TRACE}-+0f067aa0ba902b7-01"),
        ] {
            assert_ne!(of(value).trace_id(), TRACE, "{value}");
        }
        let none = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        assert_ne!(of(&none).trace_id(), "0".repeat(32));
        let (first, second) = (TraceContext::of(&HeaderMap::new()), of(""));
        assert_ne!(first.trace_id(), second.trace_id());
    }
}
