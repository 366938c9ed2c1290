//! The files of deploy/.

use crate::run::splade;

/// The flags, and the environment's names, that the files of deploy/ use exist.
#[test]
fn deployments_use_flags_that_exist() {
    let help = splade(&["serve", "--help"], b"").stdout;
    let known: Vec<&str> = help
        .split([' ', '\n', ',', '[', ']', '<', '='])
        .filter_map(|word| word.strip_prefix("--"))
        .collect();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let mut n_flags = 0;
    let names = ["splade.service", "kubernetes.yaml", "Dockerfile", "check-image.sh"];
    for name in names {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        for line in text.lines() {
            let is_ours = line.contains("splade serve") || line.trim_start().starts_with("- --");
            let words =
                line.split(|c: char| c.is_whitespace() || ['=', '"', '\'', ')'].contains(&c));
            for word in words {
                let flag = match (word.strip_prefix("--"), word.strip_prefix("SPLADE_")) {
                    (Some(flag), _) if is_ours => flag.to_owned(),
                    (_, Some(variable)) => variable.to_lowercase().replace('_', "-"),
                    _ => continue,
                };
                // Never an argument: others on the machine can read those.
                let is_known = flag == "api-key" || known.contains(&flag.as_str());
                assert!(is_known, "{name} has --{flag}, which `splade serve` does not know");
                n_flags += 1;
            }
        }
    }
    assert!(n_flags > 10, "only {n_flags} were found");
}
