//! Empty: this crate only exists for its dependencies. If it is selected beside a member,
//! dependencies get the same features in every check of `cargo xtask features`, so cargo can reuse
//! their builds.
#![forbid(unsafe_code)]
