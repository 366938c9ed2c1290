//! Nothing: its dependencies are all that it is for. Selected beside a member, it gives what members
//! depend on the same features in each of `cargo xtask features`' checks, so cargo keeps them.
#![forbid(unsafe_code)]
