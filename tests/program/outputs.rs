//! What happens to an existing output: its mode and links stay; pipes and devices are written to
//! directly.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::run::{Ran, fixture, path, splade, tiny};

const TEXTS: &[u8] = b"sunny weather\nthe stadium\n";

fn encode(output: &str) -> Ran {
    splade(&["encode", "-q", "-m", &tiny(), "-i", "-", "-o", output], TEXTS)
}

fn ok(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

fn n_lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap().lines().count()
}

#[test]
fn a_file_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| path(&folder, name).1;
    let (vectors, index, html) = (at("v.jsonl"), at("i.index"), at("p.html"));
    let model = tiny();
    for _ in 0..2 {
        ok(encode(&vectors));
        ok(splade(&["index", "-i", &vectors, "-o", &index, "--dimension", "30522"], b""));
        ok(splade(&["explain", "-m", &model, "sunny", "--html", &html], b""));
        for name in [&vectors, &index, &html] {
            let private = fs::Permissions::from_mode(0o600);
            if fs::metadata(name).unwrap().permissions().mode() & 0o777 != 0o600 {
                fs::set_permissions(name, private).unwrap();
            }
        }
    }
    ok(encode(&vectors));
    for name in [&vectors, &index, &html] {
        assert_eq!(fs::metadata(name).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn an_output_goes_through_links_to_what_is_there_or_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (target, target_arg) = path(&folder, "target.jsonl");
    let (link, link_arg) = path(&folder, "link.jsonl");
    symlink("target.jsonl", &link).unwrap();
    for _ in 0..2 {
        ok(encode(&link_arg));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(n_lines(&target), 2);
    }
    let (index_link, index_arg) = path(&folder, "link.index");
    symlink("target.index", &index_link).unwrap();
    ok(splade(&["index", "-i", &target_arg, "-o", &index_arg, "--dimension", "30522"], b""));
    assert!(fs::symlink_metadata(&index_link).unwrap().is_symlink());
    assert!(folder.path().join("target.index").is_file());
}

#[test]
fn what_cannot_be_an_output_is_named_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (circle, circle_arg) = path(&folder, "circle.jsonl");
    symlink("circle.jsonl", &circle).unwrap();
    for name in [circle_arg.as_str(), "/dev/null/x"] {
        let ran = encode(name);
        assert_eq!(ran.code, Some(1), "{name}");
        assert!(ran.stderr.contains("cannot write"), "{}", ran.stderr);
    }
    let (_, vectors) = path(&folder, "v.jsonl");
    ok(encode(&vectors));
    let slash = folder.path().join("new/").to_str().unwrap().to_owned();
    for name in ["/dev/null", "-", folder.path().to_str().unwrap(), &slash] {
        let ran = splade(&["index", "-i", &vectors, "-o", name, "--dimension", "30522"], b"");
        assert_eq!(ran.code, Some(1), "{name}");
        assert!(ran.stderr.contains("cannot write"), "{}", ran.stderr);
    }
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_pipe_with_a_name_and_the_standard_streams_are_written_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, pipe_arg) = path(&folder, "pipe.jsonl");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let reader = std::thread::spawn(move || fs::read_to_string(pipe).unwrap());
    ok(encode(&pipe_arg));
    assert_eq!(reader.join().unwrap().lines().count(), 2);
    for name in ["-", "/dev/stdout"] {
        assert_eq!(ok(encode(name)).stdout.lines().count(), 2, "{name}");
    }
}

#[test]
fn standard_output_by_name_goes_on_after_what_the_shell_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let (file, argument) = path(&folder, "all.txt");
    let script = "(echo before; printf 'sunny\\n' | \"$0\" encode -q -m \"$1\" -i - -o /dev/stdout; echo after) > \"$2\"";
    let ran = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_splade"), &tiny(), &argument])
        .status();
    assert!(ran.unwrap().success());
    let all = fs::read_to_string(file).unwrap();
    assert!(all.starts_with("before\n{") && all.ends_with("after\n"), "{all}");
}

/// Like a single file mounted into a container.
#[test]
#[cfg(target_os = "linux")]
fn a_mount_point_is_refused_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let (file, argument) = path(&folder, "a mount.jsonl");
    fs::write(&file, "old").unwrap();
    let script = "mount --bind \"$1\" \"$1\" && exec \"$0\" encode -q -m none -i \"$2\" -o \"$1\"";
    let ran = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .args([env!("CARGO_BIN_EXE_splade"), &argument, &fixture("beir/corpus.jsonl")])
        .output();
    let stderr = ran.map_or_else(|e| e.to_string(), |ran| String::from_utf8(ran.stderr).unwrap());
    if !stderr.contains("error: ") {
        eprintln!("skipped, since this system lets nobody mount: {stderr}");
        return;
    }
    assert!(stderr.contains("a mount.jsonl: it is a mount point"), "{stderr}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_output_is_no_input_and_no_other_output() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| path(&folder, name).1;
    let (texts, link, report) = (at("texts.jsonl"), at("link.jsonl"), at("report"));
    let (model, beir) = (tiny(), fixture("beir"));
    fs::write(&texts, "{\"id\": \"a\", \"text\": \"sunny\"}\n").unwrap();
    symlink("texts.jsonl", &link).unwrap();
    for args in [
        &["encode", "-q", "-m", &model, "-i", &texts, "-o", &link][..],
        &["search", "-q", "-m", &model, "-c", &texts, "--queries", &texts, "-o", &texts],
        &["evaluate", "-q", "-m", &model, &beir, "--json", &report, "--write-run", &report],
        &["evaluate", "-q", "-m", &model, &beir, "--json", "-", "--write-run", "-"],
        &["evaluate", "-q", "-m", &model, &beir, "--json", "-", "--write-run", "/dev/stdout"],
    ] {
        let ran = splade(args, b"");
        assert_eq!(ran.code, Some(1), "{args:?}");
        assert!(ran.stderr.contains("named twice"), "{}", ran.stderr);
    }
    assert!(fs::read_to_string(&texts).unwrap().contains("sunny") && !Path::new(&report).exists());
}

#[test]
fn a_reader_of_a_named_output_that_is_gone_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (_, pipe) = path(&folder, "pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || drop(fs::File::open(pipe))
    });
    let texts = "sunny weather\n".repeat(20_000);
    let ran = splade(&["encode", "-q", "-m", &tiny(), "-i", "-", "-o", &pipe], texts.as_bytes());
    reader.join().unwrap();
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains(&pipe), "{}", ran.stderr);
}
