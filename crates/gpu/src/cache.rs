//! Keeps compiled kernels on disk: compiling those of a model takes seconds at each start.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, Once};

use cubecl::config::cache::CacheConfig;
use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};

/// The sources of the kernels, for the cache key: CubeCL identifies a kernel by its name, not by
/// its body.
const SOURCES: [&str; 17] = [
    include_str!("activate.rs"),
    include_str!("attention.rs"),
    include_str!("attention/buckets.rs"),
    include_str!("attention/matrix.rs"),
    include_str!("attention/units.rs"),
    include_str!("compact.rs"),
    include_str!("head.rs"),
    include_str!("hopper/kernel.cu"),
    include_str!("hopper/sizes.rs"),
    include_str!("hopper/text.rs"),
    include_str!("launch.rs"),
    include_str!("norm.rs"),
    include_str!("pool.rs"),
    include_str!("product.rs"),
    include_str!("product/few.rs"),
    include_str!("product/tile.rs"),
    include_str!("rotate.rs"),
];

/// Keeps compiled kernels in the user's cache folder (`~/.cache/splade/kernels` on Linux),
/// separately for each version of the kernels and each set of cards. Call it before any kernel is
/// compiled. It does nothing if `cubecl.toml` sets another cache, if CubeCL is already in use, or
/// if the folder cannot be written. `cards` names the cards that need kernels of their own.
pub fn keep_kernels(cards: &[String]) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
        if config.compilation.cache.is_none() {
            config.compilation.cache = folder(cards).map(CacheConfig::File);
        }
        CubeClRuntimeConfig::storage().lock().get_or_insert_with(|| Arc::new(config));
    });
}

fn folder(cards: &[String]) -> Option<PathBuf> {
    let mut hasher = DefaultHasher::new();
    (SOURCES, cards, env!("CARGO_PKG_VERSION")).hash(&mut hasher);
    let name = format!("{:016x}", hasher.finish());
    let folder = dirs::cache_dir()?.join("splade").join("kernels").join(name);
    fs::create_dir_all(&folder).ok()?;
    // CubeCL panics if it cannot write.
    tempfile::tempfile_in(&folder).ok()?;
    Some(folder)
}
