//! The playground at `/`, looked at in a browser.

use serde_json::json;
use splade_server::{Access, KeySource};

use crate::browser::Browser;
use crate::harness::{Running, start};

/// Where pictures go, for people who want to look at them.
const PICTURES: &str = "SPLADE_TEST_PICTURES";

fn photograph(browser: &mut Browser, name: &str) {
    if let Some(folder) = std::env::var_os(PICTURES) {
        browser.photograph(&std::path::Path::new(&folder).join(name));
    }
}

/// The page asked this server alone, and complained of nothing but what is told.
fn assert_stayed(browser: &Browser, server: &Running) {
    for url in &browser.requests {
        let stays =
            url.starts_with(&server.url) || url.starts_with("about:") || url.starts_with("data:");
        assert!(stays, "{url} is asked for");
    }
    assert!(browser.requests.iter().any(|url| url.ends_with("/explain")), "{:?}", browser.requests);
}

fn is_explained(browser: &mut Browser) {
    browser.wait_until("/^[0-9]+ tokens in/.test(document.getElementById('status').textContent)");
    browser.wait_until(
        "document.getElementById('result').contentDocument.querySelectorAll('bdi').length > 0",
    );
}

#[test]
fn a_text_is_typed_and_its_tokens_and_the_score_s_terms_are_seen() {
    let Some(mut browser) = Browser::start(1000, 1400) else { return };
    let server = start(|_| ());
    browser.open(&server.url);
    is_explained(&mut browser);
    photograph(&mut browser, "playground-light.png");
    browser
        .value("document.getElementById('documents').value = 'Rain falls.\\nA lovely sunny day'");
    browser.value("document.getElementById('queries').value = 'sunny weather'");
    browser.value("document.getElementById('result').srcdoc = ''");
    browser.value("document.getElementById('run').click()");
    is_explained(&mut browser);
    let text = browser.value_in_frame("document.body.innerText");
    let text = text.as_str().unwrap();
    assert!(text.contains("A lovely sunny day") && text.contains("Rain falls."), "{text}");
    // Tokens have colours behind them, of which the page has no others.
    let shaded = browser.value_in_frame(
        "new Set([...document.querySelectorAll('body *')].filter(e => e.textContent.trim() === 'sunny')
            .map(e => getComputedStyle(e).backgroundColor)).size",
    );
    assert!(shaded.as_u64().unwrap() >= 2, "no shade behind `sunny`: {shaded}");
    let scores = browser.value_in_frame("document.body.innerText.includes('sunny')");
    assert_eq!(scores, json!(true));
    let is_whole = "Math.abs(document.getElementById('result').clientHeight
        - document.getElementById('result').contentDocument.documentElement.offsetHeight) < 40";
    assert_eq!(browser.value(is_whole), json!(true), "the frame is as high as the page in it");
    // Its links stay within it.
    browser.value("document.getElementById('result').contentDocument.querySelector(\"a[href^='#']\")?.click()");
    assert_eq!(browser.value_in_frame("document.getElementById('form') === null"), json!(true));
    browser.prefer("dark");
    photograph(&mut browser, "playground-dark.png");
    let ink = browser.value_in_frame("getComputedStyle(document.body).color");
    assert_eq!(ink, browser.value("getComputedStyle(document.body).color"), "one scheme for both");
    assert_stayed(&browser, &server);
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}

#[test]
fn what_is_typed_never_becomes_part_of_the_page() {
    let Some(mut browser) = Browser::start(800, 600) else { return };
    let server = start(|_| ());
    browser.open(&server.url);
    is_explained(&mut browser);
    let hostile = "<script>parent.hacked = 1; window.hacked = 1</script>\
                   <img src=http://127.0.0.1:9/x onerror=parent.hacked=1></iframe><b id=bold>";
    browser.value(&format!("document.getElementById('documents').value = {}", json!(hostile)));
    browser.value("document.getElementById('result').srcdoc = ''");
    browser.value("document.getElementById('run').click()");
    is_explained(&mut browser);
    assert_eq!(browser.value("window.hacked === undefined"), json!(true));
    let is_text = "document.querySelector('#bold, img') === null
        && [...document.scripts].every(script => script.type === 'application/json')";
    assert_eq!(browser.value_in_frame(is_text), json!(true));
    assert_stayed(&browser, &server);
}

#[test]
fn a_server_with_keys_is_asked_with_the_one_that_is_typed() {
    let Some(mut browser) = Browser::start(800, 600) else { return };
    let server = start(|options| {
        options.access = Access::Keys(KeySource::Keys(vec!["the-key".to_owned()]));
    });
    browser.open(&server.url);
    browser.wait_until("document.getElementById('status').textContent.includes('asks for a key')");
    assert_eq!(browser.value("document.activeElement.id"), json!("key"));
    photograph(&mut browser, "playground-key.png");
    browser.value("document.getElementById('key').value = 'the-key'");
    browser.value("document.getElementById('form').requestSubmit()");
    is_explained(&mut browser);
    assert_stayed(&browser, &server);
}
