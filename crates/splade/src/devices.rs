//! The devices of this machine that this build can run on.

use serde::Serialize;
use splade_model::{BackendKind, Isa, Precision};

use crate::backends::{Backend, Name, SeenCard, cards, names};

/// What this build can run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Devices {
    /// The available devices, each listed once; `auto` selects the first GPU, else the CPU.
    pub found: Vec<DeviceInfo>,
    /// Backends that are compiled in and find no card.
    pub missing: Vec<MissingBackend>,
    /// Backends that are not compiled in, by their cargo features.
    pub not_compiled: Vec<&'static str>,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// Its names, the fastest backend first: a card may be available through CUDA and Vulkan.
    pub names: Vec<String>,
    /// A description for people.
    pub description: String,
    /// Whether it is a graphics card.
    pub is_gpu: bool,
}

/// A backend without a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingBackend {
    /// The name of its devices.
    pub backend: &'static str,
    /// What is missing.
    pub why: String,
}

impl Devices {
    /// Looks for devices on this machine. A backend whose driver fails is listed as missing.
    #[must_use]
    pub fn find() -> Self {
        let (cards, missing) = cards();
        let missing = missing.into_iter().map(|(backend, why)| MissingBackend { backend, why });
        Self {
            found: cpus(|name| name.is_compiled).into_iter().chain(merge(&cards)).collect(),
            missing: missing.collect(),
            not_compiled: not_compiled(|name| name.is_compiled),
        }
    }
}

fn cpus(is_compiled: impl Fn(&Name) -> bool) -> Option<DeviceInfo> {
    let is_there = |(backend, name): &(&Backend, &Name)| {
        backend.kind == BackendKind::Host && is_compiled(name)
    };
    let names: Vec<&str> = names().filter(is_there).map(|(_, name)| name.name).collect();
    if names.is_empty() {
        return None;
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let precisions = Precision::ALL.into_iter();
    let precisions =
        precisions.filter_map(|p| Some(format!("{p} on {}", p.instructions(Isa::detect())?)));
    let precisions = precisions.collect::<Vec<_>>().join(", ");
    let description = format!("the processor, {threads} threads; {precisions}");
    let names = ["cpu"].into_iter().chain(names).map(str::to_owned).collect();
    Some(DeviceInfo { names, description, is_gpu: false })
}

/// Lists each card once, with all its names: cards with the same bus address are one card.
fn merge(cards: &[SeenCard]) -> Vec<DeviceInfo> {
    let mut found: Vec<(Option<&str>, DeviceInfo)> = Vec::new();
    for card in cards {
        let bus = card.bus.as_deref();
        let name = card.device.to_string();
        match found.iter_mut().find(|(other, _)| bus.is_some() && *other == bus) {
            Some((_, info)) => info.names.push(name),
            None => {
                let software = if card.is_software { " (computes on the processor)" } else { "" };
                let description = format!("{}{software}", card.name);
                let is_gpu = !card.is_software;
                found.push((bus, DeviceInfo { names: vec![name], description, is_gpu }));
            }
        }
    }
    found.into_iter().map(|(_, info)| info).collect()
}

fn not_compiled(is_compiled: impl Fn(&Name) -> bool) -> Vec<&'static str> {
    names().filter(|(_, name)| !is_compiled(name)).map(|(_, name)| name.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    fn card(device: Device, bus: Option<&str>) -> SeenCard {
        let name = "NVIDIA H100".to_owned();
        SeenCard { device, name, is_software: false, bus: bus.map(str::to_owned) }
    }

    #[test]
    fn one_card_of_two_backends_is_listed_once() {
        let found = merge(&[
            card(Device::Cuda(0), Some("0000:65:00.0")),
            card(Device::Cuda(1), Some("0000:66:00.0")),
            card(Device::Vulkan(0), Some("0000:66:00.0")),
            card(Device::Vulkan(1), None),
            card(Device::Vulkan(2), None),
        ]);
        let names: Vec<_> = found.into_iter().map(|info| info.names.join(" ")).collect();
        assert_eq!(names, ["cuda:0", "cuda:1 vulkan:0", "vulkan:1", "vulkan:2"]);
    }

    #[test]
    fn what_is_not_compiled_in_is_named() {
        let only_flex = |name: &Name| name.name == "flex";
        assert_eq!(not_compiled(only_flex), ["ndarray", "wgpu", "vulkan", "metal", "cuda"]);
        assert_eq!(cpus(only_flex).unwrap().names, ["cpu", "flex"]);
    }
}
