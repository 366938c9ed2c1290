//! At a terminal, only our own colours control it, and no line is wider than it.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;

use crate::run::{command, path, splade, tiny};

/// Characters that control a terminal or deceive its reader, as in a hostile file.
const HOSTILE: &str = "\u{1b}]0;title\u{7}\u{202e}\u{2066}\u{200b}\u{feff}\u{9b}2J\u{2028}x";

/// What the program shows at a terminal of this width, including warnings and errors.
fn shown(columns: usize, args: &[&str]) -> String {
    at_terminal(columns, args, "")
}

/// The same without standard error.
fn page(columns: usize, args: &[&str]) -> String {
    at_terminal(columns, args, "2>/dev/null")
}

/// Runs the program at a terminal, using `script` of util-linux.
fn at_terminal(columns: usize, args: &[&str], more: &str) -> String {
    let quoted = |arg: &str| format!("'{}'", arg.replace('\'', "'\\''"));
    let args: Vec<String> =
        [env!("CARGO_BIN_EXE_splade")].iter().chain(args).map(|arg| quoted(arg)).collect();
    let script = format!("stty cols {columns} rows 24; {} {more}", args.join(" "));
    let output = Command::new("script")
        .args(["-qec", &script, "/dev/null"])
        .env("TERM", "xterm-256color")
        .env("SHELL", "/bin/sh")
        .output()
        .expect("`script` is there");
    String::from_utf8(output.stdout).unwrap()
}

/// A text without colours, and without what progress bars write on their own line.
fn plain(shown: &str) -> String {
    let mut text = String::new();
    let mut rest = shown;
    while let Some(c) = rest.chars().next() {
        let colour = rest.strip_prefix("\u{1b}[").and_then(|after| {
            let digits = after.bytes().take_while(|b| b.is_ascii_digit() || *b == b';').count();
            (after.as_bytes().get(digits) == Some(&b'm')).then_some(digits + 3)
        });
        match colour {
            Some(n) => rest = &rest[n..],
            None => {
                text.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    text.replace('\r', "")
}

fn assert_harmless(text: &str) {
    let steers = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    assert!(!text.contains(steers), "{text:?}");
}

/// A corpus whose id and text are hostile.
fn corpus(folder: &tempfile::TempDir) -> String {
    let (file, argument) = path(folder, "corpus.jsonl");
    let record = serde_json::json!({ "id": HOSTILE, "text": format!("sunny {HOSTILE} weather") });
    fs::write(file, format!("{record}\n")).unwrap();
    argument
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, model) = (corpus(&folder), tiny());
    let long = "a sunny day 天気がいい outside the stadium ".repeat(5);
    for columns in [20, 40, 80] {
        for args in [
            &["encode", "-q", "-m", &model, &long, "the weather"][..],
            &["similarity", "-q", "-m", &model, &long, "the weather"],
            &["search", "-q", "-m", &model, "--corpus", &corpus, &long, "--explain"],
            &["info", "-q", &model],
            &["devices"],
        ] {
            let text = plain(&page(columns, args));
            assert!(text.lines().count() > 2, "{text}");
            for line in text.lines() {
                let width = unicode_width::UnicodeWidthStr::width(line);
                assert!(width <= columns, "{args:?} at {columns}: {width} columns\n{line}");
            }
            assert_harmless(&text);
        }
        // Help and messages are wrapped: only a single word may be wider.
        for args in [
            &["--help"][..],
            &["encode", "--help"],
            &["encode", "--what"],
            &["search", "-m", "/no where", "--corpus", &corpus, "x"],
        ] {
            let text = plain(&shown(columns, args));
            for line in text.lines() {
                let is_word = !line.trim().contains(' ');
                let width = unicode_width::UnicodeWidthStr::width(line);
                assert!(width <= columns || is_word, "{args:?} at {columns}:\n{line}");
            }
        }
    }
    // Scores are beside short labels.
    assert!(plain(&page(40, &["similarity", "-m", &model, &long, "the weather"])).contains('.'));
}

#[test]
fn nothing_hostile_reaches_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, model) = (corpus(&folder), tiny());
    let (_, hostile_file) = path(&folder, &format!("{}.jsonl", HOSTILE.replace('/', "")));
    fs::write(&hostile_file, "{\"id\": 1}\n").unwrap();
    for args in [
        &["encode", "-q", "-m", &model, &format!("sunny {HOSTILE}")][..],
        &["encode", "-q", "-m", &model, "-i", &corpus],
        &["search", "-q", "-m", &model, "--corpus", &corpus, "sunny"],
        &["search", "-q", "-m", &model, "--corpus", &corpus, "--queries", &corpus],
        &["similarity", "-q", "-m", &model, "sunny", HOSTILE],
        &["encode", "-q", "-m", &model, "-i", &hostile_file],
        &["encode", "-q", "-m", HOSTILE, "x"],
        &["info", HOSTILE],
        &["encode", "-q", "-m", &model, &format!("--{HOSTILE}")],
        &[HOSTILE],
    ] {
        let text = plain(&shown(80, args));
        assert!(!text.is_empty());
        assert_harmless(&text);
    }
    // Whatever the terminal's name.
    for (name, more) in [("/dev/stderr", ""), ("/dev/tty", ""), ("/dev/fd/3", "3>&1")] {
        let args = ["encode", "-q", "-m", &model, "-i", &corpus, "-o", name];
        let line = plain(&at_terminal(80, &args, more));
        assert!(line.contains("\\u202e"), "{name}: {line}");
        assert_harmless(&line);
    }
    // A machine-readable line at a terminal is still JSON with the same id.
    let line = plain(&page(80, &["encode", "-q", "-m", &model, "-i", &corpus]));
    let record: serde_json::Value = serde_json::from_str(line.trim()).unwrap();
    assert_eq!(record["id"], HOSTILE);
}

#[test]
fn machines_get_the_characters_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, model) = (corpus(&folder), tiny());
    let ran = splade(&["encode", "-q", "-m", &model, "-i", &corpus], b"");
    assert!(ran.stdout.contains("\u{202e}\u{2066}\u{200b}"), "{}", ran.stdout);
    let record: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(record["id"], HOSTILE);
    let long = "sunny weather ".repeat(30);
    let wide = command().args(["search", "-q", "-m", &model, "--corpus", &corpus, &long]).output();
    let text = String::from_utf8(wide.unwrap().stdout).unwrap();
    assert!(text.lines().next().unwrap().chars().count() > 80, "{text}");
}

#[test]
fn a_query_that_is_not_utf8_is_reported_and_the_session_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(&folder);
    let args = ["search", "-q", "-m", &tiny(), "--corpus", &corpus];
    let ran = splade(&args, b"sunny one\ncaf\xe9 two\n\nsunny three\r\n");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("line 2 is not UTF-8 (its byte 4)"), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("sunny one") && ran.stdout.contains("sunny three\n"),
        "{}",
        ran.stdout
    );
}
