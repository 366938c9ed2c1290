//! The backends of the workspace: their Cargo features, and the packages that belong to each.

/// The one feature set of all checks and tests, so that cargo makes and keeps only one build.
pub(crate) const ALL_FEATURES: &str = "splade/ndarray,splade/flex,splade/vulkan,splade/metal,splade/cuda,splade/hub,\
     splade/corpus,splade/index,splade/evaluate,splade/export,splade/parquet,splade/object-store,splade/qdrant,\
     splade-cli/ndarray,splade-cli/flex,splade-cli/vulkan,splade-cli/metal,splade-cli/cuda,splade-cli/hub,splade-cli/parquet,splade-cli/object-store,splade-cli/qdrant,\
     splade-cli/serve,splade-cli/otlp";

/// Cargo features that name a backend, or a kind of GPU of one.
pub(crate) const FEATURE_NAMES: [&str; 6] = ["ndarray", "flex", "wgpu", "vulkan", "metal", "cuda"];

pub(crate) struct Backend {
    pub(crate) feature: &'static str,
    /// Packages that only this backend may depend on: a name, or a prefix followed by `*`.
    pub(crate) packages: &'static [&'static str],
}

/// `ndarray` (mathematics for sprs and burn-std) and `cubecl-common`, `cubecl-zspace` (burn-std)
/// are in every tree, so they belong to no backend.
pub(crate) const BACKENDS: [Backend; 4] = [
    Backend { feature: "ndarray", packages: &["burn-ndarray"] },
    Backend { feature: "flex", packages: &["burn-flex"] },
    Backend { feature: "wgpu", packages: &["burn-wgpu", "cubecl-wgpu", "naga", "wgpu*"] },
    Backend { feature: "cuda", packages: &["burn-cuda", "cubecl-cuda", "cudarc"] },
];

impl Backend {
    pub(crate) fn owns(&self, package: &str) -> bool {
        self.packages.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => package.starts_with(start),
            None => package == *pattern,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_is_in_the_one_feature_set() {
        for backend in BACKENDS {
            for package in ["splade", "splade-cli"] {
                // `vulkan` includes `wgpu`.
                let named = |name: &str| {
                    let name = name.strip_prefix(package).and_then(|name| name.strip_prefix('/'));
                    name == Some(backend.feature)
                        || (backend.feature, name) == ("wgpu", Some("vulkan"))
                };
                assert!(ALL_FEATURES.split(',').any(named), "{package}/{}", backend.feature);
            }
            assert!(FEATURE_NAMES.contains(&backend.feature));
        }
    }

    #[test]
    fn a_star_matches_the_rest_of_a_name_and_nothing_else_does() {
        let [ndarray, _, wgpu, _] = BACKENDS;
        assert!(wgpu.owns("wgpu-hal"));
        assert!(!wgpu.owns("cubecl-common"));
        assert!(!ndarray.owns("ndarray"));
    }
}
