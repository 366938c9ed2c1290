//! The model on every backend of this build, without texts or tokenizers.
#![forbid(unsafe_code)]
#![recursion_limit = "256"]

mod cases;
mod suite;

mod backends;
mod limits;
