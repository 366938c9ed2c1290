//! `--device`, `--chunk-size`, and missing devices.

use crate::run::{Ran, command, encode_stdin, splade, tiny};

/// Ids and indices of the output: weights may differ by rounding.
fn ids_and_indices(ran: &Ran) -> Vec<(String, String)> {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let lines =
        ran.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.map(|line| (line["id"].to_string(), line["indices"].to_string())).collect()
}

#[test]
fn several_devices_give_the_rows_of_one_in_order() {
    let texts: String =
        (0..300).map(|i| format!("sentence {i} {}\n", "river ".repeat(i % 9))).collect();
    let one = ids_and_indices(&encode_stdin(texts.as_bytes(), &[]));
    assert_eq!(one.len(), 300);
    for more in [
        &["--device", "cpu,cpu"][..],
        &["--device", "cpu", "--device", "cpu", "--device", "auto", "--chunk-size", "7"],
        &["--chunk-size", "50", "--threads", "1"],
    ] {
        assert_eq!(ids_and_indices(&encode_stdin(texts.as_bytes(), more)), one, "{more:?}");
    }
}

#[test]
fn an_unknown_device_is_a_usage_error_that_lists_the_known() {
    let ran = splade(&["encode", "--model", &tiny(), "--device", "cpu,tpu", "x"], b"");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("tpu") && ran.stderr.contains("wgpu"), "{}", ran.stderr);
}

/// The Vulkan loader finds no driver if these variables name none.
#[test]
#[cfg(all(target_os = "linux", feature = "wgpu"))]
fn a_gpu_that_is_not_there_is_named() {
    for device in ["wgpu:0", "cpu,wgpu:0"] {
        let output = command()
            .args(["encode", "--model", &tiny(), "--device", device, "x"])
            .envs([("VK_DRIVER_FILES", "/dev/null"), ("VK_ICD_FILENAMES", "/dev/null")])
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("device `wgpu:0` is not available"), "{error}");
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

#[test]
fn the_devices_of_the_machine_are_listed() {
    let ran = splade(&["devices"], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("cpu, ") && ran.stdout.contains("threads"), "{}", ran.stdout);
    assert!(ran.stdout.contains("`auto` is"), "{}", ran.stdout);

    let ran = splade(&["devices", "--json"], b"");
    let devices: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let found = devices["found"].as_array().unwrap();
    assert_eq!(found[0]["names"][0], "cpu");
    // A compiled backend finds a card, or says why it does not.
    for (feature, is_compiled) in
        [("wgpu", cfg!(feature = "wgpu")), ("cuda", cfg!(feature = "cuda"))]
    {
        let absent = devices["not_compiled"].as_array().unwrap().iter().any(|f| f == feature);
        assert_eq!(absent, !is_compiled, "{devices}");
    }
}

#[test]
fn kernels_that_a_device_lacks_are_refused_by_name() {
    let with = |products| {
        splade(&["encode", "--model", &tiny(), "--gpu-products", products, "river"], b"")
    };
    let refused = with("hopper");
    assert_eq!(refused.code, Some(1));
    for part in ["hopper products are not available on this device", "choose cubecl, or auto"] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let (automatic, default) = (with("auto"), with("cubecl"));
    assert_eq!(automatic.code, Some(0), "{}", automatic.stderr);
    assert_eq!(automatic.stdout, default.stdout);

    let unknown = with("cublas");
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("cubecl, hopper and auto"), "{}", unknown.stderr);
}

#[test]
fn a_check_of_kernels_needs_no_card() {
    let ran = splade(&["devices", "--check-products", "--json"], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let devices: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(devices["refused_products"].is_null(), "{devices}");
    assert_eq!(devices["found"][0]["product_checks"], serde_json::json!([]));
}

#[test]
#[cfg(feature = "wgpu")]
fn a_card_beyond_the_last_says_how_many_there_are() {
    for device in ["wgpu:99", "vulkan:99"] {
        let ran = splade(&["encode", "--model", &tiny(), "--device", device, "x"], b"");
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let is_counted = ran.stderr.contains("card");
        let named = format!("device `{device}`");
        assert!(ran.stderr.contains(&named), "{}", ran.stderr);
        assert!(is_counted || ran.stderr.contains("adapter") || ran.stderr.contains("feature"));
    }
}

#[test]
#[cfg(not(target_os = "macos"))]
fn metal_is_for_macs() {
    for device in ["metal", "mps:1"] {
        let ran = splade(&["encode", "--model", &tiny(), "--device", device, "x"], b"");
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains("device `metal:"), "{}", ran.stderr);
    }
}
