//! The devices of this machine that this build can run on.

use serde::Serialize;
use splade_model::{BackendKind, GpuProducts, Isa, Precision};

use crate::backends::{Backend, Name, SeenCard, cards, hopper_refusal, names, settle_products};
use crate::{Device, SpladeError};

/// What this build can run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Devices {
    /// The available devices, each listed once; `auto` selects the first GPU, else the CPU.
    pub found: Vec<DeviceInfo>,
    /// Backends that are compiled in and find no card.
    pub missing: Vec<MissingBackend>,
    /// Backends that are not compiled in, by their cargo features.
    pub not_compiled: Vec<&'static str>,
    /// Why the kernel for Hopper cards ([`GpuProducts`]) is not used in this process, if a check
    /// of it failed.
    pub refused_products: Option<String>,
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
    /// What [`Devices::find_checked`] found about the kernel for Hopper cards, one sentence for
    /// each precision.
    pub product_checks: Vec<String>,
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
            refused_products: hopper_refusal(),
        }
    }

    /// Like [`find`](Self::find), after checking the kernel for Hopper cards on each card of CUDA,
    /// as [`GpuProducts::Hopper`] does when a model is loaded. If the kernel hangs, the process is
    /// aborted after two minutes.
    #[must_use]
    pub fn find_checked() -> Self {
        let mut devices = Self::find();
        for device in &mut devices.found {
            let cards = device.names.iter().filter_map(|name| name.parse().ok());
            let cards: Vec<Device> = cards.filter(|card| matches!(card, Device::Cuda(_))).collect();
            for card in cards {
                let checks = [Precision::Bf16, Precision::F16].map(|precision| {
                    let settled = settle_products(&card, GpuProducts::Hopper, precision);
                    said_of_products(precision, settled, hopper_refusal())
                });
                device.product_checks.extend(checks);
            }
        }
        Self { refused_products: hopper_refusal(), ..devices }
    }
}

/// A sentence about the check of a precision.
fn said_of_products(
    precision: Precision,
    settled: Result<GpuProducts, SpladeError>,
    refusal: Option<String>,
) -> String {
    match (settled, refusal) {
        (Ok(GpuProducts::Hopper), _) => format!("{precision}: hopper products passed their check"),
        (Ok(_), Some(why)) => format!("{precision}: hopper products failed their check: {why}"),
        (Ok(products), None) => format!("{precision}: products by {products}"),
        (Err(error), _) => format!("{precision}: {error}"),
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
    Some(DeviceInfo { names, description, is_gpu: false, product_checks: Vec::new() })
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
                let (names, product_checks) = (vec![name], Vec::new());
                found.push((bus, DeviceInfo { names, description, is_gpu, product_checks }));
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
    fn a_check_is_told_with_its_reason() {
        let said = |settled, refusal: Option<&str>| {
            said_of_products(Precision::Bf16, settled, refusal.map(str::to_owned))
        };
        assert_eq!(said(Ok(GpuProducts::Hopper), None), "bf16: hopper products passed their check");
        assert_eq!(
            said(Ok(GpuProducts::CubeCl), Some("head in bf16: 3 of 8 numbers are wrong")),
            "bf16: hopper products failed their check: head in bf16: 3 of 8 numbers are wrong"
        );
        let absent = SpladeError::DeviceNotFound { device: "cuda:0".into(), why: "lost".into() };
        assert!(said(Err(absent), None).starts_with("bf16: device `cuda:0` is not available"));
    }

    #[test]
    fn what_is_not_compiled_in_is_named() {
        let only_flex = |name: &Name| name.name == "flex";
        assert_eq!(not_compiled(only_flex), ["ndarray", "wgpu", "vulkan", "metal", "cuda"]);
        assert_eq!(cpus(only_flex).unwrap().names, ["cpu", "flex"]);
    }
}
