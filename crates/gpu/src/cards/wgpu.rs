//! The adapters of wgpu.

use burn_wgpu::WgpuDevice;
use wgpu::{Backend, DeviceType, Instance, InstanceDescriptor};

use super::{Api, Card, CardKind};

/// The API that burn-wgpu uses on this platform.
const API: Api = if cfg!(target_os = "macos") { Api::Metal } else { Api::Vulkan };

/// A card, and its device in burn.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// The card.
    pub card: Card,
    /// The device of burn-wgpu.
    pub device: WgpuDevice,
}

/// The adapters of this machine, best first.
///
/// # Errors
/// A sentence that says what is missing, if there are none.
pub fn adapters() -> Result<Vec<Adapter>, String> {
    let backend = if API == Api::Metal { Backend::Metal } else { Backend::Vulkan };
    let instance = Instance::new(InstanceDescriptor {
        backends: backend.into(),
        ..InstanceDescriptor::new_without_display_handle()
    });
    let found = pollster::block_on(instance.enumerate_adapters(backend.into()));
    if found.is_empty() {
        return Err(match API {
            Api::Metal => "no Metal device was found".to_owned(),
            _ => "no Vulkan adapter was found; is the graphics driver installed? (Debian, Ubuntu: \
                  libvulkan1 and the card's driver, or mesa-vulkan-drivers)"
                .to_owned(),
        });
    }
    let infos: Vec<_> = found.iter().map(wgpu::Adapter::get_info).collect();
    let mut adapters: Vec<Adapter> = infos
        .iter()
        .enumerate()
        .map(|(i, info)| {
            let alike = |other: &wgpu::AdapterInfo| other.device_type == info.device_type;
            let number = infos[..i].iter().filter(|other| alike(other)).count();
            let kind = kind(info.device_type);
            let bus = Some(info.device_pci_bus_id.to_lowercase()).filter(|bus| !bus.is_empty());
            let card = Card { api: API, index: 0, name: info.name.clone(), kind, bus };
            Adapter { card, device: device(kind, number) }
        })
        .collect();
    adapters.sort_by_key(|adapter| adapter.card.kind);
    for (index, adapter) in adapters.iter_mut().enumerate() {
        adapter.card.index = index;
    }
    Ok(adapters)
}

fn kind(found: DeviceType) -> CardKind {
    match found {
        DeviceType::DiscreteGpu => CardKind::Discrete,
        DeviceType::IntegratedGpu => CardKind::Integrated,
        DeviceType::VirtualGpu => CardKind::Virtual,
        DeviceType::Other => CardKind::Other,
        DeviceType::Cpu => CardKind::Software,
    }
}

/// burn numbers the cards of each kind separately.
fn device(kind: CardKind, number: usize) -> WgpuDevice {
    match kind {
        CardKind::Discrete => WgpuDevice::DiscreteGpu(number),
        CardKind::Integrated => WgpuDevice::IntegratedGpu(number),
        CardKind::Virtual => WgpuDevice::VirtualGpu(number),
        CardKind::Other => WgpuDevice::DefaultDevice,
        CardKind::Software => WgpuDevice::Cpu,
    }
}
