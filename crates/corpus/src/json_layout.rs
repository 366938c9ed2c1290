//! How a text lays out JSON: one object per line, or in an unsupported way.

use serde::de::IgnoredAny;

use crate::ContentProblem;
use crate::window::Start;

/// What the start of a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonLayout {
    /// Not JSON that could hold records.
    None,
    /// An object on one line, or a broken one.
    Lines,
    /// An object over several lines.
    Spread,
    /// An array of objects.
    Array,
    /// An array of texts or of arrays.
    List,
    /// Objects, each preceded by the character 1E (RFC 7464).
    Sequence,
}

impl JsonLayout {
    /// The layout of the first value, after blank lines. `None` if the start is too short to tell.
    ///
    /// Numbers and words are not checked here: reading a record reports what is wrong with it,
    /// together with its line.
    pub(crate) fn of(start: Start<'_>) -> Option<Self> {
        let json = start.bytes.trim_ascii_start();
        match json.first() {
            Some(b'{') => of_object(json, start.is_all),
            Some(b'[') => of_array(json, start.is_all),
            Some(0x1e) => Some(Self::Sequence),
            Some(_) => Some(Self::None),
            None => start.is_all.then_some(Self::None),
        }
    }

    /// Why this layout cannot be read, if it cannot.
    pub(crate) fn problem(self) -> Option<ContentProblem> {
        match self {
            Self::None | Self::Lines => None,
            Self::Spread => Some(ContentProblem::SpreadJson),
            Self::Array => Some(ContentProblem::JsonArray),
            Self::List => Some(ContentProblem::JsonList),
            Self::Sequence => Some(ContentProblem::JsonSequence),
        }
    }
}

/// Whether the text has at least one line and each is a JSON object. A last line without a line end
/// counts only if the start is the whole text.
pub(crate) fn are_objects(start: Start<'_>) -> bool {
    let end = match start.bytes.iter().rposition(|&byte| byte == b'\n') {
        _ if start.is_all => start.bytes.len(),
        Some(end) => end,
        None => return false,
    };
    let lines = start.bytes[..end].split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let mut lines = lines.filter(|line| !line.is_empty()).peekable();
    lines.peek().is_some()
        && lines.all(|line| {
            let is_json = matches!(second(line), Some(b'"' | b'}'));
            is_json && matches!(scan(line), Scan::Ended(n) if n == line.len())
        })
}

/// The first non-blank byte after the opening bracket.
fn second(json: &[u8]) -> Option<u8> {
    json[1..].trim_ascii_start().first().copied()
}

fn of_object(json: &[u8], is_all: bool) -> Option<JsonLayout> {
    match second(json) {
        None => return is_all.then_some(JsonLayout::None),
        // Python prints dictionaries like this. The parser will refuse them.
        Some(b'\'') => return Some(JsonLayout::Lines),
        Some(b'"' | b'}') => {}
        Some(_) => return Some(JsonLayout::None),
    }
    match scan(json) {
        Scan::Ended(_) | Scan::Broken => Some(JsonLayout::Lines),
        Scan::Spread => Some(JsonLayout::Spread),
        Scan::RanOut => is_all.then_some(JsonLayout::Lines),
    }
}

/// Which comes first after an object's opening bracket.
enum Scan {
    /// The end of the object, on the same line.
    Ended(usize),
    /// The end of the line.
    Spread,
    /// The end of the line, where no object can continue.
    Broken,
    RanOut,
}

/// Scans strings and brackets, starting at the object's opening bracket.
fn scan(json: &[u8]) -> Scan {
    let mut open = Vec::new();
    let (mut is_text, mut is_escaped, mut is_spread) = (false, false, false);
    let mut last = 0;
    for (i, &byte) in json.iter().enumerate() {
        if is_text {
            match byte {
                b'\n' => return Scan::Broken,
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => is_text = false,
                _ => {}
            }
            continue;
        }
        if byte.is_ascii_whitespace() {
            is_spread |= byte == b'\n';
            continue;
        }
        if is_spread {
            // A truncated line, followed by the next record.
            let is_next = byte == b'{' && open.last() == Some(&b'{') && last != b':';
            return if is_next { Scan::Broken } else { Scan::Spread };
        }
        match byte {
            b'"' => is_text = true,
            b'{' | b'[' => open.push(byte),
            b'}' | b']' => {
                open.pop();
                if open.is_empty() {
                    return Scan::Ended(i + 1);
                }
            }
            _ => {}
        }
        last = byte;
    }
    Scan::RanOut
}

fn of_array(json: &[u8], is_all: bool) -> Option<JsonLayout> {
    match second(json) {
        None => return is_all.then_some(JsonLayout::None),
        Some(b'{') => return Some(JsonLayout::Array),
        // "[1] A reference", "[sic]" and the like.
        Some(b'"' | b'[' | b']') => {}
        Some(_) => return Some(JsonLayout::None),
    }
    let mut values = serde_json::Deserializer::from_slice(json).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => {
            let rest = &json[values.byte_offset()..];
            let line = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
            let is_whole_line = line.len() < rest.len() || is_all;
            match line.trim_ascii().is_empty() {
                true => is_whole_line.then_some(JsonLayout::List),
                false => Some(JsonLayout::None),
            }
        }
        Some(Err(error)) if error.is_eof() => is_all.then_some(JsonLayout::List),
        _ => Some(JsonLayout::None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn of(text: &str) -> JsonLayout {
        JsonLayout::of(Start { bytes: text.as_bytes(), is_all: true }).unwrap()
    }

    #[test]
    fn an_object_a_line_is_lines() {
        for text in [
            "{\"text\": \"x\"}\n{\"text\": \"y\"}",
            "\n \n{\"a\": {\"b\": [{}]}, \"text\": \"}\\\"{\"}",
            "{ \"n\": NaN}\r\n",
            "{}",
            "{\"text\": \"cut o",
            "{\"text\": \"cut o\n{\"text\": \"y\"}",
            "{\"n\": 1,\n{\"text\": \"y\"}",
            "{'text': 'x'}",
        ] {
            assert_eq!(of(text), JsonLayout::Lines, "{text:?}");
        }
    }

    #[test]
    fn json_in_another_layout_is_known() {
        assert_eq!(of("{\n  \"text\": \"x\"\n}\n"), JsonLayout::Spread);
        assert_eq!(of("{\"a\": [\n{\"text\": \"x\"}]}\n"), JsonLayout::Spread);
        assert_eq!(of("{\"a\":\n{\"text\": \"x\"}}\n"), JsonLayout::Spread);
        assert_eq!(of("{\r\n\t\"text\": \"x\"\r\n}\n"), JsonLayout::Spread);
        assert_eq!(of("[{\"text\": \"x\"}]"), JsonLayout::Array);
        assert_eq!(of("\n[\n  {\n    \"text\""), JsonLayout::Array);
        assert_eq!(of("[\"x\", \"y\"]\n"), JsonLayout::List);
        assert_eq!(of("[\"x\"]\n[\"y\"]\n"), JsonLayout::List);
        assert_eq!(of("[[\"1\", \"x\"]]"), JsonLayout::List);
        assert_eq!(of("[]"), JsonLayout::List);
        assert_eq!(of("\u{1e}{\"text\": \"x\"}\n"), JsonLayout::Sequence);
    }

    #[test]
    fn text_with_brackets_is_no_json() {
        for text in [
            "",
            "\n\n",
            "sunny",
            "{name} is here",
            "{{template}}",
            "{",
            "{\n",
            "[1] A reference",
            "[1]\n[2]\n",
            "[sic]",
            "[\"So\" he said]",
            "[[Link]] of a wiki",
            "[] an empty box",
            "[\"a\"] and more",
            "\"text\"",
            "null",
            "(",
            "[x",
            "{1: 2}",
        ] {
            assert_eq!(of(text), JsonLayout::None, "{text:?}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i32>().prop_map(Value::from),
            "[ -~\n\u{e9}]{0,8}".prop_map(Value::from),
            Just(Value::Null)
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_compact_object_is_lines_and_a_spread_one_is_not(
            fields in prop::collection::btree_map("[ -~]{0,4}", json(), 1..4)
        ) {
            let object = Value::Object(fields.into_iter().collect());
            prop_assert_eq!(of(&object.to_string()), JsonLayout::Lines);
            let line = object.to_string();
            let start = Start { bytes: line.as_bytes(), is_all: true };
            prop_assert!(are_objects(start));
            let spread = serde_json::to_string_pretty(&object).unwrap();
            prop_assert_eq!(of(&spread), JsonLayout::Spread);
            prop_assert_eq!(of(&serde_json::json!([object]).to_string()), JsonLayout::Array);
        }

        #[test]
        fn more_of_a_text_never_changes_the_answer(text in "[\\[\\]{}\":,'a \n\\\\]{0,24}") {
            let all = of(&text);
            for n in 0..text.len() {
                let start = Start { bytes: &text.as_bytes()[..n], is_all: false };
                if let Some(early) = JsonLayout::of(start) {
                    prop_assert_eq!(early, all, "{:?}", &text[..n]);
                }
            }
        }
    }

    #[test]
    fn lines_of_objects_are_distinguished_from_lines_with_braces() {
        let are = |text: &str, is_all| are_objects(Start { bytes: text.as_bytes(), is_all });
        assert!(are("{\"a\": 1}\n\n{}\n", true));
        assert!(are("{\"a\": 1}\n{\"b\"", false));
        assert!(!are("{\"a\": 1}\n{\"b\"", true));
        assert!(!are("{\"a\": 1}\nsunny\n", true));
        assert!(!are("{a}\n{b}\n", true));
        assert!(!are("{\"a\": 1} and more\n", true));
        assert!(!are("", true) && !are("\n\n", true) && !are("{\"a\": 1}", false));
    }
}
