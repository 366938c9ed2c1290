//! Writes JSON into a buffer: strings, numbers that round-trip as `f32`, maps of weights.
//!
//! It is written piece by piece, so that the bytes do not depend on how `serde_json` orders the
//! keys of its maps (a feature that any other crate in a build can enable).

use std::fmt::Display;
use std::io::Write as _;

/// A string in quotes, escaped.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a Vec takes every write, a str is always JSON");
}

/// The shortest decimal that round-trips as `f32`.
pub(crate) fn number(out: &mut Vec<u8>, weight: f32) {
    serde_json::to_writer(out, &weight).expect("a Vec takes every write, weights are finite");
}

/// The same as text, for formats other than JSON.
pub(crate) fn number_text(weight: f32) -> String {
    serde_json::to_string(&weight).expect("weights are finite")
}

/// `{"token":weight,...}`
pub(crate) fn token_map<K: AsRef<str>>(out: &mut Vec<u8>, weights: &[(K, f32)]) {
    out.push(b'{');
    for (position, (token, weight)) in weights.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        string(out, token.as_ref());
        out.push(b':');
        number(out, *weight);
    }
    out.push(b'}');
}

/// `{"index":weight,...}`: keys in JSON must be strings.
pub(crate) fn index_map(out: &mut Vec<u8>, weights: impl Iterator<Item = (u32, f32)>) {
    out.push(b'{');
    for (position, (index, weight)) in weights.enumerate() {
        if position > 0 {
            out.push(b',');
        }
        text(out, format_args!("\"{index}\":"));
        number(out, weight);
    }
    out.push(b'}');
}

/// `"indices":[...],"values":[...]`, without braces.
pub(crate) fn index_lists(out: &mut Vec<u8>, indices: &[u32], values: &[f32]) {
    out.extend_from_slice(b"\"indices\":[");
    for (position, index) in indices.iter().enumerate() {
        let comma = if position > 0 { "," } else { "" };
        text(out, format_args!("{comma}{index}"));
    }
    out.extend_from_slice(b"],\"values\":[");
    for (position, &value) in values.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        number(out, value);
    }
    out.push(b']');
}

/// Text, unchanged.
pub(crate) fn text(out: &mut Vec<u8>, text: impl Display) {
    write!(out, "{text}").expect("a Vec takes every write");
}

/// The buffer as text.
pub(crate) fn into_string(out: Vec<u8>) -> String {
    String::from_utf8(out).expect("only UTF-8 was pushed")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Engines read a number as `f32` (pgvector: `strtof`), or as `f64` and round it.
        #[test]
        fn a_number_gives_the_same_f32_back(bits in any::<u32>()) {
            let weight = f32::from_bits(bits);
            prop_assume!(weight.is_finite());
            let written = number_text(weight);
            prop_assert_eq!(written.parse::<f32>().expect("a float").to_bits(), bits);
            prop_assert_eq!((written.parse::<f64>().expect("a float") as f32).to_bits(), bits);
        }
    }
}
