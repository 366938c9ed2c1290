//! The files beside a vocabulary: `tokenizer_config.json`, and the additions of the older
//! `special_tokens_map.json` and `added_tokens.json`, merged as transformers merges them.
//!
//! If `tokenizer_config.json` has `added_tokens_decoder`, neither of the older files is read.
//!
//! # Source
//! transformers 5.24, `PreTrainedTokenizerBase._from_pretrained` in `tokenization_utils_base.py`.

use std::collections::BTreeMap;
use std::path::Path;

use tokenizers::TruncationDirection;

use crate::TokenizerError;
use crate::fields::{Fields, Node};
use crate::special::{EXPECTED_TOKEN, Token, as_added_token};

pub(crate) const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
pub(crate) const SPECIAL_TOKENS_MAP: &str = "special_tokens_map.json";
pub(crate) const ADDED_TOKENS: &str = "added_tokens.json";

/// The roles that a token can have, in the order in which their tokens are added to a vocabulary.
pub(crate) const ROLES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// Everything that the files say, including the tokens that they name.
#[derive(Debug, Default)]
pub(crate) struct TokenizerConfig {
    fields: Fields,
    /// Keys set by `special_tokens_map.json`.
    from_map: Vec<String>,
    /// Keys of a `special_tokens_map.json` that is ignored because of `added_tokens_decoder`.
    pub(crate) ignored_map: Vec<String>,
    /// Tokens listed with an id, sorted by it. The id only determines the order; a token's actual
    /// id is that of the vocabulary, or the next free one.
    pub(crate) listed: Vec<Token>,
    /// Tokens by role; `None` if a file says null.
    roles: BTreeMap<&'static str, Option<Token>>,
    /// Special tokens with names of their own.
    pub(crate) model_specific: Vec<(String, Token)>,
    /// Special tokens without a name; `None` if no file lists any.
    pub(crate) extra: Option<Vec<Token>>,
}

impl TokenizerConfig {
    /// Reads the files of `folder`. `fields` is its `tokenizer_config.json`, and `of_json` are the
    /// added tokens of `tokenizer.json`.
    ///
    /// # Errors
    /// A file has unexpected content, or a token in a form that transformers refuses.
    pub(crate) fn read(
        folder: &Path,
        mut fields: Fields,
        of_json: &[Fields],
    ) -> Result<Self, TokenizerError> {
        rename_additional(&mut fields);
        collect_model_specific(&mut fields);
        let mut config = Self { fields, ..Self::default() };
        let mut listed: BTreeMap<i64, Token> = BTreeMap::new();
        match config.fields.remove("added_tokens_decoder") {
            Some(Node::Object(tokens)) => {
                for (id, token) in tokens.iter() {
                    let found = match token {
                        Node::Object(fields) => Token::ruled(fields),
                        _ => None,
                    };
                    let (Some(token), Ok(id)) = (found, id.trim().parse()) else {
                        let expected = "objects with `content`, by numbers";
                        return Err(config.value("added_tokens_decoder", token, expected));
                    };
                    listed.insert(id, token);
                }
                let map = Fields::read(&folder.join(SPECIAL_TOKENS_MAP))?.unwrap_or_default();
                config.ignored_map = map.keys().map(str::to_owned).collect();
            }
            Some(other) => {
                return Err(config.value("added_tokens_decoder", &other, "an object"));
            }
            None => {
                config.lay_map_over(Fields::read(&folder.join(SPECIAL_TOKENS_MAP))?)?;
                let added = Fields::read(&folder.join(ADDED_TOKENS))?.unwrap_or_default();
                let special = config.special_words();
                for (content, id) in added.iter() {
                    let is_special = special.iter().any(|word| word == content);
                    let Some(id) = whole_number(id) else {
                        return Err(TokenizerError::ConfigValue {
                            file: ADDED_TOKENS,
                            field: content.to_owned(),
                            found: id.to_string(),
                            expected: "the token's id",
                        });
                    };
                    let token = tokenizers::AddedToken::from(content, is_special);
                    listed.insert(id, Token::Ruled { token, normalized: Some(!is_special) });
                }
                for token in of_json {
                    let id = token.get("id").and_then(whole_number);
                    // The `tokenizers` crate reports what is wrong with it.
                    let (Some(token), Some(id)) = (Token::ruled(token), id) else { continue };
                    listed.insert(id, token);
                }
            }
        }
        config.listed = listed.into_values().collect();
        config.read_tokens()?;
        Ok(config)
    }

    /// Applies `special_tokens_map.json`, whose keys override those of `tokenizer_config.json`.
    fn lay_map_over(&mut self, map: Option<Fields>) -> Result<(), TokenizerError> {
        for (key, value) in map.unwrap_or_default().iter() {
            let value = match value {
                Node::Object(fields) if key != "extra_special_tokens" => {
                    as_added_token(fields, true)
                }
                Node::List(tokens) if key == "extra_special_tokens" => {
                    let mut list = match self.fields.get(key) {
                        Some(Node::List(list)) => list.clone(),
                        _ => Vec::new(),
                    };
                    for token in tokens {
                        let token = match token {
                            // transformers would pass `special` twice.
                            Node::Object(fields) if fields.get("special").is_none() => {
                                as_added_token(fields, true)
                            }
                            Node::Object(_) => Node::Null,
                            other => other.clone(),
                        };
                        if !list.contains(&token) {
                            list.push(token);
                        }
                    }
                    Node::List(list)
                }
                other => other.clone(),
            };
            self.fields.set(key, value);
            self.from_map.push(key.to_owned());
        }
        if let Some(Node::Object(_)) = self.fields.get("extra_special_tokens") {
            let mut all = match self.fields.remove("model_specific_special_tokens") {
                Some(Node::Object(all)) => all,
                _ => Fields::default(),
            };
            if let Some(Node::Object(more)) = self.fields.remove("extra_special_tokens") {
                more.iter().for_each(|(name, token)| all.set(name, token.clone()));
            }
            self.fields.set("model_specific_special_tokens", Node::Object(all));
        }
        Ok(())
    }

    /// The tokens that the files call special, as far as `added_tokens.json` is concerned.
    fn special_words(&self) -> Vec<String> {
        let word = |node: &Node| Token::named(node).map(|token| token.content().to_owned());
        let roles = ROLES.iter().filter_map(|role| self.fields.get(role).and_then(word));
        let extra = match self.fields.get("extra_special_tokens") {
            Some(Node::List(tokens)) => tokens.as_slice(),
            _ => &[],
        };
        roles.chain(extra.iter().filter_map(word)).collect()
    }

    fn read_tokens(&mut self) -> Result<(), TokenizerError> {
        for role in ROLES {
            let Some(node) = self.fields.get(role) else { continue };
            let token = match node {
                Node::Null => None,
                node => {
                    let token = self.token(role, node)?;
                    // A listed token has the rules of its entry.
                    let listed = self.listed.iter().find(|t| t.content() == token.content());
                    Some(listed.cloned().unwrap_or(token))
                }
            };
            self.roles.insert(role, token);
        }
        self.extra = match self.fields.get("extra_special_tokens") {
            // Null is not a list, but it still keeps the older key from being read.
            Some(Node::Null) => Some(Vec::new()),
            Some(_) => self.list("extra_special_tokens")?,
            None => self.list("additional_special_tokens")?,
        };
        // Any key that ends like a role and holds a token is a role, whatever its name.
        let own =
            self.fields.iter().filter(|(key, _)| key.ends_with("_token") && !ROLES.contains(key));
        let own = own.filter_map(|(key, node)| Some((key.to_owned(), Token::named(node)?)));
        let mut all: Vec<(String, Token)> = own.collect();
        match self.fields.get("model_specific_special_tokens") {
            None | Some(Node::Null) => {}
            Some(Node::Object(named)) => {
                for (name, node) in named.iter() {
                    let token = self.token("model_specific_special_tokens", node)?;
                    match all.iter_mut().find(|(known, _)| known == name) {
                        Some((_, old)) => *old = token,
                        None => all.push((name.to_owned(), token)),
                    }
                }
            }
            Some(other) => {
                let key = "model_specific_special_tokens";
                return Err(self.value(key, other, "an object of tokens by their names"));
            }
        }
        self.model_specific = all;
        Ok(())
    }

    fn list(&self, key: &str) -> Result<Option<Vec<Token>>, TokenizerError> {
        match self.fields.get(key) {
            None | Some(Node::Null) => Ok(None),
            Some(Node::List(tokens)) => tokens
                .iter()
                .map(|token| self.token(key, token))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(other) => Err(self.value(key, other, "a list of tokens")),
        }
    }

    fn token(&self, key: &str, node: &Node) -> Result<Token, TokenizerError> {
        Token::named(node).ok_or_else(|| self.value(key, node, EXPECTED_TOKEN))
    }

    /// The token of a role: as a file says, or else the class's default; `None` if it has none.
    pub(crate) fn role(&self, role: &str, default: Option<Token>) -> Option<Token> {
        self.roles.get(role).cloned().unwrap_or(default)
    }

    /// Whether a file says that no token has this role.
    pub(crate) fn is_null(&self, role: &str) -> bool {
        self.roles.get(role) == Some(&None)
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The file that set a key.
    pub(crate) fn file_of(&self, key: &str) -> &'static str {
        if self.from_map.iter().any(|name| name == key) {
            SPECIAL_TOKENS_MAP
        } else {
            TOKENIZER_CONFIG
        }
    }

    /// The error for an unexpected value.
    pub(crate) fn value(&self, key: &str, found: &Node, expected: &'static str) -> TokenizerError {
        TokenizerError::ConfigValue {
            file: self.file_of(key),
            field: key.to_owned(),
            found: found.to_string(),
            expected,
        }
    }

    /// The error for a key that is unsupported, or unsupported with this value.
    pub(crate) fn unsupported(&self, key: &str, why: &'static str) -> TokenizerError {
        TokenizerError::UnsupportedKey { file: self.file_of(key), key: key.to_owned(), why }
    }

    /// A boolean.
    pub(crate) fn switch(&self, key: &str, default: bool) -> Result<bool, TokenizerError> {
        Ok(self.choice(key)?.unwrap_or(default))
    }

    /// A boolean that may be null or missing.
    pub(crate) fn choice(&self, key: &str) -> Result<Option<bool>, TokenizerError> {
        match self.fields.get(key) {
            None => Ok(None),
            Some(Node::Bool(value)) => Ok(Some(*value)),
            Some(Node::Null) if key == "strip_accents" => Ok(None),
            Some(other) => Err(self.value(key, other, "true or false")),
        }
    }

    /// A non-negative integer.
    pub(crate) fn number(&self, key: &str) -> Result<Option<usize>, TokenizerError> {
        let Some(node) = self.fields.get(key) else { return Ok(None) };
        let number = whole_number(node).and_then(|number| usize::try_from(number).ok());
        number.map(Some).ok_or_else(|| self.value(key, node, "a whole number"))
    }

    /// The maximum length of a text in tokens, if a file sets a limit (transformers treats values
    /// above 1e20 as none, and writes 1e30 in digits). `max_len` is the older name.
    pub(crate) fn max_length(&self) -> Result<Option<usize>, TokenizerError> {
        let keys = ["model_max_length", "max_len"];
        let Some(key) = keys.into_iter().find(|key| self.fields.get(key).is_some()) else {
            return Ok(None);
        };
        match self.fields.get(key) {
            None | Some(Node::Null) => Ok(None),
            Some(Node::Number(n)) if *n > 1e20 => Ok(None),
            Some(Node::Number(n)) if *n >= 1.0 && n.fract() == 0.0 => Ok(Some(*n as usize)),
            Some(other) => Err(self.value(key, other, "a positive integer")),
        }
    }

    /// The end at which long texts are cut; `baked_in` is what `tokenizer.json` says.
    pub(crate) fn truncation_direction(
        &self,
        baked_in: Option<TruncationDirection>,
    ) -> Result<TruncationDirection, TokenizerError> {
        match self.fields.get("truncation_side") {
            None => Ok(baked_in.unwrap_or(TruncationDirection::Right)),
            Some(Node::Text(side)) if side == "right" => Ok(TruncationDirection::Right),
            Some(Node::Text(side)) if side == "left" => Ok(TruncationDirection::Left),
            Some(other) => Err(self.value("truncation_side", other, "`left` or `right`")),
        }
    }
}

/// The newer name of the list takes precedence over the older one.
fn rename_additional(fields: &mut Fields) {
    if !fields.get("extra_special_tokens").is_some_and(Node::is_truthy)
        && let Some(list) = fields.remove("additional_special_tokens")
    {
        fields.set("extra_special_tokens", list);
    }
}

/// Keys that end in `_token` and hold a string, and tokens that `extra_special_tokens` names.
fn collect_model_specific(fields: &mut Fields) {
    let is_own = |(key, value): &(&str, &Node)| {
        key.ends_with("_token") && !ROLES.contains(key) && matches!(value, Node::Text(_))
    };
    let mut named = Fields::default();
    fields.iter().filter(is_own).for_each(|(key, value)| named.set(key, value.clone()));
    let keys: Vec<String> = named.keys().map(str::to_owned).collect();
    for key in keys {
        fields.remove(&key);
    }
    if let Some(Node::Object(more)) = fields.get("extra_special_tokens").cloned() {
        fields.remove("extra_special_tokens");
        more.iter().for_each(|(name, token)| named.set(name, token.clone()));
    }
    if !named.is_empty() {
        fields.set("model_specific_special_tokens", Node::Object(named));
    }
}

fn whole_number(node: &Node) -> Option<i64> {
    match node {
        // 2^53: a larger number is not an id.
        Node::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => Some(*n as i64),
        _ => None,
    }
}
