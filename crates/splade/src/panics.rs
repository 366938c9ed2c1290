//! What a panic said.

use std::any::Any;

/// The message of a panic, from what `catch_unwind` or `join` returned.
pub fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use std::panic::{catch_unwind, panic_any};

    use super::*;

    #[test]
    fn a_panic_has_the_message_of_its_macro_or_says_that_it_has_none() {
        let said = |panic: fn()| {
            let payload = catch_unwind(panic).unwrap_err();
            panic_message(&*payload).to_owned()
        };
        assert_eq!(said(|| panic!("plain")), "plain");
        assert_eq!(said(|| panic!("{}", 1 + 1)), "2");
        assert_eq!(said(|| panic_any(3)), "a panic without a message");
    }
}
