//! The tests of the crate; `common` builds indexes for them.

mod common;

mod building;
mod damage;
mod ids;
mod search;
