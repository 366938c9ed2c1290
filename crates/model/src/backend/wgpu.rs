//! burn-wgpu, with the stock bodies.

use burn_wgpu::Wgpu;
use wgpu::{Backends, Instance, InstanceDescriptor};

use crate::SpladeBackend;

impl SpladeBackend for Wgpu {}

/// Looks for a graphics adapter: burn-wgpu panics where there is none.
///
/// # Errors
/// A sentence that says what is missing.
pub fn probe_wgpu() -> Result<(), String> {
    let backends = Backends::PRIMARY;
    let instance = Instance::new(InstanceDescriptor {
        backends,
        ..InstanceDescriptor::new_without_display_handle()
    });
    if pollster::block_on(instance.enumerate_adapters(backends)).is_empty() {
        return Err("no Vulkan, Metal or DirectX 12 adapter was found; \
                    is the graphics driver installed?"
            .to_owned());
    }
    Ok(())
}
