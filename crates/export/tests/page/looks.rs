//! The page in a browser: it loads nothing, runs nothing, and looks as it should.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use splade_export::TermKind;
use tempfile::TempDir;

use crate::browser::{self, Dom, Picture, Scheme, View};
use crate::fixture::{Fixture, folder, long_page, signed_page};

const DESK: View = View { width: 1200, height: 1600, scheme: Scheme::Light };
/// Two screens of a phone, one below the other.
const PHONE: View = View { width: 390, height: 1688, scheme: Scheme::Light };

/// Paper, the darkest shade of either sign, and bars, as in `style.css`.
const LIGHT: [&str; 4] = ["#ffffff", "#dc9620", "#6493d0", "#d08b1c"];
const DARK: [&str; 4] = ["#141517", "#855e0e", "#3066a1", "#c98d2e"];

/// A script that reports, in an attribute of `<html>`, what the browser made of the page. It
/// precedes the page's policy, which would forbid it.
const PROBE: &str = "<script>addEventListener('load', () => {
  const all = selector => [...document.querySelectorAll(selector)];
  const style = element => getComputedStyle(element);
  const probe = {
    overflow: document.documentElement.scrollWidth - innerWidth,
    scripts: all('script:not([type])').length - 1,
    handlers: all('*').filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length,
    texts: all('article[id^=d]').map(a =>
      [...a.querySelectorAll('.words')].map(p => p.textContent).join('')),
    shades: all('.words data').map(d => [d.textContent, style(d).backgroundColor, d.title]),
    data: JSON.parse(document.getElementById('data').textContent),
    rows: all('.pair tbody tr').map(r => [...r.children].map(c => c.textContent.trim())),
    unnamed: all('table').filter(t => !t.caption).length + all('nav:not([aria-label])').length,
    headings: all('h1,h2,h3,h4').map(h => +h.tagName[1]),
    dead: all('a').filter(a => !document.getElementById(a.hash.slice(1))).length,
    repeated: all('[id]').length - new Set(all('[id]').map(e => e.id)).size,
  };
  document.documentElement.dataset.probe = encodeURIComponent(JSON.stringify(probe));
});</script>";

/// A page on the disk, in a temporary folder.
struct Stage {
    page: PathBuf,
    pictures: PathBuf,
    scratch: TempDir,
}

impl Stage {
    fn new(name: &str, html: &str) -> Self {
        let pictures = folder(name);
        let page = pictures.join("page.html");
        fs::write(&page, html).unwrap();
        Self { page, pictures, scratch: tempfile::tempdir().unwrap() }
    }

    fn dump(&self, browser: &Path, view: View) -> Dom {
        browser::dump(browser, &self.page, view, self.scratch.path())
    }

    /// What the probe reports about the page.
    fn probe(&self, browser: &Path, view: View) -> Value {
        let html = fs::read_to_string(&self.page).unwrap();
        let page = self.scratch.path().join("probed.html");
        fs::write(&page, html.replacen("<head>", &format!("<head>{PROBE}"), 1)).unwrap();
        let dom = browser::dump(browser, &page, view, self.scratch.path());
        let (_, rest) = dom.html.split_once("data-probe=\"").expect("the probe ran");
        let (encoded, _) = rest.split_once('"').unwrap();
        serde_json::from_str(&decode_percent(encoded)).unwrap()
    }

    fn photograph(&self, browser: &Path, view: View, name: &str) -> Picture {
        let picture = self.pictures.join(name);
        let taken = browser::photograph(browser, &self.page, view, (&picture, self.scratch.path()));
        assert_eq!((taken.width, taken.height), (view.width, view.height));
        taken
    }
}

fn decode_percent(encoded: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = encoded.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let digits = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_page_asks_for_nothing_and_complains_of_nothing() {
    let Some(browser) = browser::find() else { return };
    for (name, html) in [
        ("texts", Fixture::load().page()),
        ("signed", signed_page(TermKind::Tokens)),
        ("features", signed_page(TermKind::Features)),
    ] {
        let dom = Stage::new(name, &html).dump(browser, DESK);
        assert_eq!(dom.requests, [""; 0], "{name}");
        assert_eq!(dom.console, [""; 0], "{name}");
        assert!(dom.html.contains("Sparse vectors, explained"), "{name}");
    }
}

/// Without this, the previous test could pass because nothing is ever visible.
#[test]
fn a_page_that_asks_and_complains_is_noticed() {
    let Some(browser) = browser::find() else { return };
    let html = "<!doctype html><title>x</title><img src=\"http://127.0.0.1:9/x.png\">\
                <script>console.error('complaint')</script>";
    let dom = Stage::new("noticed", html).dump(browser, DESK);
    assert_eq!(dom.requests, ["http://127.0.0.1:9/x.png"]);
    assert!(dom.console.iter().any(|line| line.contains("complaint")), "{:?}", dom.console);
}

#[test]
fn what_a_text_holds_stays_text() {
    let Some(browser) = browser::find() else { return };
    let fixture = Fixture::load();
    let probe = Stage::new("text", &fixture.page()).probe(browser, DESK);
    // Control characters are shown as pictures, everything else unchanged.
    let texts: Vec<String> = fixture
        .documents
        .iter()
        .map(|document| document.text.replace('\0', "␀").replace('\u{1b}', "␛"))
        .collect();
    assert_eq!(probe["texts"], serde_json::json!(texts));
    assert_eq!((&probe["scripts"], &probe["handlers"]), (&0.into(), &0.into()));
    let in_data: Vec<&str> = fixture.documents.iter().map(|d| d.text.as_str()).collect();
    let documents = probe["data"]["documents"].as_array().unwrap();
    let found: Vec<&str> = documents.iter().map(|d| d["text"].as_str().unwrap()).collect();
    assert_eq!(found, in_data);
}

#[test]
fn words_are_shaded_by_weight_and_rows_say_why() {
    let Some(browser) = browser::find() else { return };
    let probe = Stage::new("shades", &Fixture::load().page()).probe(browser, DESK);
    let shades = probe["shades"].as_array().unwrap();
    let silicon = shades.iter().find(|shade| shade[0] == "silicon").unwrap();
    assert_eq!(silicon[1], "rgb(220, 150, 32)");
    assert_eq!(silicon[2], "silicon 2.37");
    // `of` has no weight.
    assert!(!shades.iter().any(|shade| shade[0] == "of"));

    let rows = probe["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row[0] == "silicon").unwrap();
    let expected = ["silicon", "2.37 ●", "2.63 ●", "6.23", "39.9\u{a0}%", "", "39.9\u{a0}%"];
    assert_eq!(*row, serde_json::json!(expected));
}

#[test]
fn headings_links_and_tables_make_sense_without_eyes() {
    let Some(browser) = browser::find() else { return };
    for (name, html) in [("links", Fixture::load().page()), ("links-long", long_page(5000))] {
        let probe = Stage::new(name, &html).probe(browser, DESK);
        for fault in ["unnamed", "dead", "repeated"] {
            assert_eq!(probe[fault], 0, "{name}: {fault}");
        }
        let levels: Vec<u64> =
            probe["headings"].as_array().unwrap().iter().map(|h| h.as_u64().unwrap()).collect();
        assert_eq!(levels[0], 1, "{name}");
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{name}: {levels:?}");
    }
}

#[test]
fn nothing_is_wider_than_the_window() {
    let Some(browser) = browser::find() else { return };
    let endless = "endless".repeat(400);
    for (name, html) in [
        ("wide", Fixture::load().page()),
        ("wide-signed", signed_page(TermKind::Tokens)),
        ("wide-word", Fixture::load().page().replace("semiconductor", &endless)),
    ] {
        let stage = Stage::new(name, &html);
        for view in [DESK, PHONE] {
            assert_eq!(stage.probe(browser, view)["overflow"], 0, "{name} {view:?}");
        }
    }
}

#[test]
fn a_picture_shows_shades_and_bars_on_paper() {
    let Some(browser) = browser::find() else { return };
    let texts = Stage::new("picture", &Fixture::load().page());
    let signed = Stage::new("picture-signed", &signed_page(TermKind::Tokens));
    for (scheme, [paper, positive, negative, bar]) in [(Scheme::Light, LIGHT), (Scheme::Dark, DARK)]
    {
        for (view, name) in [(DESK, "desk"), (PHONE, "phone")] {
            let view = View { scheme, ..view };
            let name = format!("{name}-{scheme:?}.png").to_lowercase();
            let picture = texts.photograph(browser, view, &name);
            let n_pixels = picture.pixels.len();
            let background = picture.count(paper);
            assert!(background > n_pixels / 2 && background < n_pixels * 98 / 100, "{view:?}");
            // A shaded word of 50 by 20 pixels, and bars of 6 pixels height.
            assert!(picture.count(positive) > 500, "{view:?}");
            assert!(picture.count(bar) > 1000, "{view:?}");
            assert_eq!(picture.count(negative), 0, "{view:?}");
            let colours: HashSet<[u8; 3]> = picture.pixels.iter().copied().collect();
            assert!(colours.len() > 50, "{view:?}: {} colours", colours.len());

            let picture = signed.photograph(browser, view, &name);
            assert!(picture.count(negative) > 500, "{view:?}");
        }
    }
}

#[test]
fn a_text_of_5000_words_stays_usable() {
    let Some(browser) = browser::find() else { return };
    let stage = Stage::new("long", &long_page(5000));
    let dom = stage.dump(browser, DESK);
    assert_eq!((dom.requests.len(), dom.console.len()), (0, 0));
    assert!(dom.html.contains("The model did not read the last"));
    // Folded, the page is a few screens long, so this picture shows its end.
    let view = View { height: 2400, ..DESK };
    let picture = stage.photograph(browser, view, "desk-light.png");
    let row = view.width as usize;
    let blank = picture
        .pixels
        .rchunks_exact(row)
        .take_while(|line| line.iter().all(|&pixel| pixel == [255; 3]));
    assert!((40..1200).contains(&blank.count()));
}
