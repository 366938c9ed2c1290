//! Sparse vectors over HTTP: so far the queue, without HTTP.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), expect(dead_code, reason = "the routes that use it come next"))]

mod batching;
