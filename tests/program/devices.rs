//! `--device`, `--chunk-size`, and devices that are not there.

use crate::run::{Ran, command, encode_stdin, splade, tiny};

/// Ids and indices of the output: weights may differ by rounding.
fn places(ran: &Ran) -> Vec<(String, String)> {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let lines =
        ran.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.map(|line| (line["id"].to_string(), line["indices"].to_string())).collect()
}

#[test]
fn several_devices_give_the_rows_of_one_in_order() {
    let texts: String =
        (0..300).map(|i| format!("sentence {i} {}\n", "river ".repeat(i % 9))).collect();
    let one = places(&encode_stdin(texts.as_bytes(), &[]));
    assert_eq!(one.len(), 300);
    for more in [
        &["--device", "cpu,cpu"][..],
        &["--device", "cpu", "--device", "cpu", "--device", "auto", "--chunk-size", "7"],
        &["--chunk-size", "50", "--threads", "1"],
    ] {
        assert_eq!(places(&encode_stdin(texts.as_bytes(), more)), one, "{more:?}");
    }
}

#[test]
fn an_unknown_device_is_a_usage_error_that_lists_the_known() {
    let ran = splade(&["encode", "--model", &tiny(), "--device", "cpu,tpu", "x"], b"");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("tpu") && ran.stderr.contains("wgpu"), "{}", ran.stderr);
}

/// The Vulkan loader finds no driver where these variables say there is none.
#[test]
#[cfg(all(target_os = "linux", feature = "wgpu"))]
fn a_gpu_that_is_not_there_is_named() {
    for device in ["wgpu", "cpu,wgpu"] {
        let output = command()
            .args(["encode", "--model", &tiny(), "--device", device, "x"])
            .envs([("VK_DRIVER_FILES", "/dev/null"), ("VK_ICD_FILENAMES", "/dev/null")])
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("device `wgpu` is not there"), "{error}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn auto_is_the_cpu_where_there_is_no_gpu() {
    let output = command()
        .args(["encode", "--model", &tiny(), "--device", "auto", "x"])
        .envs([("VK_DRIVER_FILES", "/dev/null"), ("VK_ICD_FILENAMES", "/dev/null")])
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("on ndarray") || shown.contains("on flex"), "{shown}");
}
