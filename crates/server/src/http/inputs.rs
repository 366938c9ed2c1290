//! [`Inputs`]: the texts of a request, as clients send them.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A text, or the token ids of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Text(String),
    Ids(Vec<u32>),
}

impl Input {
    /// Characters, as text-embeddings-inference counts them for its header.
    pub(crate) fn n_chars(&self) -> usize {
        match self {
            Self::Text(text) => text.chars().count(),
            Self::Ids(_) => 0,
        }
    }
}

/// A string; or a list of unsigned integers, which are ONE text as token ids; or a list of strings
/// and lists of ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inputs(pub(crate) Vec<Input>);

impl<'de> Deserialize<'de> for Inputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputsVisitor)
    }
}

struct InputsVisitor;

impl<'de> Visitor<'de> for InputsVisitor {
    type Value = Inputs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a list of strings, or token ids")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Inputs, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Inputs, E> {
        Ok(Inputs(vec![Input::Text(text)]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Inputs, A::Error> {
        let mut ids: Vec<u32> = Vec::new();
        let mut inputs = Vec::new();
        while let Some(item) = list.next_element::<Item>()? {
            match item {
                Item::Id(id) => ids.push(id),
                Item::Input(input) => inputs.push(input),
            }
            if !ids.is_empty() && !inputs.is_empty() {
                return Err(A::Error::custom(
                    "a list of token ids is one text: ids do not stand beside strings or lists",
                ));
            }
        }
        if !ids.is_empty() {
            inputs.push(Input::Ids(ids));
        }
        Ok(Inputs(inputs))
    }
}

/// An element of a list of inputs.
enum Item {
    Id(u32),
    Input(Input),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a token id or a list of token ids")
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Item, E> {
        let id = u32::try_from(id).map_err(|_| E::custom(format!("{id} is no token id")))?;
        Ok(Item::Id(id))
    }

    fn visit_i64<E: Error>(self, id: i64) -> Result<Item, E> {
        Err(E::custom(format!("{id} is no token id")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Item, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Item, E> {
        Ok(Item::Input(Input::Text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Item, A::Error> {
        let mut ids = Vec::new();
        while let Some(id) = list.next_element::<u32>()? {
            ids.push(id);
        }
        Ok(Item::Input(Input::Ids(ids)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Result<Vec<Input>, serde_json::Error> {
        serde_json::from_str::<Inputs>(json).map(|inputs| inputs.0)
    }

    fn text(text: &str) -> Input {
        Input::Text(text.to_owned())
    }

    #[test]
    fn a_string_is_a_text_and_so_is_a_list_of_ids() {
        assert_eq!(parsed(r#""a""#).unwrap(), [text("a")]);
        assert_eq!(parsed("[101, 2003, 102]").unwrap(), [Input::Ids(vec![101, 2003, 102])]);
    }

    #[test]
    fn strings_and_lists_of_ids_may_be_mixed() {
        let inputs = parsed(r#"["a", [101, 102], ""]"#).unwrap();
        assert_eq!(inputs, [text("a"), Input::Ids(vec![101, 102]), text("")]);
    }

    #[test]
    fn an_empty_list_has_no_texts() {
        assert!(parsed("[]").unwrap().is_empty());
    }

    #[test]
    fn what_is_neither_is_refused() {
        for json in
            ["1", "null", "{}", "[null]", "[-1]", "[4294967296]", r#"[1, "a"]"#, "[1.5]", "[[[1]]]"]
        {
            assert!(parsed(json).is_err(), "{json}");
        }
    }
}
