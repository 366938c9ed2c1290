//! burn-wgpu, with the stock bodies.

use burn_wgpu::Wgpu;
use wgpu::{Backends, DeviceType, Instance, InstanceDescriptor};

use crate::SpladeBackend;

impl SpladeBackend for Wgpu {}

/// What the best graphics adapter of a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// A graphics card, in the processor or beside it.
    Gpu,
    /// A driver that computes on the CPU.
    Software,
}

/// Looks for a graphics adapter: burn-wgpu panics where there is none.
///
/// # Errors
/// A sentence that says what is missing.
pub fn probe_wgpu() -> Result<Adapter, String> {
    let backends = Backends::PRIMARY;
    let instance = Instance::new(InstanceDescriptor {
        backends,
        ..InstanceDescriptor::new_without_display_handle()
    });
    let adapters = pollster::block_on(instance.enumerate_adapters(backends));
    if adapters.is_empty() {
        return Err("no Vulkan, Metal or DirectX 12 adapter was found; \
                    is the graphics driver installed?"
            .to_owned());
    }
    let is_gpu = |adapter: &wgpu::Adapter| adapter.get_info().device_type != DeviceType::Cpu;
    Ok(if adapters.iter().any(is_gpu) { Adapter::Gpu } else { Adapter::Software })
}
