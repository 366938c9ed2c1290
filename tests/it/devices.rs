//! The devices that the suite runs on, and why some are left out.

use splade::{Device, SparseEncoder, SpladeError};

/// A device, and the error that f32 rounding may cause there.
#[derive(Clone, Debug)]
pub struct Tested {
    pub device: Device,
    /// Allowed absolute error, and relative error on top.
    pub tolerance: f32,
}

/// The CPU backends of this build.
pub fn cpu() -> Vec<Tested> {
    let devices = [Device::NdArray, Device::Flex];
    let found: Vec<_> = devices
        .into_iter()
        .filter(is_there)
        .map(|device| Tested { device, tolerance: 1e-4 })
        .collect();
    assert!(!found.is_empty(), "no CPU backend is compiled in: nothing would be tested");
    found
}

/// The GPU, if there is one or a software driver; with `SPLADE_TEST_WGPU=require` there must be.
pub fn wgpu() -> Option<Tested> {
    let gpu = Device::Wgpu(0);
    let found = is_there(&gpu);
    let required = std::env::var_os("SPLADE_TEST_WGPU").is_some_and(|v| v == "require");
    assert!(found || !required, "SPLADE_TEST_WGPU=require, but wgpu cannot be used");
    found.then_some(Tested { device: gpu, tolerance: 2e-4 })
}

/// The first NVIDIA card, if there is one.
pub fn cuda() -> Option<Tested> {
    let device = Device::Cuda(0);
    is_there(&device).then_some(Tested { device, tolerance: 2e-4 })
}

pub fn all() -> Vec<Tested> {
    cpu().into_iter().chain(wgpu()).chain(cuda()).collect()
}

/// Tries the device on the smallest checkpoint; reports in one line why it is skipped.
fn is_there(device: &Device) -> bool {
    match SparseEncoder::builder()
        .device(device.clone())
        .load(crate::golden::fixture("random/bert-gelu"))
    {
        Ok(_) => true,
        Err(
            error @ (SpladeError::DeviceNotCompiled { .. } | SpladeError::DeviceNotFound { .. }),
        ) => {
            eprintln!("skipped: {error}");
            false
        }
        Err(error) => panic!("{device}: {error}"),
    }
}
