//! A token named in a file: a string, or an object with rules for finding it in a text.

use tokenizers::AddedToken;

use crate::fields::{Fields, Node};

/// A token as written in its file.
#[derive(Clone, Debug)]
pub(crate) enum Token {
    /// Only its text.
    Plain(String),
    /// With rules. By default, a special token is not normalised, and any other token is.
    Ruled { token: AddedToken, normalized: Option<bool> },
}

/// What a file may hold where it names a token.
pub(crate) const EXPECTED_TOKEN: &str =
    "a string, or an object with `\"__type\": \"AddedToken\"` and `content`";

impl Token {
    /// A string, or an object marked as an `AddedToken`: transformers accepts no other object where
    /// a token is named.
    pub(crate) fn named(node: &Node) -> Option<Self> {
        match node {
            Node::Text(text) => Some(Self::Plain(text.clone())),
            Node::Object(fields) if is_added_token(fields) => Self::ruled(fields),
            _ => None,
        }
    }

    /// An object with `content` and rules; `None` if a rule is not a boolean. Other keys are
    /// ignored.
    pub(crate) fn ruled(fields: &Fields) -> Option<Self> {
        let switch = |key: &str| match fields.get(key) {
            None => Some(None),
            Some(Node::Bool(value)) => Some(Some(*value)),
            Some(_) => None,
        };
        let Node::Text(content) = fields.get("content")? else { return None };
        let token = AddedToken::from(content.clone(), switch("special")?.unwrap_or(false))
            .single_word(switch("single_word")?.unwrap_or(false))
            .lstrip(switch("lstrip")?.unwrap_or(false))
            .rstrip(switch("rstrip")?.unwrap_or(false));
        Some(Self::Ruled { token, normalized: switch("normalized")? })
    }

    /// A token with a class's rules: the given `lstrip`, and defaults otherwise.
    pub(crate) fn with_lstrip(content: &str, lstrip: bool) -> Self {
        let token = AddedToken::from(content, false).lstrip(lstrip);
        Self::Ruled { token, normalized: None }
    }

    pub(crate) fn content(&self) -> &str {
        match self {
            Self::Plain(content) => content,
            Self::Ruled { token, .. } => &token.content,
        }
    }

    /// The token as added to the vocabulary. A string is special; an object is special if it, or
    /// `special`, says so.
    pub(crate) fn added(&self, special: bool) -> AddedToken {
        match self {
            Self::Plain(content) => AddedToken::from(content.clone(), true),
            Self::Ruled { token, normalized } => {
                let special = special || token.special;
                let normalized = normalized.unwrap_or(!special);
                token.clone().special(special).normalized(normalized)
            }
        }
    }
}

/// A string never equals an object.
impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(a), Self::Plain(b)) => a == b,
            (Self::Ruled { .. }, Self::Ruled { .. }) => self.added(false) == other.added(false),
            _ => false,
        }
    }
}

/// Whether an object is marked as a token.
pub(crate) fn is_added_token(fields: &Fields) -> bool {
    fields.get("__type") == Some(&Node::Text("AddedToken".to_owned()))
}

/// The same object, marked as a token.
pub(crate) fn as_added_token(fields: &Fields, special: bool) -> Node {
    let mut fields = fields.clone();
    fields.set("__type", Node::Text("AddedToken".to_owned()));
    if special {
        fields.set("special", Node::Bool(true));
    }
    Node::Object(fields)
}
