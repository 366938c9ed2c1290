//! From a device's name to a model that runs on it, in this build and on this machine.

use std::sync::Arc;

use splade_model::{BackendKind, Checkpoint, GpuProducts, Precision};

use super::{Backend, CPU_FEATURES, Loaded, Name, OnDevice, SeenCard, cards, names};
use crate::{Device, SpladeError};

/// Loads a checkpoint onto a device.
///
/// # Errors
/// A device whose backend is not compiled in, or that is not available; a broken checkpoint.
pub(crate) fn load<M: Loaded + ?Sized>(
    device: &Device,
    checkpoint: &Checkpoint,
) -> Result<Arc<OnDevice<M>>, SpladeError> {
    let (chosen, backend, name) = choose(device, |name| name.is_compiled, first_gpu)?;
    let absent = |why| SpladeError::DeviceNotFound { device: device.to_string(), why };
    if let Some(why) = name.unsupported {
        return Err(absent(why.to_owned()));
    }
    let Some(compiled) = &backend.compiled else {
        return Err(not_compiled(device, name.features));
    };
    M::loader(&compiled.loaders)(name.name, number(&chosen), checkpoint).map_err(absent)?
}

/// Settles which kernels multiply in a precision on a device, as loading a model onto it does.
///
/// # Errors
/// A device that is not available, or does not support the kernels.
pub(crate) fn settle_products(
    device: &Device,
    products: GpuProducts,
    precision: Precision,
) -> Result<GpuProducts, SpladeError> {
    let (chosen, backend, name) = choose(device, |name| name.is_compiled, first_gpu)?;
    let Some(compiled) = &backend.compiled else {
        return Err(not_compiled(device, name.features));
    };
    let absent = |why| SpladeError::DeviceNotFound { device: device.to_string(), why };
    let settled = (compiled.settle)(number(&chosen), products, precision).map_err(absent)?;
    Ok(settled?)
}

/// The device that a name means in this build on this machine: `cpu` is the compiled-in CPU backend
/// (`ndarray` before `flex`); `auto` is a GPU if there is one, else the CPU.
///
/// # Errors
/// A device whose backend is not compiled in.
pub(crate) fn resolve(device: &Device) -> Result<Device, SpladeError> {
    choose(device, |name| name.is_compiled, first_gpu).map(|(chosen, ..)| chosen)
}

fn choose(
    device: &Device,
    is_compiled: impl Fn(&Name) -> bool,
    gpu: impl Fn() -> Option<Device>,
) -> Result<(Device, &'static Backend, &'static Name), SpladeError> {
    let cpu = || {
        let mut found = names().filter(|(backend, _)| backend.kind == BackendKind::Host);
        found.find(|(_, name)| is_compiled(name)).map(|(_, name)| (name.device)(0))
    };
    let chosen = match device {
        Device::Auto => gpu().or_else(cpu),
        Device::Cpu => cpu(),
        named => Some(named.clone()),
    };
    let variant = std::mem::discriminant::<Device>;
    let found = chosen.and_then(|chosen| {
        let mut names = names();
        let row = names.find(|(_, name)| variant(&(name.device)(0)) == variant(&chosen));
        row.map(|(backend, name)| (chosen, backend, name))
    });
    match found {
        Some(found) if is_compiled(found.2) => Ok(found),
        Some((_, _, name)) => Err(not_compiled(device, name.features)),
        None => Err(not_compiled(device, CPU_FEATURES)),
    }
}

fn not_compiled(device: &Device, feature: &'static str) -> SpladeError {
    SpladeError::DeviceNotCompiled { device: device.to_string(), feature }
}

fn number(device: &Device) -> usize {
    match device {
        Device::Wgpu(number)
        | Device::Vulkan(number)
        | Device::Metal(number)
        | Device::Cuda(number) => *number,
        Device::Cpu | Device::NdArray | Device::Flex | Device::Auto => 0,
    }
}

/// The card of this machine that `auto` selects.
fn first_gpu() -> Option<Device> {
    best_gpu(&cards().0)
}

/// The first card that is a GPU. A driver that computes on the CPU does not count: the CPU backends
/// are faster.
fn best_gpu(cards: &[SeenCard]) -> Option<Device> {
    cards.iter().find(|card| !card.is_software).map(|card| card.device.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[&str] = &["ndarray", "flex", "wgpu", "vulkan", "metal", "cuda"];
    const FLEX: &[&str] = &["flex"];

    #[test]
    fn each_name_is_the_name_of_its_devices() {
        let rows: Vec<&str> = names().map(|(_, name)| name.name).collect();
        assert_eq!(rows, ALL);
        for (_, name) in names() {
            assert_eq!(name.name.parse::<Device>().unwrap(), (name.device)(0));
        }
    }

    #[test]
    fn names_mean_what_is_compiled_in_and_present() {
        let card = Some(Device::Cuda(0));
        for (device, compiled, gpu, expected) in [
            (Device::Cpu, ALL, &card, Device::NdArray),
            (Device::Cpu, FLEX, &None, Device::Flex),
            (Device::Auto, ALL, &card, Device::Cuda(0)),
            (Device::Auto, ALL, &None, Device::NdArray),
            (Device::Auto, FLEX, &None, Device::Flex),
            (Device::Flex, ALL, &card, Device::Flex),
            (Device::Vulkan(2), ALL, &card, Device::Vulkan(2)),
        ] {
            let found = choose(&device, |name| compiled.contains(&name.name), || gpu.clone());
            assert_eq!(found.map(|(chosen, ..)| chosen).unwrap(), expected, "{device}");
        }
    }

    #[test]
    fn a_device_that_is_not_compiled_in_names_its_feature() {
        for (device, compiled, features) in [
            (Device::NdArray, FLEX, "`ndarray`"),
            (Device::Wgpu(0), FLEX, "`wgpu`, `vulkan` or `metal`"),
            (Device::Vulkan(0), &["wgpu"], "`vulkan`"),
            (Device::Metal(0), FLEX, "`metal`"),
            (Device::Cuda(1), FLEX, "`cuda`"),
            (Device::Flex, &[], "`flex`"),
            (Device::Cpu, &[], "`ndarray` or `flex`"),
            (Device::Auto, &[], "`ndarray` or `flex`"),
        ] {
            let error = choose(&device, |name| compiled.contains(&name.name), || None).err();
            assert!(
                matches!(&error, Some(SpladeError::DeviceNotCompiled { feature, .. }) if *feature == features),
                "{device}: {error:?}"
            );
        }
    }

    #[test]
    fn a_driver_that_computes_on_the_cpu_is_no_gpu() {
        let card = |number, is_software| SeenCard {
            device: Device::Vulkan(number),
            name: "card".to_owned(),
            is_software,
            bus: None,
        };
        assert_eq!(best_gpu(&[card(0, true)]), None);
        assert_eq!(best_gpu(&[card(0, true), card(1, false)]), Some(Device::Vulkan(1)));
    }
}
