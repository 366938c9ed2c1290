//! The cards of the CUDA driver.

use std::path::{Path, PathBuf};

use cudarc::driver::{result, sys};

use super::{Api, Card, CardKind};

const NO_DRIVER: &str = "the CUDA driver (libcuda) was not found; is the NVIDIA driver installed?";

/// The cards of this machine, in the driver's order.
///
/// # Errors
/// A sentence that says what is missing, if there are none.
pub fn cards() -> Result<Vec<Card>, String> {
    // SAFETY: it loads the driver's library, or reports that there is none; then every other call
    // would panic.
    if !unsafe { sys::is_culib_present() } {
        return Err(NO_DRIVER.into());
    }
    // SAFETY: as above, for the kernel compiler.
    if !unsafe { cudarc::nvrtc::sys::is_culib_present() } {
        return Err(
            "NVRTC (libnvrtc), which compiles CUDA kernels, was not found; install the CUDA \
                    toolkit, or its packages cuda-nvrtc and cuda-cudart-dev"
                .into(),
        );
    }
    if !toolkit().is_some_and(|folder| folder.join("include/cuda_fp16.h").exists()) {
        return Err("CUDA's headers, which its kernels include, were not found; install the CUDA toolkit, or \
                    its package cuda-cudart-dev, and name its folder in CUDA_PATH where it is not \
                    /usr/local/cuda"
            .into());
    }
    let failed = |error| format!("CUDA: {error}");
    result::init().map_err(failed)?;
    let count = result::device::get_count().map_err(failed)?;
    if count == 0 {
        return Err("the CUDA driver finds no card".into());
    }
    (0..count.unsigned_abs() as usize).map(card).collect()
}

/// The compute capability of a card: major and minor.
///
/// # Errors
/// A sentence that says what the driver lacks.
pub(crate) fn capability(index: usize) -> Result<(u32, u32), String> {
    // SAFETY: it loads the driver's library, or reports that there is none.
    if !unsafe { sys::is_culib_present() } {
        return Err(NO_DRIVER.into());
    }
    let failed = |error| format!("CUDA card {index}: {error}");
    result::init().map_err(failed)?;
    let device = result::device::get(index as i32).map_err(failed)?;
    // SAFETY: the driver has just returned this device.
    let attribute = |which| unsafe { result::device::get_attribute(device, which) }.map_err(failed);
    use sys::CUdevice_attribute_enum as Attribute;
    let major = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
    let minor = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
    Ok((major.unsigned_abs(), minor.unsigned_abs()))
}

/// The folder where cubecl-cuda 0.10 looks for CUDA's headers; without one, it panics.
fn toolkit() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("CUDA_PATH") {
        return Some(folder.into());
    }
    if cfg!(windows) {
        return Some("C:/Program Files/NVIDIA GPU Computing Toolkit/CUDA/".into());
    }
    let usual =
        ["/usr/local/cuda", "/opt/cuda"].map(Path::new).into_iter().find(|folder| folder.exists());
    usual.or(Path::new("/usr/bin/nvcc").exists().then(|| Path::new("/usr"))).map(Path::to_owned)
}

fn card(index: usize) -> Result<Card, String> {
    let failed = |error| format!("CUDA card {index}: {error}");
    // Without a context: one would be created and destroyed beside those in use.
    let device = result::device::get(index as i32).map_err(failed)?;
    let name = result::device::get_name(device).map_err(failed)?;
    // SAFETY: the driver has just returned this device.
    let attribute = |which| unsafe { result::device::get_attribute(device, which) }.map_err(failed);
    use sys::CUdevice_attribute_enum as Attribute;
    let domain = attribute(Attribute::CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID)?;
    let bus = attribute(Attribute::CU_DEVICE_ATTRIBUTE_PCI_BUS_ID)?;
    let device = attribute(Attribute::CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID)?;
    let bus = Some(format!("{domain:04x}:{bus:02x}:{device:02x}.0"));
    Ok(Card { api: Api::Cuda, index, name, kind: CardKind::Discrete, bus })
}
