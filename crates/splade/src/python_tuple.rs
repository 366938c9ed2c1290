//! Python tuples as text: how `router_config.json` writes the keys of `route_mappings`.

use std::iter::Peekable;
use std::str::Chars;

/// A task or a modality in the key of a mapping.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Item {
    /// `None`: any.
    Any,
    /// A string.
    Name(String),
    /// A tuple of strings: several modalities at once.
    Several(Vec<String>),
}

/// Reads `('query', None)`: two items, in either kind of quotes, with blanks where Python allows
/// them. `None` for everything else, including strings with escapes.
pub(crate) fn pair(text: &str) -> Option<(Item, Item)> {
    let mut chars = text.trim().chars().peekable();
    let has_parentheses = chars.next_if_eq(&'(').is_some();
    let first = item(&mut chars)?;
    skip_blanks(&mut chars);
    chars.next_if_eq(&',')?;
    let second = item(&mut chars)?;
    skip_blanks(&mut chars);
    _ = chars.next_if_eq(&',');
    skip_blanks(&mut chars);
    if has_parentheses {
        chars.next_if_eq(&')')?;
        skip_blanks(&mut chars);
    }
    chars.next().is_none().then_some((first, second))
}

/// Writes a pair as Python does: `('query', None)`.
pub(crate) fn display((first, second): &(Item, Item)) -> String {
    format!("({}, {})", display_item(first), display_item(second))
}

fn display_item(item: &Item) -> String {
    match item {
        Item::Any => "None".to_owned(),
        Item::Name(name) => display_string(name),
        Item::Several(names) => {
            let names: Vec<String> = names.iter().map(|name| display_string(name)).collect();
            let comma = if names.len() == 1 { "," } else { "" };
            format!("({}{comma})", names.join(", "))
        }
    }
}

/// No string that was read has both kinds of quotes, or a character that Python would escape.
fn display_string(text: &str) -> String {
    let quote = if text.contains('\'') { '"' } else { '\'' };
    format!("{quote}{text}{quote}")
}

fn item(chars: &mut Peekable<Chars<'_>>) -> Option<Item> {
    skip_blanks(chars);
    match chars.peek()? {
        'N' => {
            let word: String =
                std::iter::from_fn(|| chars.next_if(|c| c.is_alphabetic())).collect();
            (word == "None").then_some(Item::Any)
        }
        '(' => {
            chars.next();
            let mut names = Vec::new();
            loop {
                skip_blanks(chars);
                if chars.next_if_eq(&')').is_some() {
                    return Some(Item::Several(names));
                }
                names.push(string(chars)?);
                skip_blanks(chars);
                if chars.next_if_eq(&',').is_none() && chars.peek() != Some(&')') {
                    return None;
                }
            }
        }
        _ => string(chars).map(Item::Name),
    }
}

fn string(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let quote = chars.next_if(|c| matches!(c, '\'' | '"'))?;
    let mut content = String::new();
    loop {
        match chars.next()? {
            c if c == quote => return Some(content),
            '\\' | '\n' => return None,
            c => content.push(c),
        }
    }
}

fn skip_blanks(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Item {
        Item::Name(text.to_owned())
    }

    #[test]
    fn pairs_are_read_however_python_may_write_them() {
        for text in ["('query', None)", "(\"query\",None)", "( 'query' , None , )", "'query', None"]
        {
            assert_eq!(pair(text), Some((name("query"), Item::Any)), "{text}");
        }
        let two = Item::Several(vec!["image".to_owned(), "text".to_owned()]);
        assert_eq!(pair("(None, ('image', 'text'))"), Some((Item::Any, two)));
        assert_eq!(pair("('it\"s', 'text')"), Some((name("it\"s"), name("text"))));
    }

    #[test]
    fn a_pair_is_read_as_it_is_written() {
        let one = Item::Several(vec!["text".to_owned()]);
        for pair_of in [
            (name("query"), Item::Any),
            (Item::Any, one),
            (name("it's"), Item::Several(vec!["a\"b".to_owned(), "c".to_owned()])),
        ] {
            let text = display(&pair_of);
            assert_eq!(pair(&text), Some(pair_of), "{text}");
        }
        assert_eq!(display(&(name("query"), Item::Any)), "('query', None)");
    }

    #[test]
    fn everything_else_is_none() {
        for text in [
            "",
            "query",
            "('query',)",
            "('query', None",
            "('a', 'b', 'c')",
            "['query', None]",
            "('qu\\x65ry', None)",
            "('query', None) + 1",
            "(1, None)",
            "('query' None)",
            "('a', ('b' 'c'))",
        ] {
            assert_eq!(pair(text), None, "{text}");
        }
    }
}
