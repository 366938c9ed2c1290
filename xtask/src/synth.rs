//! `cargo xtask synth`: a checkpoint with a real model's sizes and random weights, to measure speed
//! without the real one. Its vectors mean nothing.

mod architecture;
mod calibrate;
mod config;
mod tensors;
mod weights;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::workspace;
use architecture::Architecture;
use calibrate::{Passages, Program};

/// Outside this range around the share of active dimensions, the speed says little about a model
/// that has it.
const TOLERATED: [f64; 2] = [0.6, 1.6];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The model whose sizes to use, such as bert-base
    #[arg(long, value_name = "NAME", value_parser = architecture::parse)]
    arch: Architecture,
    /// The folder to write, which must be new or empty
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Seed of the weights
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Share of the dimensions that are active [default: a trained model's]
    #[arg(long, value_name = "SHARE", default_value_t = calibrate::SHARE)]
    share: f64,
    /// A built `splade`: then nothing is built, and the current folder is the repository, so that
    /// no cargo is needed
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { arch, out, seed, share: wanted, program } = arguments;
    ensure_absent(out)?;
    let root = match program {
        Some(_) => std::env::current_dir().context("there is no current folder")?,
        None => workspace::load_metadata()?.workspace_root.into(),
    };
    let root = root.as_path();
    // Relative to the caller's folder, although the program runs in the workspace's root.
    let out = std::path::absolute(out).context("there is no current folder")?;
    let parent = out.parent().context("the root folder is no checkpoint")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let program = match program {
        Some(program) => Program::Built(std::path::absolute(program)?),
        None => Program::build(root)?,
    };

    let part = new_folder(parent)?;
    config::write(arch, root, part.path())?;
    let tensors = tensors::list(arch);
    let file = part.path().join("model.safetensors");
    weights::write(&tensors, *seed, 0.0, &file)?;
    let logits = calibrate::logits(&program, part.path(), Passages::ToSet)?;
    let bound = calibrate::quantile(logits, arch.vocab_size, *wanted)
        .context("too few words have a positive logit without a bias")?;
    weights::write(&tensors, *seed, -bound, &file)?;
    let n_active = calibrate::logits(&program, part.path(), Passages::ToCheck)?.len();
    let share = calibrate::share(n_active, arch.vocab_size);
    let n_bytes = fs::metadata(&file).context("the weights are gone")?.len();
    put(part, &out)?;

    println!("{}: {} with random weights", out.display(), arch.name);
    println!("{} parameters, {n_bytes} bytes", tensors::count_parameters(&tensors));
    println!(
        "{:.2} % of the dimensions are active, with {:.4} for every word's bias",
        100.0 * share,
        -bound
    );
    let [least, most] = TOLERATED.map(|factor| factor * wanted);
    if !(least..=most).contains(&share) {
        eprintln!(
            "WARNING: that is not between {:.1} and {:.1} %: do not measure with this checkpoint, make one \
             with another --seed",
            100.0 * least,
            100.0 * most
        );
    }
    Ok(())
}

/// # Errors
/// The folder is not empty, or is not a folder.
fn ensure_absent(folder: &Path) -> Result<()> {
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            let name = folder.display();
            ensure!(entries.next().is_none(), "{name} is not empty: name another folder");
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot use {}", folder.display())),
    }
}

/// A temporary folder beside the wanted one, which is removed unless it is renamed.
fn new_folder(parent: &Path) -> Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".synth-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The mode of an ordinary new folder, subject to the umask.
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    builder.tempdir_in(parent).with_context(|| format!("cannot write into {}", parent.display()))
}

/// Gives a finished folder its name.
fn put(part: tempfile::TempDir, out: &Path) -> Result<()> {
    let context = || format!("cannot put the checkpoint at {}", out.display());
    if out.exists() {
        // This only removes an empty folder; not every system can rename over one.
        fs::remove_dir(out).with_context(context)?;
    }
    fs::rename(part.path(), out).with_context(context)?;
    // Nothing is left under the old name, so there is nothing to clean up.
    let _ = part.keep();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(ensure_absent(folder.path()).is_ok());
        assert!(ensure_absent(&folder.path().join("new")).is_ok());
        fs::write(folder.path().join("file"), "").unwrap();
        let message = ensure_absent(folder.path()).unwrap_err().to_string();
        assert!(message.contains("is not empty"), "{message}");
    }

    #[test]
    fn what_is_put_in_place_is_whole_and_leaves_nothing_beside_it() {
        let parent = tempfile::tempdir().unwrap();
        let part = new_folder(parent.path()).unwrap();
        fs::write(part.path().join("file"), "x").unwrap();
        let out = parent.path().join("out");
        fs::create_dir(&out).unwrap();
        put(part, &out).unwrap();
        assert_eq!(fs::read(out.join("file")).unwrap(), b"x");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
