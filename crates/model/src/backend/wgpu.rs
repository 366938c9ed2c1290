//! burn-wgpu, with the stock bodies.

use burn_wgpu::Wgpu;

use crate::SpladeBackend;

impl SpladeBackend for Wgpu {}
