//! Every switch of `tokenizer_config.json` has the same meaning as in transformers
//! (tests/reference/tokenizer_switches.py).

use serde::Deserialize;
use serde_json::{Map, Value};
use splade_tokenizer::Tokenizer;

use crate::folder::Folder;
use crate::golden;

#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    checkpoint: String,
    /// Changes to tokenizer_config.json; null removes a field.
    config: Map<String, Value>,
    /// Changes to tokenizer.json.
    tokenizer: Map<String, Value>,
    /// For each text; `None` if transformers refuses the files.
    ids: Option<Vec<Vec<u32>>>,
}

impl Case {
    fn folder(&self) -> Folder {
        let mut folder = Folder::copy_of(&self.checkpoint);
        for (file, changes) in
            [("tokenizer_config.json", &self.config), ("tokenizer.json", &self.tokenizer)]
        {
            for (field, value) in changes {
                folder = match value {
                    Value::Null => folder.unset(file, field),
                    value => folder.set(file, field, value.clone()),
                };
            }
        }
        folder
    }
}

#[test]
fn ids_under_every_switch_are_the_reference_s() {
    let golden: Golden = golden::load_as("tokenizers/switches");
    let mut n_refused = 0;
    for case in &golden.cases {
        let context =
            format!("{} with {:?} and {:?}", case.checkpoint, case.config, case.tokenizer);
        let folder = case.folder();
        let loaded = Tokenizer::load(folder.path());
        let Some(ids) = &case.ids else {
            assert!(loaded.is_err(), "{context}: the reference refuses this");
            n_refused += 1;
            continue;
        };
        let tokenizer = loaded.unwrap_or_else(|error| panic!("{context}: {error}"));
        for (text, ids) in golden.texts.iter().zip(ids) {
            let found = tokenizer.encode_batch(&[text]).unwrap().input_ids;
            assert_eq!(found, *ids, "{context}: {text:?}");
        }
    }
    assert!(n_refused < golden.cases.len() / 2, "{n_refused} of {} refused", golden.cases.len());
}

/// Rows stay the same if a word moves from `vocab.txt` to `added_tokens.json`.
#[test]
fn rows_name_the_words_of_added_tokens() {
    let whole = Folder::copy_of("architectures/bert-vocab-txt-alone");
    let words = String::from_utf8(whole.read("vocab.txt")).unwrap();
    let lines: Vec<&str> = words.lines().collect();
    let (last, rest) = lines.split_last().unwrap();
    let moved = Folder::copy_of("architectures/bert-vocab-txt-alone")
        .write("vocab.txt", rest.iter().map(|word| format!("{word}\n")).collect::<String>())
        .write("added_tokens.json", serde_json::json!({ *last: rest.len() }).to_string());
    let texts = [format!("the {last} weather"), (*last).to_owned(), "the sea".to_owned()];
    let (whole, moved) = (whole.load().unwrap(), moved.load().unwrap());
    let rows = [&whole, &moved].map(|encoder| {
        let rows = encoder.encode(&texts).unwrap();
        (0..texts.len()).map(|text| encoder.decode(rows.row(text), None)).collect::<Vec<_>>()
    });
    assert_eq!(rows[0], rows[1]);
}
